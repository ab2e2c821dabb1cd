"""Features against hand counts and against Qiskit."""

from __future__ import annotations

import pytest
from qiskit import QuantumCircuit
from qiskit.circuit.random import random_circuit

from qhpcsim.circuits.features import features
from qhpcsim.circuits.target import target_durations, target_from_card
from qhpcsim.circuits.transpile import compiled
from qhpcsim.core.cards import card
from tests.circuits.devices import small_device


def test_hand_count() -> None:
    circuit = QuantumCircuit(4, 2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.barrier()
    circuit.ccx(0, 1, 2)
    circuit.delay(100, 3, unit="ns")
    circuit.reset(2)
    circuit.measure([0, 1], [0, 1])
    found = features(circuit)
    assert (found.n_qubits, found.width, found.n_1q, found.n_2q, found.n_multi) == (3, 4, 1, 1, 1)
    assert (found.n_measurements, found.n_resets, found.depth, found.dynamic) == (2, 1, 4, False)
    assert found.duration_s is None
    assert found.vector() == (4.0, 1.0, 3.0)


@pytest.mark.parametrize("seed", range(10))
def test_depth_and_size_equal_qiskit(seed: int) -> None:
    circuit = random_circuit(5, 12, measure=True, reset=seed % 2 == 0, seed=seed)
    circuit.barrier()
    circuit.h(0)
    found = features(circuit)
    assert found.depth == circuit.depth()
    assert found.n_gates + found.n_measurements + found.n_resets == circuit.size()


def test_loops_count_every_round() -> None:
    circuit = QuantumCircuit(2, 2)
    with circuit.for_loop(range(10)):
        circuit.h(0)
        with circuit.for_loop(range(3)):
            circuit.cx(0, 1)
    circuit.measure([0, 1], [0, 1])
    found = features(circuit)
    assert (found.n_1q, found.n_2q, found.depth, found.dynamic) == (10, 30, 41, False)


def test_the_larger_branch_counts() -> None:
    circuit = QuantumCircuit(2, 2)
    circuit.measure(0, 0)
    with circuit.if_test((circuit.clbits[0], 1)) as otherwise:
        circuit.x(1)
    with otherwise:
        circuit.cx(0, 1)
        circuit.cx(1, 0)
    found = features(circuit)
    assert (found.n_1q, found.n_2q, found.depth, found.dynamic) == (1, 2, 3, True)


def test_reuse_after_measurement_is_dynamic() -> None:
    circuit = QuantumCircuit(2, 2)
    circuit.measure(0, 0)
    circuit.x(1)
    assert not features(circuit).dynamic
    circuit.reset(0)
    assert features(circuit).dynamic


def test_defined_gates_are_expanded() -> None:
    inner = QuantumCircuit(2, name="mine")
    inner.cx(0, 1)
    inner.h(1)
    circuit = QuantumCircuit(3)
    circuit.append(inner.to_gate(), [1, 2])
    circuit.append(inner.to_instruction(), [0, 1])
    found = features(circuit)
    assert (found.n_1q, found.n_2q, found.depth) == (2, 2, 3)


def test_duration_by_hand() -> None:
    """h, then 2 cx in a row, then readouts side by side: 0 + 60 ns … of the device's own times."""
    device = small_device()
    circuit = QuantumCircuit(2, 2)
    circuit.sx(0)
    circuit.cz(0, 1)
    circuit.delay(1, 1, unit="us")
    circuit.measure([0, 1], [0, 1])
    found = features(circuit, device.durations())
    assert found.duration_s == pytest.approx(50e-9 + 100e-9 + 1e-6 + 2e-6)
    serial = features(circuit, device.durations(), serial=True)
    assert serial.duration_s == pytest.approx(found.duration_s)


def test_serial_gates_add_up() -> None:
    device = small_device()
    circuit = QuantumCircuit(4)
    for qubit in range(4):
        circuit.sx(qubit)
    assert features(circuit, device.durations()).duration_s == pytest.approx(50e-9)
    assert features(circuit, device.durations(), serial=True).duration_s == pytest.approx(200e-9)


@pytest.mark.parametrize("seed", range(4))
def test_duration_equals_qiskit(seed: int) -> None:
    device = small_device()
    circuit = random_circuit(4, 6, max_operands=2, measure=True, seed=seed)
    native = compiled(circuit, device)
    assert features(native, device.durations()).duration_s == pytest.approx(native.estimate_duration(device.target))


def test_target_of_a_shipped_card() -> None:
    target = target_from_card(card("qpu/ibm_heron_r2"))
    assert target.num_qubits == 156
    circuit = QuantumCircuit(1)
    circuit.sx(0)
    assert features(circuit, target_durations(target)).duration_s == pytest.approx(32e-9)
