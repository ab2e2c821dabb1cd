"""The front door of a service whose QPU choice decides on whole batches: there jobs gather until one is sent."""

from __future__ import annotations

from heapq import heappush
from typing import TYPE_CHECKING

from qhpcsim.facility.qpu_server import GATHER, WAKE
from qhpcsim.policies.qpu.choice import BatchChoice

if TYPE_CHECKING:
    from qhpcsim.facility.qpu_router import QpuRouter
    from qhpcsim.facility.qpu_service import QpuSystem


class Hall:
    """Jobs that wait for the choice of their QPU.

    Model: jobs for which several QPUs are able gather. A batch is sent when it is full, or when its first job has
        waited for the interval. The jobs of one batch join the queues in order of their arrival.
    Assumes: a session counts as its first job; its other jobs follow that to its QPU.
    Not modelled: the time that the decision itself takes.
    Source: Giortamis et al. 2024 (Qonductor), arXiv:2408.04312.

    Args:
        system: The service.
        router: Finds the QPUs that are able.
        choice: The rule.
    """

    def __init__(self, system: QpuSystem, router: QpuRouter, choice: BatchChoice) -> None:
        self._system, self._router, self._choice = system, router, choice
        self._jobs: list[int] = []
        self._sessions: set[int] = set()
        self._round = 0
        """Counts batches, so that an old timer is told from a new one."""

    def takes(self, job: int, home: int, now_s: float) -> bool:
        """Return whether a job that has come stays here until a batch is sent."""
        session = self._system.jobs.session[job]
        if session not in self._sessions and len(self._router.able(job, home, now_s)) < 2:
            return False
        self._jobs.append(job)
        if session >= 0:
            self._sessions.add(session)
        if len(self._jobs) == 1:
            self._time(now_s + self._choice.interval_s)
        if len(self._jobs) == self._choice.max_batch:
            self._time(now_s)
        return True

    def send(self, number: int, now_s: float) -> None:
        """Send a batch to the QPUs, if the timer that rang is that of the batch which gathers now."""
        if number != self._round:
            return
        size = self._choice.max_batch
        batch, self._jobs = self._jobs[:size], self._jobs[size:]
        self._round += 1
        sessions = self._system.jobs.session
        self._sessions = {sessions[job] for job in self._jobs if sessions[job] >= 0}
        if self._jobs:
            self._time(now_s if len(self._jobs) >= size else now_s + self._choice.interval_s)
        chosen = self._choose(batch, now_s)
        for job in batch:
            where = self._system.enter(job, self._confirmed(job, chosen.get(job, -1), now_s), now_s)
            if where >= 0:
                heappush(self._system.events, (now_s, WAKE, where, 0))

    def _choose(self, batch: list[int], now_s: float) -> dict[int, int]:
        """Return the QPUs of those jobs of a batch that have a choice, sessions by their first job."""
        able = {job: self._router.able(job, -1, now_s) for job in self._leaders(batch)}
        open_jobs = [job for job, qpus in able.items() if qpus]
        where = self._choice.choose_all(open_jobs, [able[job] for job in open_jobs])
        return dict(zip(open_jobs, where, strict=True))

    def _leaders(self, batch: list[int]) -> list[int]:
        leaders: dict[int, int] = {}
        sessions = self._system.jobs.session
        for job in batch:
            leaders.setdefault(sessions[job] if sessions[job] >= 0 else -1 - job, job)
        return list(leaders.values())

    def _confirmed(self, job: int, wanted: int, now_s: float) -> int:
        """Return the chosen QPU, or if it cannot take the job any more the one that ends it first; -1 for none."""
        able = self._router.able(job, self._system.home(job), now_s)
        if wanted in able or not able:
            return wanted if able else -1
        return min(able, key=lambda qpu: self._router.completion_s(job, qpu))

    def _time(self, time_s: float) -> None:
        heappush(self._system.events, (time_s, GATHER, self._round, 0))
