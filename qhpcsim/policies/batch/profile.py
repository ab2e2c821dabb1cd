"""The free nodes of a machine over future time, as backfilling plans them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from qhpcsim.policies.batch.state import INF, QueueState


class Profile:
    """A step function: ``free[k]`` nodes are free in ``[times[k], times[k+1])``, the last step lasts for ever.

    Args:
        now_s: Where the profile begins.
        free: Nodes free from then on.
    """

    __slots__ = ("free", "times")

    def __init__(self, now_s: float, free: int) -> None:
        self.times: list[float] = [now_s]
        self.free: list[int] = [free]

    @classmethod
    def of_running(cls, state: QueueState) -> Profile:
        """Return the profile of a partition in which nothing but the running jobs is planned.

        Jobs that outrun their expected end count as ending now.
        """
        profile = cls(state.now_s, state.free_nodes)
        times, free = profile.times, profile.free
        total = state.free_nodes
        for end_s, job in state.running:
            if end_s == INF:
                break
            total += state.nodes[job]
            if end_s <= times[-1]:
                free[-1] = total
            else:
                times.append(end_s)
                free.append(total)
        return profile

    def earliest(self, need: int, length_s: float, from_s: float) -> float:
        """Return the first time ≥ ``from_s`` at which ``need`` nodes are free for ``length_s`` on end.

        Returns:
            inf if there is none.
        """
        times, free = self.times, self.free
        count = len(times)
        at = max(bisect_right(times, from_s) - 1, 0)
        while at < count:
            if free[at] < need:
                at += 1
                continue
            start_s = max(times[at], from_s)
            end_s = start_s + length_s
            ahead = at + 1
            while ahead < count and times[ahead] < end_s and free[ahead] >= need:
                ahead += 1
            if ahead == count or times[ahead] >= end_s:
                return start_s
            at = ahead + 1
        return INF

    def add(self, start_s: float, end_s: float, nodes: int) -> None:
        """Change the free nodes by ``nodes`` over ``[start_s, end_s)``; negative takes, positive gives back."""
        if not start_s < end_s:
            return
        first = self._cut(start_s)
        last = len(self.times) if end_s == INF else self._cut(end_s)
        free = self.free
        for k in range(first, last):
            free[k] += nodes

    def forget_before(self, now_s: float) -> None:
        """Drop the steps that ended before ``now_s``; the profile then begins there."""
        at = bisect_right(self.times, now_s) - 1
        if at > 0:
            del self.times[:at], self.free[:at]
        if at >= 0:
            self.times[0] = now_s

    def _cut(self, time_s: float) -> int:
        """Return the index of the step that begins at ``time_s``, splitting one if need be."""
        times, free = self.times, self.free
        at = bisect_left(times, time_s)
        if at == len(times) or times[at] != time_s:
            times.insert(at, time_s)
            free.insert(at, free[at - 1])
        return at
