"""Refuses QPU services and QPU jobs that make no sense, by name."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from qhpcsim.core.errors import ConfigError, FacilityError, WorkloadError, nearest, shorten
from qhpcsim.core.qpu_records import QpuJobTable, QpuMode
from qhpcsim.facility.qpu_calendar import QpuCalendar
from qhpcsim.qpu_scenario import IDLE_MODES, OUTAGE_MODES, WINDOW_MODES, Duration, QpuDevice, QpuService
from qhpcsim.workloads.laws import ServiceLaw, checked_cv
from qhpcsim.workloads.qpu_background import background


def check_service(service: QpuService) -> None:
    """Raise an error if the service cannot work.

    Raises:
        ConfigError: if a value is out of range or a word is unknown.
        FacilityError: if there is no QPU.
    """
    if not service.qpus:
        raise FacilityError("the QPU service has no QPU", where="qpus")
    _at_least(service.latency_s, 0.0, "latency_s")
    _at_least(service.max_attempts, 1, "max_attempts")
    if service.queue_limit is not None:
        _at_least(service.queue_limit, 0, "queue_limit")
    limits = service.sessions
    for name in ("interactive_ttl_s", "max_ttl_s", "batch_max_ttl_s", "idle_close_s"):
        _at_least(getattr(limits, name), 0.0, f"sessions.{name}")
    for name, device in service.qpus.items():
        _check_device(device, f"qpus.{name}")


def check_jobs(jobs: QpuJobTable, service: QpuService) -> None:
    """Raise ``WorkloadError`` if the table does not fit the service or itself."""
    n, n_qpus = jobs.n, len(service.qpus)
    times = jobs.submit_s
    if not bool(np.isfinite(times).all()) or bool((np.diff(times) < 0).any()) or (n > 0 and times[0] < 0):
        raise WorkloadError("submission times must be finite, ≥ 0 and in order", where="submit_s")
    for name in ("drawn_s", "predicted_s", "fidelity"):
        column = getattr(jobs, name)
        if column is not None and column.shape not in ((n,), (n, n_qpus)):
            raise WorkloadError(f"shape {column.shape}", where=name, allowed=f"({n},) or ({n}, {n_qpus})")
        if column is not None and name != "fidelity" and not bool((column >= 0).all()):
            raise WorkloadError("times on the QPU must be ≥ 0 (inf: cannot run there)", where=name)
    _check_least_fidelity(jobs)
    if jobs.mode is not None and not set(np.unique(jobs.mode).tolist()) <= {int(mode) for mode in QpuMode}:
        raise WorkloadError("unknown access mode", where="mode", allowed=", ".join(m.name.lower() for m in QpuMode))
    if jobs.qpu is not None and n and not -1 <= int(jobs.qpu.min()) <= int(jobs.qpu.max()) < n_qpus:
        raise WorkloadError("a job asks for a QPU that is not there", where="qpu", allowed=f"-1 … {n_qpus - 1}")
    if jobs.depends_on is not None and bool((jobs.depends_on >= np.arange(n)).any()):
        raise WorkloadError("a job can only wait for one before it", where="depends_on")
    if jobs.think_s is not None and not bool((np.isfinite(jobs.think_s) & (jobs.think_s >= 0)).all()):
        raise WorkloadError("think times must be finite and ≥ 0", where="think_s")
    _check_sessions(jobs)


def _check_least_fidelity(jobs: QpuJobTable) -> None:
    least = jobs.min_fidelity
    if least is None:
        return
    if least.shape != (jobs.n,) or not bool((np.isnan(least) | ((least >= 0) & (least <= 1))).all()):
        raise WorkloadError("a least fidelity is not in [0, 1]", where="min_fidelity", allowed="0 … 1, NaN for none")


def _check_sessions(jobs: QpuJobTable) -> None:
    if jobs.mode is None and jobs.session is None:
        return
    mode = np.zeros(jobs.n, np.int32) if jobs.mode is None else jobs.mode
    session = np.full(jobs.n, -1, np.int32) if jobs.session is None else jobs.session
    grouped = (mode == QpuMode.BATCH) | (mode == QpuMode.SESSION)
    wrong = np.flatnonzero(grouped != (session >= 0))
    if wrong.size:
        raise WorkloadError(
            f"job {wrong[0]} is of mode {QpuMode(int(mode[wrong[0]])).name.lower()} with session {session[wrong[0]]}",
            where="session",
            allowed="a number ≥ 0 for batches and sessions, -1 for other jobs",
        )


def _check_device(device: QpuDevice, where: str) -> None:
    if device.background:
        background(device.background)
    for k, window in enumerate(device.windows):
        here = f"{where}.windows[{k}]"
        _one_of(window.mode, WINDOW_MODES, f"{here}.mode")
        _at_least(window.duration_s, 0.0, f"{here}.duration_s")
        _more_than(window.period_s, window.duration_s, f"{here}.period_s")
        _more_than(window.piece_s, 0.0, f"{here}.piece_s")
        _at_least(window.offset_s, 0.0 if window.mode == "interleave" else -window.period_s, f"{here}.offset_s")
    _one_of(device.idle_calibration.mode, IDLE_MODES, f"{where}.idle_calibration.mode")
    _law(device.idle_calibration.duration, f"{where}.idle_calibration.duration")
    _one_of(device.outages.mode, OUTAGE_MODES, f"{where}.outages.mode")
    _at_least(device.outages.mtbf_s, 0.0, f"{where}.outages.mtbf_s")
    _law(device.outages.repair, f"{where}.outages.repair")
    if device.warm_up is not None:
        _law(device.warm_up, f"{where}.warm_up")
    if device.open_hours is not None:
        _more_than(device.open_hours.duration_s, 0.0, f"{where}.open_hours.duration_s")
        _at_least(device.open_hours.period_s, device.open_hours.duration_s, f"{where}.open_hours.period_s")
    _intervals([(r.start_s, r.end_s) for r in device.reservations], f"{where}.reservations")
    _intervals(device.outages.fixed_s, f"{where}.outages.fixed_s")
    _check_opens(device, where)


def _check_opens(device: QpuDevice, where: str) -> None:
    from qhpcsim.core.rng import Rng

    if math.isinf(QpuCalendar(device, "check", Rng(0)).earliest_start(0.0, 0.0)):
        raise ConfigError("the windows and closed hours leave the QPU no open time", where=where)


def _intervals(intervals: Sequence[tuple[float, float]], where: str) -> None:
    before_s = -math.inf
    for start_s, end_s in sorted(intervals):
        if not (before_s <= start_s < end_s < math.inf):
            raise ConfigError(
                f"[{start_s}, {end_s}) is empty or overlaps another", where=where, allowed="disjoint intervals"
            )
        before_s = end_s


def _law(law: Duration, where: str) -> None:
    checked_cv(ServiceLaw(law.law, law.mean_s, law.cv), where)


def _one_of(word: str, allowed: Sequence[str], where: str) -> None:
    if word not in allowed:
        raise ConfigError(
            f"unknown mode {shorten(word)!r}",
            where=where,
            allowed=", ".join(allowed),
            suggestion=nearest(word, allowed),
        )


def _at_least(value: float, least: float, where: str) -> None:
    if not (math.isfinite(value) and value >= least):
        raise ConfigError(f"{value!r} is not a finite number ≥ {least:g}", where=where)


def _more_than(value: float, least: float, where: str) -> None:
    if not (math.isfinite(value) and value > least):
        raise ConfigError(f"{value!r} is not a finite number > {least:g}", where=where)
