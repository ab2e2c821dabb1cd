"""NSGA-II over batches: the front is the true one where all assignments can be tried, and batches form as stated."""

from __future__ import annotations

import importlib.util
import itertools
import warnings

import numpy as np
import pytest

from qhpcsim.core.errors import ConfigError
from qhpcsim.core.qpu_records import QpuJobState, QpuJobTable
from qhpcsim.core.rng import Rng
from qhpcsim.facility.qpu_simulation import run_qpu, simulate_qpu
from qhpcsim.policies.qpu.assignment import Assignment
from qhpcsim.policies.qpu.nsga2 import front, pick
from qhpcsim.qpu_scenario import CalibrationWindow, Nsga2Choice, QpuDevice, QpuService
from tests.qpu_tables import qpu_jobs, words

pytest.importorskip("pymoo", reason="the nsga2 choice needs pymoo: pip install 'qhpcsim[qpu]'")

TWO = {"fast": QpuDevice(), "good": QpuDevice()}


def batch(seed: int, n: int = 6, q: int = 3, *, some: bool = False) -> Assignment:
    """A batch whose fast QPUs are the noisy ones; with ``some``, jobs run on some QPUs only."""
    generator = np.random.default_rng(seed)
    able = [sorted(generator.choice(q, generator.integers(1, q + 1) if some else q, replace=False)) for _ in range(n)]
    own_s = generator.uniform(10, 100, (n, 1)) * np.linspace(0.5, 1.5, q)
    error = generator.uniform(0.1, 0.2, (n, q)) * np.linspace(2.0, 0.5, q)
    return Assignment(own_s, error, generator.uniform(0, 200, q), [[int(k) for k in qpus] for qpus in able])


def everything(problem: Assignment) -> np.ndarray:
    """Goals of all assignments that are possible."""
    return problem.goals(np.array(list(itertools.product(*problem.able))))


def undominated(goals: np.ndarray) -> np.ndarray:
    """The true front by rising first goal."""
    best = [g for g in goals if not ((goals <= g).all(axis=1) & (goals < g).any(axis=1)).any()]
    return np.unique(np.array(best), axis=0)


def test_goals_by_hand() -> None:
    """Queues of 10 s and 0 s. Jobs 0 and 2 on the first QPU end after 10 + 1 and 10 + 1 + 3 s, job 1 after 20 s."""
    problem = Assignment(
        np.array([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]]),
        np.array([[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]]),
        np.array([10.0, 0.0]),
        [[0, 1]] * 3,
    )
    goals = problem.goals(np.array([[0, 1, 0], [1, 1, 1]]))
    np.testing.assert_allclose(goals[0], [(11 + 20 + 14) / 3, (0.1 + 0.4 + 0.5) / 3])
    np.testing.assert_allclose(goals[1], [(10 + 30 + 60) / 3, (0.2 + 0.4 + 0.6) / 3])
    np.testing.assert_array_equal(
        Assignment(*[np.ones((2, 3))] * 2, np.ones(3), [[2], [0, 1]]).where(np.array([[0, 0], [0, 1]])),
        [[2, 0], [2, 1]],
    )


def covered(goals: np.ndarray, worst: np.ndarray) -> float:
    """Area between a front and the worst values."""
    last, area = worst[1], 0.0
    for time_s, error in goals:
        area += (worst[0] - time_s) * (last - error)
        last = error
    return float(area)


