"""Runs with neighbouring numbers must be independent, also where Aer simulates every shot on its own."""

import numpy as np
import pytest
from scipy import stats

from qhpcsim.execution.aer import simulator
from qhpcsim.execution.circuit_task import CircuitTask
from qhpcsim.execution.seeds import aer_seed, seed_of
from qhpcsim.execution.work import sub_experiments

N_RUNS, SHOTS = 100, 400


@pytest.fixture(scope="module")
def coin():
    """A fair coin behind a reset, as in the sub-experiments of a cut wire."""
    from qiskit import QuantumCircuit

    circuit = QuantumCircuit(1, 1)
    circuit.h(0)
    circuit.reset(0)
    circuit.h(0)
    circuit.measure(0, 0)
    return circuit


def bits(circuit, seed):
    result = simulator().run(circuit, shots=SHOTS, seed_simulator=seed, memory=True).result()
    return np.array([int(word) for word in result.get_memory()])


def neighbour_correlations(runs):
    """Return the correlations of the shots of each run with those of the next, up to two shots apart."""
    signs = 2.0 * runs - 1.0
    this, following = signs[:-1], signs[1:]
    found = [(this * following).mean()]
    for k in (1, 2):
        found += [(this[:, k:] * following[:, :-k]).mean(), (this[:, :-k] * following[:, k:]).mean()]
    return found


def test_neighbouring_runs_are_independent(coin):
    runs = np.array([bits(coin, aer_seed(11, f"run/{k}")) for k in range(N_RUNS)])
    variance = runs.sum(axis=1).var(ddof=1) / (SHOTS * 0.25)
    low, high = stats.chi2.ppf([1e-4, 1 - 1e-4], N_RUNS - 1) / (N_RUNS - 1)
    assert low < variance < high
    n_pairs = (N_RUNS - 1) * SHOTS
    assert max(map(abs, neighbour_correlations(runs))) < 4.5 / np.sqrt(n_pairs)


def test_whole_numbers_as_seeds_would_share_their_shots(coin):
    """Why seeds come from SeedSequence: with seeds k and k + 1 all shots but one are the same ones."""
    runs = np.array([bits(coin, k) for k in range(N_RUNS)])
    assert np.array_equal(runs[0, 1:], runs[1, :-1])
    assert max(neighbour_correlations(runs)) > 0.99
    assert runs.sum(axis=1).var(ddof=1) / (SHOTS * 0.25) < 0.5


def test_seeds_are_wide_different_and_repeatable():
    seeds = [aer_seed(1, f"task/{k}") for k in range(2000)]
    assert len(set(seeds)) == 2000
    assert all(0 <= each < 2**63 for each in seeds)
    assert min(abs(a - b) for a, b in zip(sorted(seeds), sorted(seeds)[1:], strict=False)) > 2**32
    assert seeds == [aer_seed(1, f"task/{k}") for k in range(2000)]
    assert seeds != [aer_seed(2, f"task/{k}") for k in range(2000)]
    assert seed_of(np.random.SeedSequence(5)) == seed_of(np.random.SeedSequence(5))


def test_copies_in_one_task_are_independent():
    text = 'OPENQASM 2.0; include "qelib1.inc"; qreg q[1]; creg c[1]; h q[0]; reset q[0]; h q[0]; measure q -> c;'
    found = sub_experiments(CircuitTask((text,) * 60, 300, seed=aer_seed(3, "copies")))
    ones = np.array([each.counts.get("1", 0) for each in found])
    low, high = stats.chi2.ppf([1e-4, 1 - 1e-4], 59) / 59
    assert low < ones.var(ddof=1) / 75 < high
