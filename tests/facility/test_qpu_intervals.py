"""Why a QPU was closed, and when: every interval of a schedule has its kind."""

from __future__ import annotations

import pytest

from qhpcsim.core.rng import Rng
from qhpcsim.facility.qpu_closures import Closure, Closures
from qhpcsim.facility.qpu_simulation import run_qpu, simulate_qpu
from qhpcsim.qpu_scenario import (
    CalibrationWindow,
    Duration,
    IdleCalibration,
    OpenHours,
    Outages,
    QpuDevice,
    QpuService,
    Reservation,
)
from tests.qpu_tables import one_qpu, qpu_jobs


def test_every_kind_is_told_from_the_others() -> None:
    device = QpuDevice(
        windows=(CalibrationWindow(period_s=1000, offset_s=10, duration_s=10),),
        open_hours=OpenHours(period_s=2000, duration_s=1900),
        outages=Outages(fixed_s=((100, 130),)),
        reservations=(Reservation("ann", 200, 250),),
        warm_up=Duration("constant", 2.0),
    )
    run = simulate_qpu(qpu_jobs([(0, 5, "j"), (2100, 5, "j")]), one_qpu(device))
    assert run.windows == [
        (0, -100, 0, "closed"),
        (0, 10, 20, "calibration"),
        (0, 100, 130, "outage"),
        (0, 200, 250, "reservation"),
        (0, 1010, 1020, "calibration"),
        (0, 1900, 2000, "closed"),
        (0, 2010, 2020, "calibration"),
    ]
    assert run.calibrations == [(0, 0, 2, "warm_up"), (0, 2100, 2102, "warm_up")]
    assert run.end_s == 2107


def test_where_two_overlap_the_first_to_begin_counts() -> None:
    """An outage in [5, 30) begins in one window and swallows the next one; the last one outlasts it."""
    windows = (CalibrationWindow(period_s=1000, offset_s=0, duration_s=10),)
    windows += (CalibrationWindow(period_s=1000, offset_s=12, duration_s=3),)
    windows += (CalibrationWindow(period_s=1000, offset_s=25, duration_s=15),)
    device = QpuDevice(windows=windows, outages=Outages(fixed_s=((5, 30),)))
    run = simulate_qpu(qpu_jobs([(0, 60, "j")]), one_qpu(device))
    assert run.windows == [(0, 0, 10, "calibration"), (0, 10, 30, "outage"), (0, 30, 40, "calibration")]
    assert run.started_s[0] == 40


def test_united_closures_keep_the_mode_and_kind_of_the_first() -> None:
    rows = [Closure(0.0, 5.0, "drain", "closed"), Closure(3.0, 9.0, "restart", "outage")]
    closures = Closures([iter(rows)])
    assert closures.next(1.0) == (0.0, 9.0, "drain", "closed")
    assert closures.until(4.0) == [rows[0]]
    assert closures.until(6.0) == [rows[0], (5.0, 9.0, "restart", "outage")]


def test_a_qpu_that_nobody_used_has_calibrated_too() -> None:
    busy = QpuDevice()
    lonely = QpuDevice(idle_calibration=IdleCalibration("repeat", Duration("constant", 30.0)))
    jobs = qpu_jobs([(0, 100, "j")])
    run = simulate_qpu(jobs, QpuService({"busy": busy, "lonely": lonely}))
    starts = [(row.start_s, row.kind) for row in run.calibrations if row.qpu == 1]
    assert starts == [(0, "calibration"), (30, "calibration"), (60, "calibration"), (90, "calibration")]


def test_closures_go_on_to_the_end_that_was_asked_for() -> None:
    device = QpuDevice(windows=(CalibrationWindow(period_s=100, duration_s=10),))
    run = run_qpu(qpu_jobs([(0, 5, "j")]), one_qpu(device), Rng(0), until_s=350.0).schedule
    assert [row.start_s for row in run.windows] == [0, 100, 200, 300]
    assert run.end_s == 350.0


@pytest.mark.parametrize("seed", range(3))
def test_random_outages_are_named(seed: int) -> None:
    device = QpuDevice(outages=Outages(50.0, Duration("constant", 5.0)))
    run = simulate_qpu(qpu_jobs([(0, 1000, "j")]), one_qpu(device), seed)
    assert {row.kind for row in run.windows} == {"outage"}
    assert run.ended_s[0] == pytest.approx(1000 + 5 * len(run.windows))
