"""What runs take on a machine that does nothing else: interruptions, threads, and a clock that fails."""

from __future__ import annotations

import numpy as np
import pytest

from qhpcsim.core.rng import Rng
from qhpcsim.execution.undisturbed import is_disturbed, undisturbed_s, usual_idle_s

WALL_S = [2.9e-3, 2.8e-3, 5.0e-3, 3.1e-3]


def test_the_shortest_run_counts_where_nothing_interrupted_it():
    assert undisturbed_s(WALL_S, [wall_s - 1e-5 for wall_s in WALL_S], 0.0, 1) == 2.8e-3
    assert undisturbed_s([1.0, 1.1], [0.7, 0.8], 0.29, 1) == 1.0, "it waits so long on an idle machine, too"


def test_processor_time_counts_where_all_runs_were_interrupted():
    assert undisturbed_s([2.0, 2.4], [1.1, 1.0], 0.05, 1) == pytest.approx(1.05)
    assert undisturbed_s([2.0, 2.4], [1.1, 1.0], 0.05, 2) == 2.0, "of threads together it says nothing"


def test_faults_of_the_processor_clock_do_not_count():
    """As seen on a virtual machine: 0.09 ms for one run of 2.8 ms, half of the time for another."""
    for fault_s in (9e-5, 1.5e-3):
        cpu_s = [2.9e-3, 2.8e-3, fault_s, 3.1e-3]
        assert undisturbed_s(WALL_S, cpu_s, 0.0, 1) == 2.8e-3
    assert undisturbed_s(WALL_S, [2.9e-3, 9e-5, 4.8e-3, 3.1e-3], 0.0, 1) == 2.8e-3, "the shortest run itself"


def test_a_busy_machine_is_noticed():
    assert [is_disturbed(*times) for times in ((1.0, 0.97), (1.0, 0.5), (0.01, 0.004))] == [False, True, False]


def test_the_usual_waiting_is_that_of_most_circuits_but_the_longest_waiting():
    assert usual_idle_s([0.5, 0.002, 0.001, 0.3, 0.002, 0.003, 0.004, 0.2]) == 0.002
    assert usual_idle_s([]) == 0.0


def test_one_run_is_its_own_measure():
    assert undisturbed_s([2.0], [1.0], 0.1, 1) == pytest.approx(1.1)
    assert undisturbed_s([2.0], [0.0], 0.0, 1) == 0.0


def test_a_busy_machine_and_a_failing_clock_move_the_answer_little():
    """A run of 1 s, interrupted in four of five cases, on a clock that fails in one of thirty."""
    rng = Rng(3).stream("undisturbed")
    found = []
    for _ in range(300):
        cpu_s = 1.0 + 0.02 * rng.random(12)
        wall_s = cpu_s + np.where(rng.random(12) < 0.8, rng.exponential(1.0, 12), 0.0)
        cpu_s = np.where(rng.random(12) < 1 / 30, cpu_s * rng.random(12), cpu_s)
        found.append(undisturbed_s(wall_s.tolist(), cpu_s.tolist(), 0.0, 1))
    assert np.quantile(found, (0.03, 0.97)) == pytest.approx([1.0, 1.02], abs=0.04)
