"""Cost features: light cone, sampling, what is counted."""

from __future__ import annotations

import pytest
from qiskit import QuantumCircuit
from qiskit.quantum_info import Pauli, SparsePauliOp

from qhpcsim.circuits.cost import circuit_cost
from qhpcsim.circuits.named import named_circuit
from qhpcsim.circuits.observable import Observable
from qhpcsim.circuits.simulator import for_simulator
from qhpcsim.core.errors import CircuitError


def test_counts_of_a_small_circuit() -> None:
    circuit = QuantumCircuit(3)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.rz(0.3, 1)
    circuit.cp(0.2, 1, 2)
    circuit.measure_all()
    cost = circuit_cost(circuit, shots=50)
    assert (cost.n_qubits, cost.n_active, cost.n_measured, cost.shots) == (3, 3, 3, 50)
    assert (cost.n_plain, cost.n_parametric, cost.n_controlled, cost.n_other) == (2, 1, 1, 4)
    wanted = {("diagonal", 1): 1, ("matrix", 1): 1, ("permutation", 2): 1, ("phase", 2): 1}
    assert cost.histogram() == wanted
    assert cost.state_bytes == 16 * 8 == cost.memory_bytes(threads=4)
    assert cost.outcome_bits == 1


def test_light_cone_drops_what_the_observable_does_not_see() -> None:
    circuit = for_simulator(named_circuit("efficient_su2:20:reps=1"))
    whole = circuit_cost(circuit, observable=Observable.parse("Z" * 20))
    first = circuit_cost(circuit, observable=Observable.parse("I" * 19 + "Z"))
    assert (whole.n_active, first.n_active) == (20, 2)
    assert first.n_plain == whole.n_plain
    assert len(first.gates) < len(whole.gates) / 4


def test_unused_qubits_are_not_simulated() -> None:
    circuit = QuantumCircuit(30, 1)
    circuit.h([3, 17])
    circuit.cx(3, 17)
    circuit.h(20)
    circuit.measure(17, 0)
    cost = circuit_cost(circuit)
    assert cost.n_active == 2
    assert {gate.qubits for gate in cost.gates} == {(0,), (1,), (0, 1)}


def test_measurements_that_can_wait_are_sampled() -> None:
    circuit = QuantumCircuit(2, 2)
    circuit.h(0)
    circuit.measure(0, 0)
    circuit.h(1)
    circuit.measure(1, 1)
    cost = circuit_cost(circuit, shots=1000)
    assert cost.sampleable
    assert cost.n_simulations == 1
    assert ("measure", 1) not in cost.histogram()


def used_again() -> QuantumCircuit:
    circuit = QuantumCircuit(2, 2)
    circuit.measure(0, 0)
    circuit.h(0)
    circuit.measure(0, 1)
    return circuit


def with_reset() -> QuantumCircuit:
    circuit = QuantumCircuit(2, 2)
    circuit.h(0)
    circuit.reset(0)
    circuit.measure(0, 0)
    return circuit


def with_condition() -> QuantumCircuit:
    circuit = QuantumCircuit(2, 2)
    circuit.measure(0, 0)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.x(1)
    circuit.measure(1, 1)
    return circuit


@pytest.mark.parametrize("circuit", [used_again(), with_reset(), with_condition()], ids=["again", "reset", "if"])
def test_random_states_are_simulated_shot_by_shot(circuit: QuantumCircuit) -> None:
    cost = circuit_cost(for_simulator(circuit), shots=70)
    assert not cost.sampleable
    assert cost.n_simulations == 70
    assert cost.n_measured == 0
    assert cost.memory_bytes(threads=4) == 4 * cost.state_bytes


def test_a_branch_counts_by_its_share() -> None:
    assert circuit_cost(for_simulator(with_condition())).histogram()["permutation", 1] == 0.5


def test_precision_halves_the_memory() -> None:
    circuit = for_simulator(named_circuit("ghz:12"))
    assert 2 * circuit_cost(circuit, precision="single").state_bytes == circuit_cost(circuit).state_bytes == 65536


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("ABC", "Pauli"),
        ("ZZ + Z", "length"),
        ("III", "no qubit"),
        ("ZZ ZZ", "Pauli"),
        ("ZZ", "2 letters"),
    ],
)
def test_observables_that_make_no_sense(text: str, words: str) -> None:
    with pytest.raises(CircuitError, match=words):
        circuit_cost(named_circuit("ghz:3"), observable=Observable.parse(text))


def test_observables_are_read_as_qiskit_writes_them() -> None:
    found = Observable.parse("ZIX - 0.5*IYI+ZIX")
    assert found.terms == (("ZIX", 2.0), ("IYI", -0.5))
    assert found.qubits() == (0, 1, 2)
    assert found.counts() == (0, 2)
    assert Observable.parse("ZII").qubits() == (2,)
    assert Observable.parse("0.5 ZZI - .25XII + 1e-1 * IIY").terms == (("ZZI", 0.5), ("XII", -0.25), ("IIY", 0.1))


def test_observables_of_qiskit() -> None:
    found = Observable.of(SparsePauliOp.from_list([("ZIX", 1.5), ("IYI", -0.5), ("ZIX", 0.5)]))
    assert found == Observable.of("2 ZIX - 0.5 IYI")
    assert Observable.of(-Pauli("ZIX")) == Observable.of("-ZIX")
    for wrong, words in (
        (SparsePauliOp(["ZZ"], [1j]), "real numbers"),
        (SparsePauliOp(["II"]), "no qubit"),
        (Pauli("iZZ"), "Pauli"),
        (3.0, "float is no observable"),
    ):
        with pytest.raises(CircuitError, match=words):
            Observable.of(wrong)
