"""A cut gives the library's estimate from the same counts, and the truth within its standard error."""

import math

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit.library import efficient_su2
from qiskit.primitives import SamplerResult
from qiskit.quantum_info import PauliList, Statevector
from qiskit.result import QuasiDistribution
from qiskit_addon_cutting import generate_cutting_experiments, partition_problem, reconstruct_expectation_values

from qhpcsim.circuits.cutting_plan import plan, templates
from qhpcsim.circuits.cutting_terms import numpy_seed, terms
from qhpcsim.core.errors import CircuitError, ConfigError
from qhpcsim.core.rng import Rng
from qhpcsim.execution import cutting
from qhpcsim.execution.cutting import run_cut
from qhpcsim.execution.cutting_estimate import estimate
from qhpcsim.execution.cutting_shots import shots_of
from qhpcsim.execution.cutting_work import run_batch
from tests.circuits.cutting_cases import random_problem

N_SE = 5.0


def close(found, exact):
    """Check that values lie within 5 standard errors; where these are 0, that they are exact."""
    gap = np.abs(found.values - exact)
    assert np.all(gap <= N_SE * found.stderr + 1e-9), (gap, found.stderr)


@pytest.mark.parametrize("seed", range(12))
def test_exact_shots_give_the_exact_values(seed):
    problem, exact = random_problem(seed)
    found = run_cut(problem, shots=0)
    assert found.values == pytest.approx(exact, abs=1e-9)
    assert not found.stderr.any() and found.shots_total == 0


@pytest.mark.parametrize("seed", range(100, 112))
@pytest.mark.parametrize("num_samples", [math.inf, 300])
def test_sampled_values_are_within_five_standard_errors(seed, num_samples):
    problem, exact = random_problem(seed)
    close(run_cut(problem, shots=1000, num_samples=num_samples, seed=seed), exact)


@pytest.mark.slow
@pytest.mark.parametrize("circuit", range(50))
@pytest.mark.parametrize("num_samples", [math.inf, 500])
def test_fifty_circuits_with_three_seeds(circuit, num_samples):
    problem, exact = random_problem(1000 + circuit)
    for seed in range(3):
        close(run_cut(problem, shots=1024, num_samples=num_samples, seed=seed), exact)


