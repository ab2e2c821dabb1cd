"""Batch systems of the other named semantics: who is served when at one instant."""

from __future__ import annotations

from heapq import heappop
from typing import Any

from qhpcsim.facility.batch_system import BatchSystem


class EachBatchSystem(BatchSystem):
    """Semantics ``each``: a pass after every single event, ends (by time, then job) before submissions."""

    takes_open_jobs = False

    def _instant(self, now_s: float) -> None:
        if self.rule.wake_s <= now_s:
            self._pass([], [])
        while True:
            if self._ends and self._ends[0][0] <= now_s:
                self._pass([self._end()], [])
            elif (job := self._submissions.pop(now_s)) >= 0:
                self._join(job)
                self._pass([], [job])
            else:
                return


class PyssBatchSystem(BatchSystem):
    """Semantics ``pyss``: a pass after every event, submissions before ends; nodes count as free at the estimate.

    A running job whose expected end is now gives its nodes to waiting jobs at once, even if its end is handled later
    in the same instant. Jobs that end together do so in the order in which they started.
    """

    takes_open_jobs = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._expired: set[int] = set()
        self._sequence: list[int] = []
        super().__init__(*args, **kwargs)

    def _instant(self, now_s: float) -> None:
        while (job := self._submissions.pop(now_s)) >= 0:
            self._expire(now_s)
            self._join(job)
            self._pass([], [job])
        while self._ends and self._ends[0][0] <= now_s:
            self._expire(now_s)
            self._pass([self._end()], [])
        if self.rule.wake_s <= now_s:
            self._expire(now_s)
            self._pass([], [])
        if self.next_s() <= now_s:
            self._instant(now_s)

    def _expire(self, now_s: float) -> None:
        """Free the nodes of running jobs whose expected end has come."""
        running, state = self.state.running, self.state
        while running and running[0][0] <= now_s:
            job = running.pop(0)[1]
            state.free_nodes += state.nodes[job]
            self._expired.add(job)

    def _tie(self, job: int) -> int:
        self._sequence.append(job)
        return len(self._sequence) - 1

    def _pop_end(self) -> int:
        return self._sequence[heappop(self._ends)[1]]

    def _release(self, job: int) -> None:
        if job in self._expired:
            self._expired.discard(job)
        else:
            self.state.end(job)


SYSTEMS: dict[str, type[BatchSystem]] = {
    "batch": BatchSystem,
    "batsched": BatchSystem,
    "each": EachBatchSystem,
    "pyss": PyssBatchSystem,
}
"""Batch system of each named semantics."""
