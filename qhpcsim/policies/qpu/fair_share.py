"""IBM's fair share: the group that has used least of its share in a rolling window goes first."""

from __future__ import annotations

from collections import deque
from typing import Self

from qhpcsim.core.registry import register
from qhpcsim.policies.qpu.discipline import LaneDiscipline, QueueJobs
from qhpcsim.qpu_scenario import FairShareDiscipline, QpuDiscipline


class Usage:
    """QPU seconds of groups and users in a rolling window, over all QPUs of a service.

    Args:
        window_s: Usage older than this is forgotten.
    """

    def __init__(self, window_s: float) -> None:
        self.window_s = window_s
        self.group_s: dict[int, float] = {}
        self.user_s: dict[tuple[int, int], float] = {}
        self._log: deque[tuple[float, int, int, float]] = deque()

    def add(self, group: int, user: int, seconds: float, now_s: float) -> None:
        """Note usage that ended now."""
        self._log.append((now_s, group, user, seconds))
        self._change(group, user, seconds)

    def forget(self, now_s: float) -> None:
        """Drop what has left the window."""
        while self._log and self._log[0][0] <= now_s - self.window_s:
            _, group, user, seconds = self._log.popleft()
            self._change(group, user, -seconds)
        if not self._log:
            # What is left is rounding error.
            self.group_s.clear()
            self.user_s.clear()

    def _change(self, group: int, user: int, seconds: float) -> None:
        self.group_s[group] = self.group_s.get(group, 0.0) + seconds
        self.user_s[group, user] = self.user_s.get((group, user), 0.0) + seconds


@register(
    "discipline",
    "fair_share",
    summary="least used part of its share in a rolling 28 days first: group, then user, then first come",
    source="IBM Quantum documentation, 'Fair-share scheduler'",
    params=FairShareDiscipline,
)
class FairShare(LaneDiscipline):
    """Serves the group with the least used / allocated share, within it the user with the least usage, then FIFO.

    Model: usage is QPU time of jobs that ended within the last ``window_s``, over all QPUs of the service; groups that
        are even go by their users' usage, then by the job that joined first.
    Assumes: a job counts when it ends, as a whole.
    Not modelled: the part of running jobs; shares that change with time.
    Source: IBM Quantum documentation, "Fair-share scheduler" (rolling 28 days).
    """

    watches_use = True

    def __init__(self, jobs: QueueJobs, qpu: int, params: QpuDiscipline) -> None:
        super().__init__(jobs, qpu, params)
        fair = params if isinstance(params, FairShareDiscipline) else FairShareDiscipline()
        self._shares = fair.shares
        self.usage = Usage(fair.window_s)

    @classmethod
    def fleet(cls, jobs: QueueJobs, n_qpus: int, params: QpuDiscipline) -> list[Self]:
        """Return the queues of all QPUs; they share one account of usage."""
        queues = super().fleet(jobs, n_qpus, params)
        for queue in queues:
            queue.usage = queues[0].usage
        return queues

    def lane(self, job: int) -> tuple[int, int]:
        """Return the group and the user."""
        return self.jobs.group[job], self.jobs.user[job]

    def used(self, job: int, seconds: float, now_s: float) -> None:
        """Charge the job's group and user."""
        self.usage.add(self.jobs.group[job], self.jobs.user[job], seconds, now_s)

    def peek(self, now_s: float) -> int:
        """Return the oldest job of the most entitled user of the most entitled group."""
        if not self.lanes:
            return -1
        self.usage.forget(now_s)
        return min(self._rank(lane) for lane in self.lanes)[-1]

    def _rank(self, lane: tuple[int, int]) -> tuple[float, float, int, int]:
        group, user = lane
        used_frac = self.usage.group_s.get(group, 0.0) / self._share(group)
        return used_frac, self.usage.user_s.get((group, user), 0.0), *self.lanes[lane][0]

    def _share(self, group: int) -> float:
        names = self.jobs.group_names
        return self._shares.get(names[group], 1.0) if 0 <= group < len(names) else 1.0
