"""When and where a waiting job could start if every running job held its nodes to its time limit."""

from __future__ import annotations

from typing import Any

from qhpcsim.policies.batch.state import QueueState

FIRST_WINDOW_S = 30.0
"""Running jobs that end within this time of each other are released together (Slurm, ``bf_window_linear``)."""

Answer = tuple[float, tuple[int, ...]] | None


class Forecast:
    """The machine of one backfill cycle, now and after each expected end.

    Model: the running jobs are released in order of expected end, in groups: the first group spans 30 s, each
        further one twice as long as the one before it (or longer by ``window_step_s``). After each group the waiting
        job is tried; it could start when the group's last job ends.
    Assumes: running jobs end at their time limits; those past it end in the next second.
    Not modelled: preemption; licences; the limit of 200 jobs a group and of 2 s of processor time a test.
    Source: https://slurm.schedmd.com/slurm.conf.html (SchedulerParameters, bf_window_linear)

    Args:
        state: The partition; its pool is read, not changed.
        window_step_s: Growth of the groups' span; 0: it doubles.
    """

    def __init__(self, state: QueueState, window_step_s: float = 0.0) -> None:
        self.now_s = state.now_s
        self._step_s = window_step_s
        self._jobs = [job for _, job in state.running]
        self._ends = [end_s for end_s, _ in state.running]
        holding = state.pool.holding
        self._masks = [sum(1 << node for node in holding[job]) for job in self._jobs]
        self._after: list[Any] = [state.pool.copy()]
        self._known: dict[tuple[Any, int], Answer] = {}

    def ask(self, demand: Any, allowed: int) -> Answer:
        """Return (start time, nodes) of a job with this demand, or None if it can never start.

        Args:
            demand: What the job wants, from the pool.
            allowed: Nodes that may be used, one bit each.
        """
        key = (demand, allowed & demand.mask)
        if key not in self._known:
            self._known[key] = self._search(*key)
        return self._known[key]

    def _search(self, demand: Any, allowed: int) -> Answer:
        nodes = self._after[0].place_demand(demand, allowed)
        if nodes is not None:
            return self.now_s, nodes
        if allowed.bit_count() < demand.nodes:
            return None
        holders = [k for k, mask in enumerate(self._masks) if mask & allowed]
        at, window_s = 0, FIRST_WINDOW_S
        while at < len(holders):
            limit_s = self._ends[holders[at]] + window_s
            at += 1
            while at < len(holders) and self._ends[holders[at]] <= limit_s:
                at += 1
            last = holders[at - 1]
            nodes = self._released(last + 1).place_demand(demand, allowed)
            if nodes is not None:
                return max(self._ends[last], self.now_s + 1.0), nodes
            window_s = window_s + self._step_s if self._step_s else 2 * window_s
        return None

    def _released(self, count: int) -> Any:
        """Return the pool after the first ``count`` running jobs ended."""
        while len(self._after) <= count:
            pool = self._after[-1].copy()
            pool.release(self._jobs[len(self._after) - 1])
            self._after.append(pool)
        return self._after[count]
