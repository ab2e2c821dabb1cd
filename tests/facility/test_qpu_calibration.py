"""Windows, opening hours, interleaved calibration and outages: small cases worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from qhpcsim.core.errors import QhpcsimError
from qhpcsim.core.qpu_records import QpuJobState, QpuJobTable
from qhpcsim.facility.qpu_simulation import simulate_qpu
from qhpcsim.qpu_scenario import (
    CalibrationWindow,
    Duration,
    IdleCalibration,
    OpenHours,
    Outages,
    PriorityDiscipline,
    QpuDevice,
    QpuService,
)
from tests.qpu_tables import one_qpu, qpu_jobs


def test_interleaved_calibration_takes_turns() -> None:
    device = QpuDevice(windows=(CalibrationWindow(mode="interleave", duration_s=30, piece_s=10),))
    run = simulate_qpu(qpu_jobs([(0, 5, "j")] * 5), one_qpu(device))
    assert run.started_s.tolist() == [0, 15, 30, 45, 50]
    assert run.calibrations == [(0, 5, 15, "calibration"), (0, 20, 30, "calibration"), (0, 35, 45, "calibration")]


def test_an_idle_qpu_works_off_its_calibration() -> None:
    device = QpuDevice(windows=(CalibrationWindow(mode="interleave", duration_s=25, piece_s=10),))
    run = simulate_qpu(qpu_jobs([(12, 5, "j"), (100, 5, "j")]), one_qpu(device))
    assert run.started_s.tolist() == [20, 100]
    assert run.calibrations == [(0, 0, 10, "calibration"), (0, 10, 20, "calibration"), (0, 25, 30, "calibration")]


def test_interleaved_calibration_comes_back() -> None:
    window = CalibrationWindow(period_s=100, offset_s=50, mode="interleave", duration_s=10, piece_s=10)
    run = simulate_qpu(qpu_jobs([(0, 1, "j"), (255, 1, "j")]), one_qpu(QpuDevice(windows=(window,))))
    assert run.calibrations == [(0, 50, 60, "calibration"), (0, 150, 160, "calibration"), (0, 250, 260, "calibration")]
    assert run.started_s.tolist() == [0, 260]


def test_a_job_that_outruns_its_prediction_pauses_over_a_drained_window() -> None:
    window = CalibrationWindow(period_s=1000, offset_s=100, duration_s=50)
    jobs = QpuJobTable(np.array([80.0]), np.array([30.0]), predicted_s=np.array([10.0]))
    run = simulate_qpu(jobs, one_qpu(QpuDevice(windows=(window,))))
    assert run.pieces == {0: [(80, 100), (150, 160)]}
    assert run.used_s.tolist() == [30]


def test_a_job_that_fits_between_no_two_windows_is_rejected() -> None:
    device = QpuDevice(windows=(CalibrationWindow(period_s=100, duration_s=50),))
    run = simulate_qpu(qpu_jobs([(0, 51, "j"), (1, 50, "j")]), one_qpu(device))
    assert run.state.tolist() == [QpuJobState.REJECTED, QpuJobState.COMPLETED]
    assert run.started_s[1] == 50


def test_opening_hours() -> None:
    device = QpuDevice(open_hours=OpenHours(period_s=100, offset_s=80, duration_s=40))
    run = simulate_qpu(qpu_jobs([(0, 10, "j"), (1, 15, "j"), (190, 5, "j")]), one_qpu(device))
    assert run.started_s.tolist() == [0, 80, 190]
    assert run.windows == [(0, 20, 80, "closed"), (0, 120, 180, "closed")]


@pytest.mark.parametrize(("mode", "end_s", "used_s"), [("resume", 35, 20), ("restart", 45, 30)])
def test_an_outage_comes_unforeseen(mode: str, end_s: float, used_s: float) -> None:
    device = QpuDevice(outages=Outages(fixed_s=((10, 25),), mode=mode))
    run = simulate_qpu(qpu_jobs([(0, 20, "j"), (15, 5, "j")]), one_qpu(device))
    assert run.ended_s.tolist() == [end_s, end_s + 5]
    assert run.used_s.tolist() == [used_s, 5]


def test_a_job_that_is_always_interrupted_fails() -> None:
    device = QpuDevice(outages=Outages(fixed_s=((10, 20), (30, 40), (50, 60)), mode="restart"))
    run = simulate_qpu(qpu_jobs([(0, 50, "j"), (0, 5, "j")]), QpuService({"qpu": device}, max_attempts=2))
    assert run.state.tolist() == [QpuJobState.FAILED, QpuJobState.COMPLETED]
    assert run.ended_s[0] == 30
    assert run.used_s[0] == 20
    assert run.started_s[1] == 40


def test_windows_stay_in_place_for_years() -> None:
    """The 100 000th hourly window is where arithmetic puts it."""
    window = CalibrationWindow(period_s=3600.1, offset_s=0.3, duration_s=180)
    begin_s = 0.3 + 100_000 * 3600.1
    run = simulate_qpu(qpu_jobs([(begin_s, 10, "j")]), one_qpu(QpuDevice(windows=(window,))))
    assert run.started_s[0] == begin_s + 180


def test_an_interrupted_job_of_low_priority_goes_on_after_a_window() -> None:
    device = QpuDevice(windows=(CalibrationWindow(period_s=1000, offset_s=10, duration_s=10, mode="resume"),))
    jobs = qpu_jobs([(0, 30, "j"), (22, 5, "j")])
    jobs.priority = np.array([0, 1], np.int32)
    run = simulate_qpu(jobs, one_qpu(device, PriorityDiscipline(preemptive=True)))
    assert run.pieces[0] == [(0, 10), (20, 22), (27, 45)]
    assert run.started_s.tolist() == [0, 22]


def test_warm_up_and_idle_calibration() -> None:
    device = QpuDevice(warm_up=Duration("constant", 3.0))
    assert simulate_qpu(qpu_jobs([(0, 5, "j"), (1, 5, "j"), (20, 5, "j")]), one_qpu(device)).started_s.tolist() == [
        3,
        8,
        23,
    ]
    device = QpuDevice(idle_calibration=IdleCalibration("once", Duration("constant", 4.0)))
    run = simulate_qpu(qpu_jobs([(1, 5, "j"), (20, 5, "j")]), one_qpu(device))
    assert run.started_s.tolist() == [4, 20]
    assert run.calibrations == [(0, 0, 4, "calibration"), (0, 9, 13, "calibration")]


BAD = [
    QpuService({}),
    QpuService(latency_s=-1.0),
    QpuService(queue_limit=-1),
    QpuService(max_attempts=0),
    one_qpu(QpuDevice(windows=(CalibrationWindow(mode="dran"),))),
    one_qpu(QpuDevice(windows=(CalibrationWindow(period_s=3600, duration_s=3600),))),
    one_qpu(QpuDevice(windows=(CalibrationWindow(100, 0, 60), CalibrationWindow(100, 50, 60)))),
    one_qpu(QpuDevice(windows=(CalibrationWindow(100, 0, 50), CalibrationWindow(100, 50, 50)))),
    one_qpu(QpuDevice(outages=Outages(float("nan")))),
    one_qpu(QpuDevice(outages=Outages(fixed_s=((10, 5),)))),
    one_qpu(QpuDevice(outages=Outages(10.0, Duration("normal")))),
    one_qpu(QpuDevice(open_hours=OpenHours(100, 0, 0))),
]


@pytest.mark.parametrize("service", BAD)
def test_impossible_services_are_refused(service: QpuService) -> None:
    with pytest.raises(QhpcsimError):
        simulate_qpu(qpu_jobs([(0, 1, "j")]), service)


@pytest.mark.parametrize(
    "change",
    [
        {"submit_s": np.array([1.0, 0.0])},
        {"submit_s": np.array([0.0, np.nan])},
        {"drawn_s": np.array([1.0, -1.0])},
        {"drawn_s": np.array([1.0, np.nan])},
        {"predicted_s": np.ones((2, 3))},
        {"mode": np.array([0, 9], np.int32)},
        {"mode": np.array([0, 2], np.int32)},
        {"session": np.array([0, -1], np.int32)},
        {"qpu": np.array([0, 1], np.int32)},
        {"depends_on": np.array([1, -1], np.int32)},
        {"think_s": np.array([np.inf, 0.0])},
    ],
)
def test_impossible_jobs_are_refused(change: dict[str, np.ndarray]) -> None:
    jobs = QpuJobTable(np.array([0.0, 1.0]), np.ones(2))
    for name, value in change.items():
        setattr(jobs, name, value)
    with pytest.raises(QhpcsimError):
        simulate_qpu(jobs)
