"""Sessions, batches and reservations: small cases worked by hand."""

from __future__ import annotations

import numpy as np

from qhpcsim.core.qpu_records import QpuJobState
from qhpcsim.facility.qpu_simulation import simulate_qpu
from qhpcsim.qpu_scenario import CalibrationWindow, QpuDevice, Reservation, Sessions
from tests.qpu_tables import one_qpu, qpu_jobs

C, F, R = QpuJobState.COMPLETED, QpuJobState.FAILED, QpuJobState.REJECTED


def test_a_session_keeps_its_qpu_between_its_jobs() -> None:
    run = simulate_qpu(qpu_jobs([(0, 10, "s0"), (5, 10, "j"), (30, 10, "s0")]))
    assert run.started_s.tolist() == [0, 100, 30]
    assert run.holds == [(0, 0, 0, 100)]
    assert run.billed_s.tolist() == [30, 10, 70], "wall-clock time, until 60 s after the last job"
    assert run.used_s.tolist() == [10, 10, 10]


def test_a_deactivated_session_queues_again() -> None:
    run = simulate_qpu(qpu_jobs([(0, 10, "s0"), (5, 100, "j"), (80, 10, "s0")]))
    assert run.started_s.tolist() == [0, 70, 170]
    assert run.holds == [(0, 0, 0, 70), (0, 0, 170, 240)]
    assert run.billed_s.tolist() == [70, 100, 70]


def test_at_the_maximum_ttl_the_running_job_ends_and_waiting_ones_fail() -> None:
    jobs = qpu_jobs([(0, 10, "s0"), (1, 20, "s0"), (2, 5, "s0"), (3, 5, "j"), (50, 5, "s0")])
    run = simulate_qpu(jobs, one_qpu(sessions=Sessions(max_ttl_s=25)))
    assert run.state.tolist() == [C, C, F, C, F]
    np.testing.assert_equal(run.started_s, [0, 10, np.nan, 30, np.nan])
    assert run.billed_s.tolist() == [10, 20, 0, 5, 0]


def test_the_maximum_ttl_also_ends_a_session_that_waits_in_the_queue() -> None:
    jobs = qpu_jobs([(0, 10, "s0"), (5, 100, "j"), (75, 10, "s0"), (76, 10, "s0")])
    run = simulate_qpu(jobs, one_qpu(sessions=Sessions(max_ttl_s=80)))
    assert run.state.tolist() == [C, C, F, F]


def test_a_session_without_jobs_is_closed() -> None:
    early, late = qpu_jobs([(0, 10, "s0"), (1800, 10, "s0")]), qpu_jobs([(0, 10, "s0"), (1811, 10, "s0")])
    assert simulate_qpu(early).state.tolist() == [C, C]
    assert simulate_qpu(late).state.tolist() == [C, F]


def test_a_user_closes_a_session() -> None:
    jobs = qpu_jobs([(0, 10, "s0"), (5, 10, "j"), (6, 10, "s0"), (25, 10, "s0")])
    jobs.closes_session = np.array([True, False, False, False])
    run = simulate_qpu(jobs)
    assert run.state.tolist() == [C, C, C, F], "what waits still runs, what comes later is refused"
    assert run.started_s[:3].tolist() == [0, 20, 10]
    assert run.holds == [(0, 0, 0, 20)]


def test_a_batch_holds_its_place_but_not_an_idle_qpu() -> None:
    run = simulate_qpu(qpu_jobs([(0, 10, "b0"), (0.5, 10, "j"), (1, 10, "b0"), (25, 10, "b0")]))
    assert run.started_s.tolist() == [0, 20, 10, 30]
    assert run.billed_s.tolist() == [10, 10, 10, 10]
    assert run.holds == [(0, 0, 0, 20), (0, 0, 30, 40)]


def test_a_batch_has_its_own_maximum_ttl() -> None:
    jobs = qpu_jobs([(0, 10, "b0"), (0, 10, "b0"), (0, 10, "b0")])
    run = simulate_qpu(jobs, one_qpu(sessions=Sessions(batch_max_ttl_s=15)))
    assert run.state.tolist() == [C, C, F]


def test_a_closed_loop_inside_a_session() -> None:
    """Each iteration comes 5 s after the result of the one before."""
    jobs = qpu_jobs([(0, 10, "s0"), (0, 10, "s0"), (0, 10, "s0"), (1, 10, "j")])
    jobs.depends_on, jobs.think_s = np.array([-1, 0, 1, -1], np.int32), np.array([0.0, 5.0, 5.0, 0.0])
    run = simulate_qpu(jobs)
    assert run.submitted_s.tolist() == [0, 15, 30, 1]
    assert run.started_s.tolist() == [0, 15, 30, 100]


def test_two_sessions_do_not_mix() -> None:
    run = simulate_qpu(qpu_jobs([(0, 10, "s0"), (1, 10, "s1"), (2, 10, "s0"), (3, 10, "s1")]))
    assert run.started_s.tolist() == [0, 80, 10, 90]


def test_a_session_waits_for_the_end_of_a_drained_window() -> None:
    window = CalibrationWindow(period_s=1000, offset_s=15, duration_s=100, mode="drain")
    run = simulate_qpu(qpu_jobs([(0, 10, "s0"), (1, 10, "s0")]), one_qpu(QpuDevice(windows=(window,))))
    assert run.started_s.tolist() == [0, 115]
    assert run.holds[0] == (0, 0, 0, 185)


RESERVED = one_qpu(QpuDevice(reservations=(Reservation("ann", 100, 200),)))


def test_a_reservation_is_for_the_dedicated_jobs_of_its_user() -> None:
    rows = [(0, 30, "d"), (0, 80, "d"), (0, 10, "d"), (80, 20, "j"), (81, 20, "j"), (300, 1, "d")]
    run = simulate_qpu(qpu_jobs(rows, ["ann", "ann", "bob", "bob", "ann", "ann"]), RESERVED)
    assert run.state.tolist() == [C, F, R, C, C, R], "80 s do not fit any more, bob has no reservation"
    assert run.started_s[[0, 3, 4]].tolist() == [100, 80, 200]


def test_a_reservation_takes_the_qpu_from_a_session() -> None:
    rows = [(0, 50, "s0"), (60, 60, "s0"), (70, 20, "d")]
    run = simulate_qpu(qpu_jobs(rows, ["bob", "bob", "ann"]), RESERVED)
    assert run.started_s.tolist() == [0, 200, 100]
    assert run.holds[0] == (0, 0, 0, 100)


def test_dedicated_jobs_wait_for_the_next_reservation() -> None:
    device = QpuDevice(reservations=(Reservation("ann", 300, 400), Reservation("ann", 100, 150)))
    run = simulate_qpu(qpu_jobs([(0, 60, "d"), (1, 10, "d")], ["ann", "ann"]), one_qpu(device))
    assert run.started_s.tolist() == [300, 360], "first come, first served also among dedicated jobs"
