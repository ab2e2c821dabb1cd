"""Which nodes are set aside for waiting jobs, over future time."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from qhpcsim.policies.batch.state import INF


class NodeSpace:
    """A step function of node sets: ``masks[k]`` is not reserved in ``[times[k], times[k+1])``.

    Args:
        now_s: Where it begins.
        all_nodes: Every node, one bit each.
    """

    def __init__(self, now_s: float, all_nodes: int) -> None:
        self.times: list[float] = [now_s]
        self.masks: list[int] = [all_nodes]

    def available(self, start_s: float, end_s: float) -> tuple[int, float]:
        """Return the nodes not reserved at any time in ``[start_s, end_s]``, and the next time that set may change.

        Returns:
            Node set, and the end of the step that holds ``start_s`` (inf for the last one).
        """
        times = self.times
        at = max(bisect_right(times, start_s) - 1, 0)
        later_s = times[at + 1] if at + 1 < len(times) else INF
        mask = self.masks[at]
        for k in range(at + 1, bisect_right(times, end_s)):
            mask &= self.masks[k]
        return mask, later_s

    def overlaps(self, start_s: float, end_s: float, nodes: int) -> bool:
        """Return whether one of ``nodes`` is reserved at some time in ``[start_s, end_s)``."""
        at = max(bisect_right(self.times, start_s) - 1, 0)
        return any(nodes & ~mask for mask in self.masks[at : max(at + 1, bisect_left(self.times, end_s))])

    def reserve(self, start_s: float, end_s: float, nodes: int) -> None:
        """Set ``nodes`` aside over ``[start_s, end_s)``."""
        start_s = max(start_s, self.times[0])
        if end_s <= start_s:
            return
        first = self._cut(start_s)
        last = len(self.times) if end_s == INF else self._cut(end_s)
        for k in range(first, last):
            self.masks[k] &= ~nodes

    def _cut(self, time_s: float) -> int:
        """Return the index of the step that begins at ``time_s``, splitting one if need be."""
        at = bisect_left(self.times, time_s)
        if at == len(self.times) or self.times[at] != time_s:
            self.times.insert(at, time_s)
            self.masks.insert(at, self.masks[at - 1])
        return at
