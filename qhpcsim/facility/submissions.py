"""When the jobs of one partition join its queue: at their submission, or when what they waited for is over."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heapify, heappop, heappush

from qhpcsim.policies.batch.state import INF


class Submissions:
    """Jobs still to come, those of the trace and those that are sent in on the way, by (time, file line).

    Args:
        jobs: Jobs of the trace that join at their submission, in (submit, file line) order.
        submit_s: (n,) submissions.
    """

    def __init__(self, jobs: Sequence[int], submit_s: list[float]) -> None:
        self._jobs, self._submit_s = list(jobs), submit_s
        self._n_gone = 0
        self._late: list[tuple[float, int]] = []

    @property
    def next_s(self) -> float:
        """Time of the next one; inf: nobody comes."""
        late_s = self._late[0][0] if self._late else INF
        if self._n_gone < len(self._jobs):
            return min(late_s, self._submit_s[self._jobs[self._n_gone]])
        return late_s

    def add(self, job: int, time_s: float) -> None:
        """Let a job join at ``time_s``."""
        heappush(self._late, (time_s, job))

    def withdraw(self, job: int) -> None:
        """Forget a job that was added."""
        self._late = [entry for entry in self._late if entry[1] != job]
        heapify(self._late)

    def pop(self, now_s: float) -> int:
        """Return the next job that joins by ``now_s``, -1 if there is none."""
        due = -1
        if self._n_gone < len(self._jobs):
            job = self._jobs[self._n_gone]
            if self._submit_s[job] <= now_s:
                due = job
        if self._late and self._late[0][0] <= now_s and (due < 0 or self._late[0] < (self._submit_s[due], due)):
            return heappop(self._late)[1]
        if due >= 0:
            self._n_gone += 1
        return due
