import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.circuit.library import efficient_su2
from qiskit.quantum_info import PauliList
from qiskit_addon_cutting import generate_cutting_experiments, partition_problem
from qiskit_addon_cutting.utils.observable_grouping import ObservableCollection

from qhpcsim.circuits.cutting_atoms import circuit_of, ready
from qhpcsim.circuits.cutting_plan import plan, templates
from qhpcsim.circuits.cutting_terms import terms
from qhpcsim.core.errors import CircuitError
from tests.circuits.cutting_cases import distribution, random_problem, same

SEQUENCE = np.random.SeedSequence(3)


def planned(problem, num_samples=math.inf):
    found = terms(problem.bases, num_samples, SEQUENCE)
    return plan(templates(problem.subcircuits), problem.subobservables, found, len(problem.bases))


def su2(n_qubits, labels, observables):
    circuit = efficient_su2(n_qubits, reps=1, entanglement="linear")
    circuit = circuit.assign_parameters(np.linspace(0.1, 2.9, circuit.num_parameters)).decompose()
    return partition_problem(circuit, labels, PauliList(observables))


@pytest.mark.parametrize(
    ("labels", "n_sub_experiments", "n_distinct"),
    [("AABB", 12, 10), ("AABBCC", 108, 35), ("AABBCCDD", 864, 60)],
)
def test_numbers_of_circuits(labels, n_sub_experiments, n_distinct):
    n = len(labels)
    found = planned(su2(n, labels, ["Z" * n]))
    assert (found.n_sub_experiments, len(found.experiments)) == (n_sub_experiments, n_distinct)


def test_two_cuts_between_two_partitions():
    circuit = QuantumCircuit(4)
    for _ in range(2):
        circuit.ry(0.3, range(4))
        circuit.cx(0, 1)
        circuit.cx(2, 3)
        circuit.cx(1, 2)
    found = planned(partition_problem(circuit, "AABB", PauliList(["XXXX"])))
    assert (found.n_sub_experiments, len(found.experiments)) == (72, 50)


def by_sign(found, n_low, n_low_there):
    """Return (outcome of the observables' bits, sign of the cuts' bits) -> probability."""
    table = {}
    for bits, p in found.items():
        key = (bits & ((1 << n_low) - 1), (bits >> n_low_there).bit_count() % 2)
        table[key] = table.get(key, 0.0) + p
    return table


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([0, 10**6]))
def test_every_sub_experiment_of_the_library_has_the_distribution_of_ours(seed, shots):
    """Each of the library's circuits, followed branch by branch, against the one that stands for it."""
    problem, _ = random_problem(seed)
    found = planned(problem)
    circuits, _ = generate_cutting_experiments(problem.subcircuits, problem.subobservables, math.inf)
    ours = {}
    rng = np.random.default_rng(seed)
    for part in found.parts:
        groups = ObservableCollection(problem.subobservables[part.label]).groups
        n_groups = len(groups)
        for index in rng.permutation(len(circuits[part.label]))[:40].tolist():
            number = int(part.experiment[index // n_groups, index % n_groups])
            experiment = found.experiments[number]
            if number not in ours:
                body = ready(experiment.atoms, experiment.n_qubits, shots)
                ours[number] = distribution(circuit_of(body, "c"))
            theirs = circuits[part.label][index]
            n_low = len(groups[index % n_groups].pauli_indices)
            n_low_there = next(len(reg) for reg in theirs.cregs if reg.name == "observable_measurements")
            assert experiment.n_observable_bits == n_low
            one = by_sign(distribution(theirs), n_low, n_low_there)
            assert same(one, by_sign(ours[number], n_low, n_low)) < 1e-9


@pytest.mark.parametrize("seed", range(8))
def test_no_two_experiments_of_a_partition_are_the_same_circuit(seed):
    found = planned(random_problem(seed)[0])
    keys = [
        (e.partition, tuple((a.name, a.qubits, str(a.operation.params), a.bit) for a in e.atoms))
        for e in found.experiments
    ]
    assert len(set(keys)) == len(keys)
    names = [experiment.name for experiment in found.experiments]
    assert len(set(names)) == len(names)


def test_drawn_terms_need_only_their_own_circuits():
    problem = su2(8, "AABBCCDD", ["Z" * 8])
    found = planned(problem, num_samples=3)
    used = np.unique(np.concatenate([part.experiment.ravel() for part in found.parts]))
    assert used.tolist() == list(range(len(found.experiments)))
    assert len(found.experiments) < 15


def test_what_an_observable_cannot_see_is_not_run():
    """Z on the first qubit of a chain whose cut comes last: nothing behind the cut but its own measurements."""
    circuit = QuantumCircuit(4)
    circuit.ry(0.4, range(4))
    circuit.cx(0, 1)
    circuit.cx(2, 3)
    circuit.cx(1, 2)
    found = planned(partition_problem(circuit, "AABB", PauliList(["IIIZ"])))
    assert sum(experiment.n_bits == 0 for experiment in found.experiments) == 1
    assert max(experiment.n_bits for experiment in found.experiments) == 2
    assert len(found.experiments) < 10


def test_idle_qubits_give_their_factor():
    circuit = QuantumCircuit(3)
    circuit.h(0)
    circuit.cx(0, 1)
    problem = partition_problem(circuit, ["A", "B", None], PauliList(["ZZZ", "XZZ", "IXX"]))
    assert planned(problem).known.tolist() == [1.0, 0.0, 1.0]


def test_bad_problems_are_refused():
    problem, _ = random_problem(0)
    with pytest.raises(CircuitError, match="sign or phase"):
        planned(problem._replace(subobservables={"A": PauliList(["-ZZ"]), "B": PauliList(["ZZZ"])}))
    with pytest.raises(CircuitError, match="no observables"):
        planned(problem._replace(subobservables={"A": PauliList(["ZZ"])}))
    for instruction in problem.subcircuits["A"].data:
        if instruction.operation.name == "qpd_1q":
            instruction.operation.label = "mine"
    with pytest.raises(CircuitError, match="labelled 'mine'"):
        planned(problem)
    measured = QuantumCircuit(1, 1)
    measured.measure(0, 0)
    with pytest.raises(CircuitError, match="partition 0"):
        templates({0: measured})
