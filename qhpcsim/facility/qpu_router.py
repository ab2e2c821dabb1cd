"""Finds the QPU for a job that comes to the service: named, bound to its session, or chosen by a policy."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from qhpcsim.core.qpu_records import QpuMode
from qhpcsim.core.registry import lookup
from qhpcsim.core.rng import Rng
from qhpcsim.facility.qpu_closures import INF
from qhpcsim.facility.qpu_jobs import QpuJobs
from qhpcsim.facility.qpu_server import QpuServer
from qhpcsim.policies.qpu.choice import Choice, known
from qhpcsim.qpu_scenario import QpuService

Fidelity = Callable[[int, int, float], float]
"""(job, QPU, time) -> expected fidelity; NaN where nobody knows."""


class QpuRouter:
    """What a ``Choice`` sees of the service, and the rules that come before it.

    Args:
        servers: The QPUs.
        jobs: The jobs.
        service: Parameters.
        user_name: Returns the name of a job's user.
        rng: Named random streams, for choices that draw.
        fidelity: What is expected of a job; None: what the table or the job itself says.
    """

    def __init__(
        self,
        servers: Sequence[QpuServer],
        jobs: QpuJobs,
        service: QpuService,
        user_name: Callable[[int], str],
        rng: Rng,
        fidelity: Fidelity | None = None,
    ) -> None:
        self._servers, self._jobs, self._user_name, self._rng = servers, jobs, user_name, rng
        self.foretold = fidelity
        """What is expected of a job at a time; None: what the table or the job itself says."""
        self.since_s: dict[int, float] = {}
        """QPUs that join on the way -> from when on they take jobs."""
        self._limit = service.queue_limit
        self._now_s = 0.0
        choice = lookup("qpu_choice", service.choice.name, "choice.name").target
        self.choice: Choice = choice(self, service.choice)

    @property
    def n_qpus(self) -> int:
        """Number of QPUs."""
        return len(self._servers)

    def choose(self, job: int, home: int, now_s: float) -> int:
        """Return the QPU that takes a job, -1 if none does.

        Args:
            job: The job.
            home: QPU of the job's session, -1 if it has none.
            now_s: The time.
        """
        able = self.able(job, home, now_s)
        if len(able) > 1:
            return self.choice.choose(job, able)
        return able[0] if able else -1

    def able(self, job: int, home: int, now_s: float) -> list[int]:
        """Return the QPUs that can take a job now; arguments like those of ``choose``."""
        self._now_s = now_s
        bound = self._jobs.named[job] if home < 0 else home
        candidates: Sequence[int] = range(len(self._servers)) if bound < 0 else (bound,)
        if self.since_s:
            candidates = [k for k in candidates if self.since_s.get(k, now_s) <= now_s]
        able = [k for k in candidates if self._can_run(self._servers[k], job)]
        least = self._jobs.min_fidelity[job]
        if least == least:
            able = [k for k in able if known(self.fidelity(job, k)) >= least]
        if self._limit is not None:
            able = [k for k in able if self._has_room(self._servers[k], self._limit)]
        return able

    def completion_s(self, job: int, qpu: int) -> float:
        """Return when a job that goes to a QPU now is predicted to end."""
        return self._worked_off_s(qpu, self._servers[qpu].predicted_s[job])

    def predicted_s(self, job: int, qpu: int) -> float:
        """Return the predicted time of a job on a QPU."""
        return self._servers[qpu].predicted_s[job]

    def queue_s(self, qpu: int) -> float:
        """Return how long a QPU is predicted to work on what runs and waits there."""
        return self._worked_off_s(qpu, 0.0) - self._now_s

    def _worked_off_s(self, qpu: int, more_s: float) -> float:
        """Return when a QPU is predicted to have done what runs and waits there, and a given time of work besides."""
        server, begin_s = self._servers[qpu], self._now_s
        server.settle(begin_s)
        if server.job >= 0:
            begin_s = max(begin_s, server.run_since_s + server.predicted_s[server.job])
        work_s = server.waiting_s + more_s
        return begin_s + work_s if server.calendar is None else server.calendar.expected_end(begin_s, work_s)

    def fidelity(self, job: int, qpu: int) -> float:
        """Return the job's expected fidelity on a QPU now, NaN if nobody said."""
        if self.foretold is not None:
            return self.foretold(job, qpu, self._now_s)
        return self._jobs.fidelity[qpu][job]

    def stream(self, name: str) -> np.random.Generator:
        """Return a named random stream."""
        return self._rng.stream(name)

    def _can_run(self, server: QpuServer, job: int) -> bool:
        """Return whether a QPU will ever be able to run a job."""
        need_s = server.predicted_s[job]
        if need_s == INF or server.drawn_s[job] == INF:
            return False
        dedicated = self._jobs.mode[job] == QpuMode.DEDICATED
        if server.calendar is None:
            return not dedicated
        if dedicated:
            return server.calendar.reserved_later(self._user_name(job), self._now_s)
        return server.calendar.earliest_start(self._now_s, need_s) < INF

    def _has_room(self, server: QpuServer, limit: int) -> bool:
        """Return whether one more job may come: fewer than ``limit`` would wait once a free QPU has taken one."""
        if server.n_waiting < limit:
            return True
        now_s = self._now_s
        server.settle(now_s)
        takes_one = server.free and (server.session is None or server.n_waiting > 0)
        if takes_one and server.calendar is not None:
            takes_one = server.calendar.earliest_start(server.calendar.open_s(now_s), 0.0) == now_s
        return server.n_waiting < limit + takes_one
