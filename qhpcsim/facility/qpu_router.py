"""Finds the QPU for a job that comes to the service: named, bound to its session, or chosen by a policy."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from qhpcsim.core.qpu_records import QpuMode
from qhpcsim.core.registry import lookup
from qhpcsim.facility.qpu_closures import INF
from qhpcsim.facility.qpu_jobs import QpuJobs
from qhpcsim.facility.qpu_server import QpuServer
from qhpcsim.policies.qpu.choice import Choice
from qhpcsim.qpu_scenario import QpuService


class QpuRouter:
    """What a ``Choice`` sees of the service, and the rules that come before it.

    Args:
        servers: The QPUs.
        jobs: The jobs.
        service: Parameters.
        user_name: Returns the name of a job's user.
    """

    def __init__(
        self, servers: Sequence[QpuServer], jobs: QpuJobs, service: QpuService, user_name: Callable[[int], str]
    ) -> None:
        self._servers, self._jobs, self._user_name = servers, jobs, user_name
        self._limit = service.queue_limit
        self._now_s = 0.0
        choice = lookup("qpu_choice", service.choice.name, "choice.name").target
        self._choice: Choice = choice(self, service.choice)

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
        self._now_s = now_s
        bound = self._jobs.named[job] if home < 0 else home
        candidates = range(len(self._servers)) if bound < 0 else (bound,)
        able = [k for k in candidates if self._can_run(self._servers[k], job)]
        if self._limit is not None:
            able = [k for k in able if self._has_room(self._servers[k], self._limit)]
        if len(able) > 1:
            return self._choice.choose(job, able)
        return able[0] if able else -1

    def completion_s(self, job: int, qpu: int) -> float:
        """Return when a job that goes to a QPU now is predicted to end."""
        server, begin_s = self._servers[qpu], self._now_s
        server.settle(begin_s)
        if server.job >= 0:
            begin_s = max(begin_s, server.run_since_s + server.predicted_s[server.job])
        work_s = server.waiting_s + server.predicted_s[job]
        return begin_s + work_s if server.calendar is None else server.calendar.expected_end(begin_s, work_s)

    def fidelity(self, job: int, qpu: int) -> float:
        """Return the job's expected fidelity on a QPU, NaN if nobody said."""
        return self._jobs.fidelity[qpu][job]

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