def library_values(problem, num_samples, sequence, counts_of):
    """Return the library's values from our counts, put in the order of its own sub-experiments.

    Args:
        counts_of: Takes partition, term and group; returns outcome -> part of the shots.
    """
    with numpy_seed(sequence):
        circuits, weights = generate_cutting_experiments(problem.subcircuits, problem.subobservables, num_samples)
    results = {}
    for label, group in circuits.items():
        n_groups = len(group) // len(weights)
        quasi = [QuasiDistribution(counts_of(label, i // n_groups, i % n_groups, c)) for i, c in enumerate(group)]
        results[label] = SamplerResult(quasi, [{}] * len(quasi))
    return reconstruct_expectation_values(results, weights, problem.subobservables)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("num_samples", [math.inf, 80])
def test_the_estimate_is_the_librarys_on_the_same_counts(seed, num_samples):
    problem, _ = random_problem(seed)
    sequence = Rng(seed).sequence("cut/terms")
    found = terms(problem.bases, num_samples, sequence)
    planned = plan(templates(problem.subcircuits), problem.subobservables, found, len(problem.bases))
    jobs = cutting._jobs(planned, shots_of(planned, 37, None), seed)
    ran = {each.name: each.counts for each in run_batch(tuple(job.planned for job in jobs))}
    counts = [ran.get(experiment.name) for experiment in planned.experiments]
    parts = {part.label: part for part in planned.parts}

    def counts_of(label, term, group, circuit):
        number = int(parts[label].experiment[term, group])
        experiment, got = planned.experiments[number], counts[number]
        if got is None:
            return {0: 1.0}
        n_low = experiment.n_observable_bits
        n_low_there = next(len(reg) for reg in circuit.cregs if reg.name == "observable_measurements")
        moved = {}
        for key, number in zip(got.keys.tolist(), got.numbers.tolist(), strict=True):
            moved[key & ((1 << n_low) - 1) | key >> n_low << n_low_there] = number / got.shots
        return moved

    theirs = library_values(problem, num_samples, sequence, counts_of)
    assert estimate(planned, counts).values == pytest.approx(theirs, abs=1e-9)
    ours = run_cut(problem, shots=37, seed=seed, num_samples=num_samples)
    assert ours.values == pytest.approx(theirs, abs=1e-9)


@pytest.mark.parametrize("num_samples", [math.inf, 60])
def test_the_seed_like_mode_agrees_too(num_samples):
    problem, exact = random_problem(4)
    found = run_cut(problem, shots=500, mode="seed_like", num_samples=num_samples, seed=3)
    close(found, exact)
    assert found.n_experiments == found.n_distinct == len(found.experiments) == len(found.tasks)
    assert found.n_per_shot > 0


def test_seed_like_values_are_the_estimate_on_its_own_counts(monkeypatch):
    """The library's loop over single shots and our arrays, on the same counts."""
    from qhpcsim.execution import cutting_seed_like

    seen = []

    def remember(planned, counts):
        seen.append(estimate(planned, counts))
        return seen[-1]

    monkeypatch.setattr(cutting_seed_like, "estimate", remember)
    for seed in (1, 3):
        problem, _ = random_problem(seed)
        found = run_cut(problem, shots=50, mode="seed_like", num_samples=40)
        assert seen[-1].values == pytest.approx(found.values, abs=1e-9)


def chain(n=6):
    circuit = efficient_su2(n, reps=1, entanglement="linear")
    return circuit.assign_parameters(np.linspace(0.1, 2.9, circuit.num_parameters)).decompose()


OBSERVABLES = PauliList(["ZZIIII", "IIXXII", "IIIIIZ", "XYZXYZ"])


def exact_values(circuit):
    return [Statevector(circuit).expectation_value(each).real for each in OBSERVABLES]


def test_a_circuit_in_one_piece_uses_the_same_entry():
    circuit = chain()
    exact = run_cut(circuit, OBSERVABLES, shots=0)
    assert exact.values == pytest.approx(exact_values(circuit), abs=1e-9)
    sampled = run_cut(circuit, OBSERVABLES, shots=2000)
    close(sampled, exact.values)
    assert (sampled.n_cuts, sampled.n_partitions, sampled.n_terms) == (0, 1, 1)
    assert sampled.stderr[3] == pytest.approx(math.sqrt((1 - sampled.values[3] ** 2) / 2000), rel=1e-2)


def test_a_circuit_in_one_piece_is_reduced_to_the_light_cone():
    found = run_cut(chain(), ["IIIIIZ"], shots=100)
    assert [each.n_qubits for each in found.experiments] == [2]


def test_labels_cut_a_circuit():
    circuit = chain()
    one = run_cut(circuit, OBSERVABLES, labels="AABBCC", shots=300, seed=2)
    two = run_cut(partition_problem(circuit, "AABBCC", OBSERVABLES), shots=300, seed=2)
    assert np.array_equal(one.values, two.values) and np.array_equal(one.stderr, two.stderr)
    close(one, exact_values(circuit))
    phases = {phase.name: phase for phase in one.phases}
    assert list(phases) == ["partition", "transpile", "generate", "deduplicate", "execute", "reconstruct"]
    assert all(phase.wall_s > 0 and phase.cpu_s > 0 for phase in one.phases)
    assert one.wall_s == sum(phase.wall_s for phase in one.phases)


def test_deferral_leaves_no_circuit_to_be_simulated_shot_by_shot():
    found = run_cut(chain(), OBSERVABLES, labels="AABBCC", shots=200)
    assert found.n_per_shot == 0 and max(each.n_deferral_qubits for each in found.experiments) > 0


def test_a_total_of_shots_is_spent_exactly_and_where_it_weighs():
    problem, exact = random_problem(7)
    found = run_cut(problem, total_shots=20_011, seed=1)
    assert found.shots_total == 20_011
    shots = [each.shots for each in found.experiments]
    assert min(shots) >= 1 and max(shots) > 1.2 * min(shots)
    close(found, exact)
    with pytest.raises(ConfigError, match="total_shots"):
        run_cut(problem, total_shots=3)


def test_one_seed_gives_the_same_values_and_another_does_not():
    problem, _ = random_problem(2)
    one, two, other = (run_cut(problem, shots=200, num_samples=50, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(one.values, two.values) and np.array_equal(one.covariance, two.covariance)
    assert not np.array_equal(one.values, other.values)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"mode": "quick"}, ConfigError, "mode"),
        ({"shots": -1}, ConfigError, "shots"),
        ({"num_samples": 0.1}, ConfigError, "num_samples"),
        ({"mode": "seed_like", "shots": 0}, ConfigError, "shots"),
        ({"observables": ["ZZ"]}, ConfigError, "observables"),
    ],
)
def test_options_that_make_no_sense_are_refused(arguments, error, words):
    with pytest.raises(error, match=words):
        run_cut(random_problem(0)[0], **arguments)


def test_circuits_that_cannot_be_run_are_refused():
    with pytest.raises(ConfigError, match="observables"):
        run_cut(chain())
    with pytest.raises(CircuitError, match="2 letters for a circuit of 6"):
        run_cut(chain(), ["ZZ"])
    with pytest.raises(CircuitError, match="number of partition labels"):
        run_cut(chain(), ["Z" * 6], labels="AB")
    with pytest.raises(CircuitError, match="parameters"):
        run_cut(efficient_su2(2), ["ZZ"])
    with pytest.raises(ConfigError, match="nothing is cut"):
        run_cut(chain(), ["Z" * 6], mode="seed_like")
    measured = QuantumCircuit(1, 1)
    with pytest.raises(CircuitError, match="classical bits"):
        run_cut(measured, ["Z"])
    with pytest.raises(CircuitError, match="no observables"):
        run_cut(partition_problem(chain(), "AAABBB"))
