"""``simulate_qpu(jobs, service, seed) -> QpuSchedule``: a QPU service on its own."""

from __future__ import annotations

import numpy as np

from qhpcsim.core.qpu_records import QpuJobState, QpuJobTable, QpuMode, QpuSchedule
from qhpcsim.core.rng import Rng
from qhpcsim.facility.clock import Clock
from qhpcsim.facility.qpu_checks import check_schedule
from qhpcsim.facility.qpu_service import QpuSystem
from qhpcsim.facility.qpu_validate import check_jobs, check_service
from qhpcsim.qpu_scenario import QpuService


def simulate_qpu(jobs: QpuJobTable, service: QpuService | None = None, seed: int = 0) -> QpuSchedule:
    """Return what a QPU service does with a table of jobs.

    Args:
        jobs: The jobs.
        service: The service; None: one QPU, first come first served.
        seed: Root seed of outages, idle calibration and warm-up.

    Raises:
        ConfigError: if the service cannot work.
        WorkloadError: if the table does not fit it.
    """
    service = service or QpuService()
    check_service(service)
    check_jobs(jobs, service)
    clock = Clock()
    system = QpuSystem(clock, jobs, service, Rng(seed))
    clock.run()
    schedule = schedule_of(system)
    check_schedule(system, schedule)
    return schedule


def schedule_of(system: QpuSystem) -> QpuSchedule:
    """Return what became of the jobs of a service."""
    jobs = system.jobs
    started_s, ended_s = np.array(jobs.started_s), np.array(jobs.ended_s)
    state = np.array(jobs.state, dtype=np.int8)
    now_s = system.clock.now
    state[(state == QpuJobState.QUEUED) & np.isfinite(started_s)] = QpuJobState.RUNNING
    used_s = np.where(state == QpuJobState.RUNNING, np.minimum(ended_s, now_s), ended_s) - started_s
    used_s[~np.isfinite(used_s)] = 0.0
    for job in jobs.pieces:
        used_s[job] = jobs.used_s(job)
    ended_s[state == QpuJobState.RUNNING] = np.nan
    horizon_s = float(np.nanmax(ended_s)) if np.isfinite(ended_s).any() else 0.0
    return QpuSchedule(
        submitted_s=np.array(jobs.submitted_s),
        queued_s=np.array(jobs.queued_s),
        started_s=started_s,
        ended_s=ended_s,
        used_s=used_s,
        billed_s=_billed(system, used_s, started_s, ended_s),
        qpu=np.array(jobs.where, dtype=np.int32),
        state=state,
        qpu_names=tuple(server.name for server in system.servers),
        pieces=jobs.pieces,
        calibrations=sorted(system.calibrations),
        windows=_windows(system, horizon_s),
        holds=system.sessions.holds_log,
    )


def _billed(system: QpuSystem, used_s: np.ndarray, started_s: np.ndarray, ended_s: np.ndarray) -> np.ndarray:
    """Return the time that is charged: wall-clock time in sessions, QPU time elsewhere."""
    billed_s = used_s.copy()
    held_s = system.jobs.held_s
    for job, mode in enumerate(system.jobs.mode):
        if mode == QpuMode.SESSION and np.isfinite(ended_s[job]):
            billed_s[job] = ended_s[job] - started_s[job] + held_s.get(job, 0.0)
    return billed_s


def _windows(system: QpuSystem, horizon_s: float) -> list[tuple[int, float, float]]:
    return [
        (server.index, closure.start_s, closure.end_s)
        for server in system.servers
        if server.calendar is not None
        for closure in server.calendar.closed_until(horizon_s)
    ]
