"""Q-Dreamer's choices of a backend, against sums worked out by hand and in a service."""

from __future__ import annotations

import numpy as np
import pytest

from qhpcsim.core.errors import ConfigError
from qhpcsim.core.registry import entries, lookup
from qhpcsim.core.rng import Rng
from qhpcsim.facility.qpu_simulation import run_qpu
from qhpcsim.policies.qpu.qdreamer import PRESETS, QDreamerChoice, QDreamerTurns, QDreamerWeights
from qhpcsim.qpu_scenario import QpuChoice, QpuDevice, QpuService
from tests.qpu_tables import qpu_jobs


class View:
    """Three QPUs: the better the longer the queue; jobs take 10 s."""

    n_qpus = 3
    queues_s = (400.0, 100.0, 0.0)
    fidelities = (0.9, 0.7, float("nan"))

    def queue_s(self, qpu: int) -> float:
        return self.queues_s[qpu]

    def predicted_s(self, job: int, qpu: int) -> float:
        return 10.0

    def fidelity(self, job: int, qpu: int) -> float:
        return self.fidelities[qpu]


def choice(name: str, **params):
    entry = lookup("qpu_choice", name)
    return entry.target(View(), entry.params(**params))


def test_all_three_are_there_with_their_source():
    found = {name: entry for name, entry in entries("qpu_choice").items() if name.startswith("qdreamer_")}
    assert set(found) == {"qdreamer_least_error", "qdreamer_round_robin", "qdreamer_weighted"}
    assert all("2412.18519" in entry.source for entry in found.values())


def test_least_error():
    assert choice("qdreamer_least_error").choose(0, [0, 1, 2]) == 0
    assert choice("qdreamer_least_error").choose(0, [1, 2]) == 1
    assert choice("qdreamer_least_error", error_rates=(0.3, 0.2, 0.1)).choose(0, [0, 1, 2]) == 2
    assert choice("qdreamer_least_error", error_rates=(0.1, 0.1, 0.1)).choose(0, [1, 2]) == 1


@pytest.mark.parametrize(
    ("preset", "taken"),
    # pending 40, 10, 0 of 100; sums 0.8 · error + 0.2 · queue = 0.16, 0.26, 0.8 and so on
    [("high_fidelity", 0), ("balanced", 1), ("high_speed", 1)],
)
def test_the_weighted_sum(preset, taken):
    error, queue = PRESETS[preset]
    sums = [error * e + queue * p for e, p in zip((0.1, 0.3, 1.0), (0.4, 0.1, 0.0), strict=True)]
    assert int(np.argmin(sums)) == taken
    assert choice("qdreamer_weighted", preset=preset).choose(0, [0, 1, 2]) == taken


def test_queues_count_up_to_a_hundred_jobs():
    made = choice("qdreamer_weighted", preset="high_speed", error_rates=(0.0, 0.5, 0.5))
    made._view.queues_s = (1e6, 1e4, 0.0)
    assert made.choose(0, [0, 1]) == 0  # 0.8 and 0.1 + 0.8
    assert made.choose(0, [0, 2]) == 2  # 0.8 and 0.1


def test_each_worker_has_a_turn_of_its_own():
    one, four = choice("qdreamer_round_robin"), choice("qdreamer_round_robin", workers=4)
    assert [one.choose(0, [0, 1, 2]) for _ in range(6)] == [0, 1, 2, 0, 1, 2]
    assert [four.choose(0, [0, 1, 2]) for _ in range(9)] == [0, 0, 0, 0, 1, 1, 1, 1, 2]


@pytest.mark.parametrize(
    ("params", "words"),
    [
        (QDreamerWeights(preset="balance"), "balanced"),
        (QDreamerTurns(workers=0), "at least 1"),
        (QDreamerChoice(error_rates=(0.1,)), "3 numbers"),
        (QDreamerChoice(error_rates=(0.1, 0.2, 1.2)), "from 0 to 1"),
    ],
)
def test_mistakes(params, words):
    with pytest.raises(ConfigError, match=words):
        lookup("qpu_choice", params.name).target(View(), params)


@pytest.mark.parametrize(
    ("params", "where"),
    [
        (QDreamerChoice(), [0, 0, 0, 0]),
        (QpuChoice("qdreamer_least_error"), [0, 0, 0, 0]),
        (QDreamerTurns(), [0, 1, 0, 1]),
        # each job adds 1/100 · 0.8 to the better one's sum, which is 0.01 · 0.2 lower
        (QDreamerWeights(preset="high_speed"), [0, 1, 0, 1]),
        (QDreamerWeights(preset="high_fidelity"), [0, 0, 0, 0]),
    ],
)
def test_in_a_service(params, where):
    jobs = qpu_jobs([(0, 10, "j")] * 4)
    jobs.fidelity = np.array([[0.80, 0.79]] * 4)
    service = QpuService({"x": QpuDevice(), "y": QpuDevice()}, choice=params)
    assert run_qpu(jobs, service, Rng(0)).schedule.qpu.tolist() == where
