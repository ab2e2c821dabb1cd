"""Fidelity in the service: what is expected at the time steers jobs, and least fidelities are kept."""

from __future__ import annotations

import numpy as np
import pytest

from qhpcsim.core.errors import WorkloadError
from qhpcsim.core.qpu_records import QpuJobState, QpuJobTable
from qhpcsim.core.rng import Rng
from qhpcsim.facility.qpu_simulation import run_qpu, simulate_qpu
from qhpcsim.qpu_scenario import QpuChoice, QpuDevice, QpuService, Sessions
from tests.qpu_tables import qpu_jobs

C, F, R = QpuJobState.COMPLETED, QpuJobState.FAILED, QpuJobState.REJECTED
BEST = QpuService({"x": QpuDevice(), "y": QpuDevice()}, choice=QpuChoice("best_fidelity"))


def drifting(job: int, qpu: int, time_s: float) -> float:
    """The first QPU is the better one until its calibration fails at 100 s."""
    return 0.8 if qpu == 1 else (0.9 if time_s < 100.0 else 0.3)


def least(*values: float, submit_s: float = 0.0) -> QpuJobTable:
    n = len(values)
    return QpuJobTable(np.full(n, submit_s), np.ones(n), min_fidelity=np.array(values), fidelity=np.full((n, 2), 0.5))


def test_the_fidelity_of_the_moment_steers_the_choice() -> None:
    jobs = qpu_jobs([(0, 5, "j"), (99, 5, "j"), (100, 5, "j"), (200, 5, "j")])
    jobs.fidelity = np.array([[0.1, 0.2]] * 4)
    assert run_qpu(jobs, BEST, Rng(0), fidelity=drifting).schedule.qpu.tolist() == [0, 0, 1, 1]
    assert run_qpu(jobs, BEST, Rng(0)).schedule.qpu.tolist() == [1, 1, 1, 1], "the table's column"


def test_each_job_is_asked_for_by_its_place_in_the_table() -> None:
    seen: list[tuple[int, int, float]] = []

    def watch(job: int, qpu: int, time_s: float) -> float:
        seen.append((job, qpu, time_s))
        return 0.5

    jobs = qpu_jobs([(0, 5, "j"), (7, 5, "j")])
    run_qpu(jobs, QpuService(BEST.qpus, choice=QpuChoice("best_fidelity"), latency_s=2.0), Rng(0), fidelity=watch)
    assert sorted(set(seen)) == [(0, 0, 2.0), (0, 1, 2.0), (1, 0, 9.0), (1, 1, 9.0)]


def test_a_least_fidelity_keeps_a_job_from_worse_qpus() -> None:
    """Least completion would send every second job to the other QPU."""
    service = QpuService(BEST.qpus)
    early = run_qpu(least(0.85, 0.85, 0.85, 0.0, np.nan), service, Rng(0), fidelity=drifting).schedule
    assert early.qpu.tolist() == [0, 0, 0, 1, 1]
    late = run_qpu(least(0.85, 0.8, 0.8, submit_s=100.0), service, Rng(0), fidelity=drifting).schedule
    assert late.state.tolist() == [R, C, C]
    assert late.qpu.tolist() == [-1, 1, 1]


def test_a_least_fidelity_on_a_single_qpu_and_by_name() -> None:
    alone = least(0.5, 0.51)
    alone.fidelity = np.full(2, 0.5)
    assert simulate_qpu(alone).state.tolist() == [C, R]
    named = least(0.85, 0.85)
    named.qpu = np.array([0, 1], np.int32)
    assert run_qpu(named, QpuService(BEST.qpus), Rng(0), fidelity=drifting).schedule.state.tolist() == [C, R]


def test_an_unknown_fidelity_is_no_promise() -> None:
    jobs = least(0.1, 0.0, np.nan)
    jobs.fidelity = None
    assert simulate_qpu(jobs).state.tolist() == [R, C, C]


def test_a_session_stays_where_it_is_and_loses_jobs_that_want_more() -> None:
    jobs = qpu_jobs([(0, 5, "s0"), (110, 5, "s0"), (120, 5, "s0")])
    jobs.min_fidelity = np.array([0.85, 0.85, np.nan])
    service = QpuService(BEST.qpus, sessions=Sessions(interactive_ttl_s=300))
    run = run_qpu(jobs, service, Rng(0), fidelity=drifting).schedule
    assert run.state.tolist() == [C, R, C]
    assert run.qpu.tolist() == [0, -1, 0]


@pytest.mark.parametrize("values", [[1.5, 0.5], [-0.1, 0.5], [0.5]])
def test_impossible_least_fidelities_are_refused(values: list[float]) -> None:
    jobs = qpu_jobs([(0, 5, "j"), (1, 5, "j")])
    jobs.min_fidelity = np.array(values)
    with pytest.raises(WorkloadError, match="min_fidelity"):
        simulate_qpu(jobs)
