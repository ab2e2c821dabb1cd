"""The other users of a service: they look at a QPU's queue and send jobs of their own."""

from __future__ import annotations

from heapq import heappush
from typing import TYPE_CHECKING

from qhpcsim.core.errors import ConfigError, FacilityError
from qhpcsim.core.qpu_records import QpuJobState, QpuMode
from qhpcsim.core.rng import Rng
from qhpcsim.facility.qpu_calendar import open_frac
from qhpcsim.facility.qpu_jobs import QpuJob
from qhpcsim.facility.qpu_server import LOOK, QpuServer
from qhpcsim.qpu_scenario import DAY_S, QpuService
from qhpcsim.workloads.qpu_background import BackgroundStream, background

if TYPE_CHECKING:
    from qhpcsim.facility.qpu_service import QpuSystem

PATIENCE_S = 100 * DAY_S
"""Time after which a job that the background load never lets through ends the simulation."""


class BackgroundLoad:
    """The background load of a service.

    Model: every QPU with a background law has its own stream of looks. A user who looks sees all jobs that wait and run
        there, this workload's too, and the work in front of a new job; the batch joins at that instant. On a QPU that
        is closed at times the law's service times are multiplied by the share of open time (``open_frac``): those of
        the fitted series hold its calibrations and outages already, so throughput stays what was fitted.
    Assumes: the service predicts these jobs exactly. User ``background-K`` is one person on all QPUs, the K-th most
        active on each, and a group of its own.
    Not modelled: network latency of these users; sessions, priorities and QPU choice among them.
    Source: ``workloads.qpu_background``.

    Args:
        system: The service, at time 0.
        rng: Streams ``qpu_background/<QPU>/…`` are used.
    """

    def __init__(self, system: QpuSystem, rng: Rng) -> None:
        self._system = system
        self._streams: dict[int, BackgroundStream] = {}
        self._scale: dict[int, float] = {}
        for k, (name, device) in enumerate(system.service.qpus.items()):
            if device.background:
                self._streams[k] = BackgroundStream(background(device.background), rng, name)
                self._scale[k] = open_frac(device)
                if self._scale[k] <= 0.0:
                    raise ConfigError("calibrations and outages leave no time for jobs", where=f"qpus.{name}")
                heappush(system.events, (0.0, LOOK, k, 0))
        self.n_open = len(system.jobs.ticket)
        """Jobs of the workload that have not ended."""
        self._progress_s = 0.0

    def ended(self, job: int, now_s: float) -> None:
        """Note the end of a job."""
        if not self._system.jobs.background[job]:
            self.n_open -= 1
            self._progress_s = now_s

    def over(self, time_s: float) -> bool:
        """Return whether the simulation is to stop before ``time_s``, because only this load would go on."""
        system = self._system
        done = self.n_open == 0 and time_s > system.until_s
        return done and all(server.session is None for server in system.servers)

    def look(self, which: int, n_before: int, now_s: float) -> None:
        """Let a user look at a QPU and submit; the first of all looks brings the jobs that wait at time 0."""
        stream, server = self._streams[which], self._system.servers[which]
        if n_before == 0:
            batch = stream.initial()
        else:
            batch = stream.look(server.n_waiting + (server.job >= 0), self._ahead_s(server, now_s))
        heappush(self._system.events, (stream.next_look_s, LOOK, which, 1))
        self._check_progress(now_s)
        if batch is None:
            return
        user, scale = f"background-{batch.user}", self._scale[which]
        for service_s in batch.service_s.tolist():
            self._system.send(QpuJob((service_s * scale,), user=user, qpu=which, background=True), now_s)

    def _ahead_s(self, server: QpuServer, now_s: float) -> float:
        """Return how long a new job will wait: the rest of the running job, then all others, pauses included."""
        rest_s = server.jobs.ended_s[server.job] - now_s if server.job >= 0 else 0.0
        return rest_s + server.waiting_s / self._scale[server.index]

    def _check_progress(self, now_s: float) -> None:
        """Raise ``FacilityError`` if a job of the workload is never served."""
        if self.n_open == 0 or now_s - self._progress_s <= PATIENCE_S:
            return
        self._progress_s = now_s
        job = next((job for job in range(len(self._system.jobs.ticket)) if self._starves(job, now_s)), -1)
        if job >= 0:
            raise FacilityError(
                f"job {job} has waited for {PATIENCE_S / DAY_S:g} days: the discipline always prefers the "
                f"background load of {self._system.servers[self._system.jobs.where[job]].name}",
                where="discipline",
                hint="choose another discipline or QPU, or give the job a higher priority",
            )

    def _starves(self, job: int, now_s: float) -> bool:
        """Return whether a job of the workload has waited too long for a QPU that works for others."""
        jobs, where = self._system.jobs, self._system.jobs.where[job]
        if where not in self._streams or jobs.background[job] or jobs.mode[job] == QpuMode.DEDICATED:
            return False
        waits = jobs.state[job] == QpuJobState.QUEUED and now_s - jobs.queued_s[job] > PATIENCE_S
        running = self._system.servers[where].job
        return waits and (running < 0 or jobs.background[running])


def has_background(service: QpuService) -> bool:
    """Return whether any QPU has a background load."""
    return any(device.background for device in service.qpus.values())