@pytest.mark.parametrize("some", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_the_front_of_a_small_batch_is_the_true_one(seed: int, some: bool) -> None:
    problem = batch(seed, n=9 if some else 7, some=some)
    truth = undominated(everything(problem))
    assert len(truth) > 3
    where, goals = front(problem, Nsga2Choice(), seed)
    np.testing.assert_allclose(goals, truth)
    np.testing.assert_allclose(problem.goals(where), goals)
    assert all(qpu in able for row in where.tolist() for qpu, able in zip(row, problem.able, strict=True))


@pytest.mark.parametrize(("seed", "some"), [(0, False), (1, False), (2, False), (4, True)])
def test_the_search_finds_the_true_front_with_fewer_tries_than_there_are_assignments(seed: int, some: bool) -> None:
    problem = batch(seed, n=9 if some else 8, some=some)
    every = everything(problem)
    truth, worst = undominated(every), every.max(axis=0)
    params = Nsga2Choice(generations=14 if some else 50)
    assert params.population * params.generations < len(every)
    where, goals = front(problem, params, seed)
    np.testing.assert_allclose(goals[-1], truth[-1], err_msg="the most faithful assignment")
    np.testing.assert_allclose(goals[0, 0], truth[0, 0], rtol=0.03, err_msg="the fastest assignment")
    assert covered(goals, worst) > 0.995 * covered(truth, worst)
    assert not any(((goals <= point).all(axis=1) & (goals < point).any(axis=1)).any() for point in goals)
    assert all(qpu in able for row in where.tolist() for qpu, able in zip(row, problem.able, strict=True))


def test_no_point_of_a_large_front_is_dominated() -> None:
    """40 jobs on 5 QPUs: and a random search of as many tries finds nothing that dominates most of it."""
    problem = batch(1, n=40, q=5)
    _, goals = front(problem, Nsga2Choice(), 1)
    assert len(goals) > 20
    assert (np.diff(goals[:, 0]) > 0).all() and (np.diff(goals[:, 1]) < 0).all()
    tries = problem.goals(np.random.default_rng(0).integers(0, 5, (20_000, 40)))
    beaten = [((tries <= g).all(axis=1)).any() for g in goals]
    assert not any(beaten)


def test_equal_seeds_find_equal_fronts() -> None:
    first, again = (front(batch(2, n=20), Nsga2Choice(generations=20), 5) for _ in range(2))
    assert first[0].tobytes() == again[0].tobytes()
    assert front(batch(2, n=20), Nsga2Choice(generations=20), 6)[0].tobytes() != first[0].tobytes()


def test_pseudo_weights() -> None:
    """Deb's definition by hand: of these points the pseudo-weights are (1, 0), (.6, .4), (.4, .6), (0, 1)."""
    goals = np.array([[0.0, 10.0], [2.0, 14 / 3], [6.0, 4.0], [10.0, 0.0]])
    assert [pick(goals, weight) for weight in (0.0, 0.19, 0.41, 0.58, 0.81, 1.0)] == [0, 0, 1, 2, 3, 3]
    assert pick(goals[:1], 0.5) == 0


def test_pseudo_weights_agree_with_pymoo() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from pymoo.mcdm.pseudo_weights import PseudoWeights

    _, goals = front(batch(3, n=30), Nsga2Choice(generations=30), 1)
    for weight in np.linspace(0.05, 0.95, 19):
        assert pick(goals, weight) == PseudoWeights(np.array([1.0 - weight, weight])).do(goals)


def two_qpus(submit_s: list[float], **more: object) -> QpuJobTable:
    """Equal jobs; the first QPU is twice as fast, the second has the better fidelity."""
    n = len(submit_s)
    return QpuJobTable(np.array(submit_s), np.tile([10.0, 20.0], (n, 1)), fidelity=np.tile([0.6, 0.9], (n, 1)), **more)  # type: ignore[arg-type]


def gathered(max_batch: int = 100, interval_s: float = 30.0, weight: float = 1.0) -> QpuService:
    return QpuService(TWO, choice=Nsga2Choice("nsga2", max_batch, interval_s, weight, 20, 20))


def test_a_batch_goes_when_it_is_full_or_its_first_job_has_waited() -> None:
    """All weight on fidelity: everyone to the second QPU. Sent at 10 s (full), and at 50 + 30 s."""
    run = simulate_qpu(two_qpus([0, 10, 50, 70]), gathered(max_batch=2, interval_s=30.0))
    assert run.qpu.tolist() == [1, 1, 1, 1]
    assert run.queued_s.tolist() == [0, 10, 50, 70]
    assert run.started_s.tolist() == [10, 30, 70, 90], "the second batch is full at 70 s"
    run = simulate_qpu(two_qpus([0, 10, 50]), gathered(max_batch=2, interval_s=30.0))
    assert run.started_s.tolist() == [10, 30, 80]
    run = simulate_qpu(two_qpus([0, 10, 50]), gathered(interval_s=30.0))
    assert run.started_s.tolist() == [30, 50, 80]


def test_many_jobs_at_one_instant_are_several_batches() -> None:
    run = simulate_qpu(two_qpus([0.0] * 5), gathered(max_batch=2, interval_s=300.0))
    assert run.started_s.tolist() == [0, 20, 40, 60, 300], "the fifth waits for others"


def test_all_weight_on_time_balances_the_load() -> None:
    """The best mean of four: three on the fast QPU, one on the other, (10 + 20 + 30 + 20) / 4."""
    run = simulate_qpu(two_qpus([0.0] * 4), gathered(max_batch=4, weight=0.0))
    assert sorted(run.ended_s.tolist()) == [10, 20, 20, 30]


def test_jobs_without_a_choice_do_not_wait() -> None:
    jobs = two_qpus([0, 1, 2])
    jobs.qpu = np.array([-1, 0, -1], np.int32)
    jobs.drawn_s[2] = [np.inf, 5.0]
    run = simulate_qpu(jobs, gathered())
    assert run.started_s.tolist() == [30, 1, 2]


def test_a_session_goes_where_its_first_job_goes() -> None:
    jobs = qpu_jobs([(0, 10, "s0"), (5, 10, "s0"), (6, 10, "s1"), (40, 10, "s0")], ["ann"] * 4)
    jobs.fidelity = np.array([[0.6, 0.9], [0.9, 0.1], [0.9, 0.6], [0.9, 0.1]])
    run = simulate_qpu(jobs, gathered())
    assert run.qpu.tolist() == [1, 1, 0, 1]
    assert run.started_s.tolist() == [30, 40, 30, 50]


def test_nobody_is_lost_under_load() -> None:
    generator = np.random.default_rng(0)
    n = 150
    jobs = two_qpus(np.sort(generator.uniform(0, 3000, n)).tolist(), user=words(["ann"] * n))
    closed = QpuDevice(windows=(CalibrationWindow(period_s=700, duration_s=100),), background="ibm_hanoi")
    choice = Nsga2Choice(max_batch=20, population=20, generations=10)
    service = QpuService({"a": QpuDevice(), "b": closed}, choice=choice)
    one, two = (run_qpu(jobs, service, Rng(1)).schedule for _ in range(2))
    assert (one.state[:n] == QpuJobState.COMPLETED).all()
    assert one.ended_s.tobytes() == two.ended_s.tobytes()
    assert (one.started_s[:n] >= one.queued_s[:n]).all()
    assert len(set(one.qpu[:n].tolist())) == 2


def test_a_full_queue_is_found_at_the_end_of_the_wait() -> None:
    service = QpuService(TWO, choice=gathered(max_batch=3).choice, queue_limit=0)
    run = simulate_qpu(two_qpus([0.0, 0.0, 0.0]), service)
    assert sorted(run.qpu.tolist()) == [-1, 0, 1]
    assert run.state.tolist().count(QpuJobState.REJECTED) == 1


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"max_batch": 0}, "max_batch"),
        ({"interval_s": -1.0}, "interval_s"),
        ({"interval_s": float("nan")}, "interval_s"),
        ({"fidelity_weight": 1.2}, "fidelity_weight"),
        ({"population": 1}, "population"),
        ({"generations": 0}, "generations"),
    ],
)
def test_wrong_parameters_are_refused(change: dict[str, float], where: str) -> None:
    with pytest.raises(ConfigError, match=rf"choice\.{where}"):
        simulate_qpu(two_qpus([0.0]), QpuService(TWO, choice=Nsga2Choice(**change)))  # type: ignore[arg-type]


def test_without_pymoo_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "pymoo" else found(name))
    with pytest.raises(ConfigError, match=r"pip install 'qhpcsim\[qpu\]'"):
        simulate_qpu(two_qpus([0.0]), gathered())
