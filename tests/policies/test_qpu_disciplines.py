"""Queue disciplines and QPU choices: small cases worked by hand, and a contract that all of them keep."""

from __future__ import annotations

import numpy as np
import pytest

from qhpcsim.core.qpu_records import QpuJobState, QpuJobTable
from qhpcsim.core.registry import entries
from qhpcsim.facility.qpu_simulation import simulate_qpu
from qhpcsim.qpu_scenario import (
    CalibrationWindow,
    FairShareDiscipline,
    PriorityDiscipline,
    QpuChoice,
    QpuDevice,
    QpuDiscipline,
    QpuService,
    WeightedChoice,
)
from tests.qpu_tables import one_qpu, qpu_jobs, words


def order(jobs: QpuJobTable, discipline: QpuDiscipline) -> list[int]:
    """Jobs in the order of their starts."""
    return np.argsort(simulate_qpu(jobs, one_qpu(discipline=discipline)).started_s).tolist()


def test_round_robin() -> None:
    jobs = qpu_jobs([(0, 1, "j")] * 5, ["ann", "ann", "ann", "bob", "cyd"])
    assert order(jobs, QpuDiscipline("round_robin")) == [0, 3, 4, 1, 2]


def test_shortest_predicted_first_goes_by_the_prediction() -> None:
    jobs = qpu_jobs([(0, 9, "j"), (1, 5, "j"), (1, 1, "j"), (1, 5, "j")])
    jobs.predicted_s = np.array([9.0, 2.0, 3.0, 2.0])
    assert order(jobs, QpuDiscipline("shortest")) == [0, 1, 3, 2]


def test_priority() -> None:
    jobs = qpu_jobs([(0, 9, "j"), (1, 1, "j"), (1, 1, "j"), (2, 1, "j")])
    jobs.priority = np.array([0, 1, 2, 2], np.int32)
    assert order(jobs, PriorityDiscipline()) == [0, 2, 3, 1]


def test_a_more_urgent_job_interrupts_and_the_other_goes_on() -> None:
    jobs = qpu_jobs([(0, 10, "j"), (4, 2, "j"), (5, 3, "j"), (6, 1, "j")])
    jobs.priority = np.array([0, 1, 2, 0], np.int32)
    run = simulate_qpu(jobs, one_qpu(discipline=PriorityDiscipline(preemptive=True)))
    assert run.pieces == {0: [(0, 4), (9, 15)], 1: [(4, 5), (8, 9)]}
    assert run.started_s.tolist() == [0, 4, 5, 15]
    assert run.ended_s.tolist() == [15, 9, 8, 16]
    assert run.used_s.tolist() == [10, 2, 3, 1]


def test_fair_share() -> None:
    """Shares 3.5 : 1. Used / share after each job: a 0, b 0 | 2.9, 0 | 2.9, 10 | 5.7, 10 | 8.6, 10 | 11.4, 10."""
    jobs = qpu_jobs([(0, 10, "j")] * 6)
    jobs.group = words(["a", "a", "a", "a", "b", "b"])
    assert order(jobs, FairShareDiscipline(shares={"a": 3.5})) == [0, 4, 1, 2, 3, 5]


def test_fair_share_between_users_of_a_group() -> None:
    jobs = qpu_jobs([(0, 10, "j"), (0, 10, "j"), (0, 10, "j"), (1, 5, "j")], ["ann", "ann", "ann", "bob"])
    jobs.group = words(["a"] * 4)
    assert order(jobs, FairShareDiscipline()) == [0, 3, 1, 2]


def test_fair_share_forgets_what_left_the_window() -> None:
    rows = [(0, 50, "j"), (60, 10, "j"), (100, 20, "j"), (105, 1, "j"), (106, 1, "j")]
    jobs = qpu_jobs(rows)
    jobs.group = words(["a", "b", "c", "b", "a"])
    assert order(jobs, FairShareDiscipline(window_s=1000)) == [0, 1, 2, 3, 4]
    assert order(jobs, FairShareDiscipline(window_s=65)) == [0, 1, 2, 4, 3], "a's 50 s ended at 50, 70 s ago"


