"""QPU runs for reports: small services with everything that a QPU can be kept for, and a large made-up one."""

from __future__ import annotations

import numpy as np

from qhpcsim.core.qpu_records import QpuJobTable, QpuMode
from qhpcsim.core.records import Categories, JobTable, Schedule
from qhpcsim.core.rng import Rng
from qhpcsim.facility.qpu_ledger import ledger
from qhpcsim.facility.qpu_simulation import run_qpu
from qhpcsim.qpu_scenario import (
    CalibrationWindow,
    OpenHours,
    Outages,
    Prices,
    QpuDevice,
    QpuService,
    Reservation,
)
from qhpcsim.results.qpu_outcome import QpuOutcome
from qhpcsim.results.result import Result
from qhpcsim.scenario import Scenario
from qhpcsim.workloads.no_jobs import NoWorkload

HOUR_S, DAY_S = 3600.0, 86400.0


def no_batch() -> tuple[JobTable, Schedule]:
    """Return no batch jobs and their schedule."""
    none, no_jobs = np.zeros(0), np.zeros(0, np.int32)
    table = JobTable(np.zeros(0, np.int64), none, none, none, no_jobs, workload_name="none")
    return table, Schedule(none, none, np.zeros(0, np.int8), no_jobs, no_jobs, np.zeros(1, np.int64), no_jobs, no_jobs)


def stream(n: int, span_s: float, n_qpus: int, seed: int = 0) -> QpuJobTable:
    """Return jobs of four users in all access modes, evenly mixed."""
    rng = np.random.default_rng(seed)
    mode = rng.choice([QpuMode.JOB, QpuMode.JOB, QpuMode.BATCH, QpuMode.SESSION, QpuMode.DEDICATED], n)
    user = np.where(mode == QpuMode.DEDICATED, 0, rng.integers(0, 4, n)).astype(np.int32)
    grouped = np.isin(mode, [QpuMode.BATCH, QpuMode.SESSION])
    number = 100 * np.arange(n) // max(n, 1) * 10 + 2 * user + (mode == QpuMode.SESSION)
    fidelity = np.clip(rng.normal(0.7, 0.15, (n, n_qpus)), 0.01, 1.0)
    return QpuJobTable(
        submit_s=np.sort(rng.random(n) * span_s),
        drawn_s=np.repeat(np.exp(rng.normal(4.0, 1.0, n))[:, None], n_qpus, axis=1),
        user=Categories(user, ("ann", "bob", "eve", "joe")),
        mode=mode.astype(np.int32),
        session=np.where(grouped, number, -1).astype(np.int32),
        circuits=rng.integers(1, 20, n).astype(np.int32),
        shots=rng.integers(100, 10_000, n).astype(np.int64),
        fidelity=fidelity,
    )


def busy_service(span_s: float, n_qpus: int = 2, background: str = "") -> QpuService:
    """Return QPUs that are calibrated, fail, close at night and are reserved for ann now and then."""
    prices = [Prices(per_second=1.6), Prices(per_shot=0.00035, per_task=0.3, currency="EUR")]
    reserved = tuple(Reservation("ann", t, t + 2 * HOUR_S) for t in np.arange(6 * HOUR_S, span_s, DAY_S).tolist())
    devices = {
        f"qpu_{k}": QpuDevice(
            windows=(CalibrationWindow(DAY_S, 3 * HOUR_S, HOUR_S, "resume"),),
            outages=Outages(mtbf_s=2 * DAY_S),
            open_hours=OpenHours(DAY_S, 0.0, 20 * HOUR_S) if k % 2 else None,
            reservations=reserved if k == 0 else (),
            prices=prices[k % 2],
            busy_w=15_000.0 if k == 0 else None,
            background=background,
        )
        for k in range(n_qpus)
    }
    return QpuService(devices)


def wandering(span_s: float, seed: int) -> list[tuple[float, ...]]:
    """Return the errors of a QPU that is calibrated once a day."""
    rng = np.random.default_rng(seed)
    times = np.arange(0.0, max(span_s, 1.0), DAY_S)
    log_error = np.cumsum(rng.normal(0, 0.1, len(times)))
    dead = rng.integers(0, 3, len(times)).astype(float)
    return [(t, 0.006 * np.exp(e), 0.02, 2e-4, 1e-4, n) for t, e, n in zip(times, log_error, dead, strict=True)]


def outcome(jobs: QpuJobTable, service: QpuService, drifts: bool = True, seed: int = 1) -> QpuOutcome:
    """Return what a service does with jobs."""
    run = run_qpu(jobs, service, Rng(seed))
    fidelity = np.full(run.jobs.n, np.nan)
    started = np.isfinite(run.schedule.started_s[: jobs.n])
    own = jobs.fidelity[np.arange(jobs.n), np.maximum(run.schedule.qpu[: jobs.n], 0)]
    fidelity[: jobs.n] = np.where(started, own, np.nan)
    nothing = [(0.0, *[float("nan")] * 4, 0.0)]
    return QpuOutcome(
        service=service,
        jobs=run.jobs,
        schedule=run.schedule,
        book=ledger(run.jobs, run.schedule, service),
        fidelity=fidelity,
        quality=[wandering(run.schedule.end_s, k) if drifts else nothing for k in range(len(service.qpus))],
        notes=("extrapolated for qpu_0: shots up to 10,000",),
    )


def qpu_result(found: QpuOutcome, batch: tuple | None = None) -> Result:
    """Return a result of QPU jobs alone, or beside (jobs, schedule, partitions)."""
    jobs, plan = no_batch() if batch is None else batch[:2]
    parts = {} if batch is None else batch[2]
    scenario = Scenario(name="QPUs", question="How long do QPU jobs wait?", workload=NoWorkload(), qpu=found.service)
    return Result(scenario, jobs, plan, parts, {"seed": 0}, qpu=found)


def week(n: int = 800, n_qpus: int = 2) -> QpuOutcome:
    """Return a busy week without other users."""
    return outcome(stream(n, 7 * DAY_S, n_qpus), busy_service(7 * DAY_S, n_qpus))


def hour(n: int = 12) -> QpuOutcome:
    """Return few jobs on one QPU of which nothing is known but its times."""
    service = QpuService({"qpu": QpuDevice()})
    jobs = stream(n, HOUR_S, 1)
    jobs.mode = np.where(jobs.mode == QpuMode.DEDICATED, QpuMode.JOB, jobs.mode).astype(np.int32)
    found = outcome(jobs, service, drifts=False)
    found.fidelity[:] = np.nan
    return found
