"""``run_qpu(jobs, service, rng) -> QpuRun``: a QPU service on its own."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from qhpcsim.core.errors import ConfigError
from qhpcsim.core.qpu_records import QpuInterval, QpuJobState, QpuJobTable, QpuMode, QpuSchedule
from qhpcsim.core.records import FloatArray
from qhpcsim.core.rng import Rng
from qhpcsim.facility.clock import Clock
from qhpcsim.facility.qpu_checks import check_schedule
from qhpcsim.facility.qpu_router import Fidelity
from qhpcsim.facility.qpu_service import QpuSystem
from qhpcsim.facility.qpu_table import with_background
from qhpcsim.facility.qpu_validate import check_jobs, check_service
from qhpcsim.qpu_scenario import QpuService


@dataclass(frozen=True, slots=True)
class QpuRun:
    """What came to a QPU service, and what became of it."""

    jobs: QpuJobTable
    """The workload's jobs in the order of its table, then those of the background load in order of submission."""
    schedule: QpuSchedule
    """One row for each of ``jobs``."""


def run_qpu(
    jobs: QpuJobTable,
    service: QpuService,
    rng: Rng,
    fidelity: Fidelity | None = None,
    until_s: float | None = None,
    progress: Callable[[float], None] | None = None,
    since_s: Mapping[int, float] | None = None,
) -> QpuRun:
    """Return what a QPU service does with the jobs of a workload and of its QPUs' other users.

    It stops when the last job of the workload has ended and no session holds a QPU. Jobs of other users that are
    still there then stay ``RUNNING`` or ``QUEUED``.

    Args:
        jobs: The workload.
        service: The service.
        rng: Named streams of background load, outages, idle calibration, warm-up and choices.
        fidelity: Expected fidelity of a job (index in ``jobs``) on a QPU at a time, for the choice of QPUs and for
            ``min_fidelity``; None: the table's column.
        until_s: The simulation goes on until then at least; None: no longer than the workload.
        progress: Called now and then with the fraction done.
        since_s: QPUs that join on the way -> from when on they take jobs.

    Raises:
        ConfigError: if the service cannot work.
        CardError: if there is no background law of a QPU's ``background``.
        WorkloadError: if the table does not fit it.
        FacilityError: if the background load keeps a job from ever being served.
    """
    if until_s is not None and not 0.0 <= until_s < math.inf:
        raise ConfigError(f"{until_s!r} is not a finite time ≥ 0", where="until_s")
    system = open_service(jobs, service, rng, fidelity, until_s or 0.0, since_s)
    system.progress = progress
    system.clock.run()
    return run_of(system, jobs)


def open_service(
    jobs: QpuJobTable,
    service: QpuService,
    rng: Rng,
    fidelity: Fidelity | None = None,
    until_s: float = 0.0,
    since_s: Mapping[int, float] | None = None,
) -> QpuSystem:
    """Return a QPU service with its jobs on a clock of its own, ready to run; arguments like those of ``run_qpu``."""
    check_service(service)
    check_jobs(jobs, service)
    system = QpuSystem(Clock(), jobs, service, rng, fidelity, until_s)
    system.join_at(since_s or {})
    return system


def run_of(system: QpuSystem, jobs: QpuJobTable) -> QpuRun:
    """Return what a service whose clock has run out did with the jobs that it was opened with."""
    schedule = schedule_of(system)
    check_schedule(system, schedule)
    return QpuRun(with_background(jobs, system.jobs), schedule)


def simulate_qpu(jobs: QpuJobTable, service: QpuService | None = None, seed: int = 0) -> QpuSchedule:
    """Return what a QPU service does with a table of jobs.

    Args:
        jobs: The jobs.
        service: The service; None: one QPU, first come first served.
        seed: Root seed of all that is drawn.

    Raises:
        ConfigError: if the service cannot work.
        WorkloadError: if the table does not fit it.
    """
    return run_qpu(jobs, service or QpuService(), Rng(seed)).schedule


def schedule_of(system: QpuSystem) -> QpuSchedule:
    """Return what has become of the jobs of a service by the end of a simulation."""
    system.catch_up()
    jobs = system.jobs
    started_s, ended_s = np.array(jobs.started_s), np.array(jobs.ended_s)
    state = np.array(jobs.state, dtype=np.int8)
    ended_s[state == QpuJobState.QUEUED] = np.nan
    end_s = _end_s(system, state, ended_s)
    pieces = dict(jobs.pieces)
    for server in system.servers:
        server.close(end_s)
        if server.job >= 0:
            state[server.job] = QpuJobState.RUNNING
            pieces[server.job] = [*pieces.get(server.job, []), *server.stretches(end_s)]
    used_s = ended_s - started_s
    used_s[~np.isfinite(used_s)] = 0.0
    for job, stretches in pieces.items():
        used_s[job] = math.fsum(stop_s - start_s for start_s, stop_s in stretches)
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
        pieces=pieces,
        calibrations=sorted(system.calibrations),
        windows=_windows(system, end_s),
        holds=system.sessions.holds_log,
        end_s=end_s,
    )


def _end_s(system: QpuSystem, state: np.ndarray, ended_s: FloatArray) -> float:
    """Return when the simulation stopped: with the last job's end, unless something was left or it had to go on."""
    last_s = float(np.nanmax(ended_s)) if np.isfinite(ended_s).any() else 0.0
    if system.load is not None or bool((state == QpuJobState.QUEUED).any()):
        last_s = max(last_s, system.now_s, system.clock.now)
    return max(last_s, system.until_s)


def _billed(system: QpuSystem, used_s: FloatArray, started_s: FloatArray, ended_s: FloatArray) -> FloatArray:
    """Return the time that is charged: wall-clock time in sessions, QPU time elsewhere."""
    billed_s = used_s.copy()
    held_s = system.jobs.held_s
    for job, mode in enumerate(system.jobs.mode):
        if mode == QpuMode.SESSION and np.isfinite(ended_s[job]):
            billed_s[job] = ended_s[job] - started_s[job] + held_s.get(job, 0.0)
    return billed_s


def _windows(system: QpuSystem, end_s: float) -> list[QpuInterval]:
    """Return the closures and reservations of all QPUs that begin before ``end_s``."""
    found = []
    for server in system.servers:
        if server.calendar is not None:
            closures = [*server.calendar.closed_until(end_s), *server.calendar.reserved_until(end_s)]
            found += [QpuInterval(server.index, c.start_s, c.end_s, c.kind) for c in sorted(closures)]
    return found