def test_fair_share_counts_all_qpus() -> None:
    service = QpuService({"x": QpuDevice(), "y": QpuDevice()}, QpuDiscipline("fair_share"))
    jobs = qpu_jobs([(0, 50, "j"), (0, 60, "j"), (1, 1, "j"), (1, 1, "j")], ["ann", "cyd", "ann", "bob"])
    jobs.qpu = np.array([0, 1, 1, 1], np.int32)
    assert simulate_qpu(jobs, service).started_s.tolist() == [0, 0, 61, 60]


TWO = {"fast": QpuDevice(), "good": QpuDevice()}


def choices(choice: QpuChoice, queued: int = 3) -> list[int]:
    """Where equal jobs go if the first QPU is twice as fast and the second one has the better fidelity."""
    n = queued
    drawn_s, fidelity = np.tile([10.0, 20.0], (n, 1)), np.tile([0.6, 0.9], (n, 1))
    jobs = QpuJobTable(np.zeros(n), drawn_s, fidelity=fidelity)
    return simulate_qpu(jobs, QpuService(TWO, choice=choice)).qpu.tolist()


def test_choices() -> None:
    assert choices(QpuChoice("named")) == [0, 0, 0]
    assert choices(QpuChoice("best_fidelity")) == [1, 1, 1]
    assert choices(QpuChoice("least_completion"), 4) == [0, 0, 1, 0]
    assert choices(WeightedChoice(fidelity_weight=1.0)) == [1, 1, 1]
    assert choices(WeightedChoice(fidelity_weight=0.0), 4) == [0, 0, 1, 0]
    assert choices(WeightedChoice(fidelity_weight=0.5, time_scale_s=100.0), 4) == [1, 1, 0, 0]


def test_least_completion_sees_windows() -> None:
    closed = QpuDevice(windows=(CalibrationWindow(1000, 0, 100),))
    jobs = QpuJobTable(np.full(3, 5.0), np.tile([10.0, 60.0], (3, 1)))
    run = simulate_qpu(jobs, QpuService({"closed": closed, "slow": QpuDevice()}))
    assert run.qpu.tolist() == [1, 0, 0]
    assert run.started_s.tolist() == [5, 100, 110]


def test_a_job_goes_only_where_it_can_run() -> None:
    drawn_s = np.array([[np.inf, 5.0], [np.inf, np.inf], [1.0, 5.0]])
    jobs = QpuJobTable(np.zeros(3), drawn_s, qpu=np.array([-1, -1, 1], np.int32))
    run = simulate_qpu(jobs, QpuService(TWO))
    assert run.qpu.tolist() == [1, -1, 1]
    assert run.state[1] == QpuJobState.REJECTED


@pytest.mark.parametrize("name", sorted(entries("discipline")))
@pytest.mark.parametrize("preemptive", [False, True])
def test_every_discipline_serves_everyone_once(name: str, preemptive: bool) -> None:
    """The service checks itself: nobody lost, nobody twice, nobody together; the QPU never idles while jobs wait."""
    generator = np.random.default_rng(3)
    n = 400
    jobs = QpuJobTable(np.sort(generator.integers(0, 300, n)).astype(float), generator.exponential(1.0, n))
    jobs.user = words([f"user{k}" for k in generator.integers(0, 5, n)])
    jobs.priority = generator.integers(0, 3, n).astype(np.int32)
    known = entries("discipline")[name].params
    params = (
        PriorityDiscipline(preemptive=preemptive) if known is PriorityDiscipline else (known or QpuDiscipline)(name)
    )
    run = simulate_qpu(jobs, one_qpu(discipline=params))
    assert (run.state == QpuJobState.COMPLETED).all()
    fifo = simulate_qpu(jobs)
    assert run.ended_s.max() == pytest.approx(fifo.ended_s.max(), rel=1e-12)
    assert run.used_s == pytest.approx(jobs.drawn_s)
