"""What Qiskit's own exporters write is read back as the same circuit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from qiskit import QuantumCircuit, qasm2, qasm3
from qiskit.circuit.library import get_standard_gate_name_mapping
from qiskit.circuit.random import random_circuit
from qiskit.quantum_info import Operator

from qhpcsim.circuits.features import features
from qhpcsim.circuits.qasm import read_circuit
from tests.circuits.programs import HEAD2, RICH2, RICH3, write

UNITARY = sorted(
    name
    for name, gate in get_standard_gate_name_mapping().items()
    if hasattr(gate, "to_matrix") and 0 < gate.num_qubits <= 4 and name not in ("delay", "measure", "reset")
)
DUMPS = {"qasm2": qasm2.dumps, "qasm3": qasm3.dumps}


def every_gate() -> QuantumCircuit:
    circuit = QuantumCircuit(4)
    rng = np.random.default_rng(7)
    for name in UNITARY:
        gate = get_standard_gate_name_mapping()[name].to_mutable()
        gate.params = [float(rng.uniform(0.1, 3)) for _ in gate.params]
        circuit.append(gate, rng.permutation(4)[: gate.num_qubits].tolist())
    return circuit


@pytest.mark.parametrize("language", DUMPS)
def test_every_standard_gate(tmp_path: Path, language: str) -> None:
    circuit = every_gate()
    path = write(tmp_path, DUMPS[language](circuit.measure_all(inplace=False)))
    back = read_circuit(path)
    back.remove_final_measurements()
    assert Operator(back).equiv(Operator(circuit))


@pytest.mark.parametrize("language", DUMPS)
@pytest.mark.parametrize("seed", range(6))
def test_random_circuits(tmp_path: Path, language: str, seed: int) -> None:
    circuit = random_circuit(4, 8, max_operands=4, seed=seed)
    path = write(tmp_path, DUMPS[language](circuit.measure_all(inplace=False)))
    back = read_circuit(path)
    back.remove_final_measurements()
    assert Operator(back).equiv(Operator(circuit))


def test_gates_missing_from_qelib1_stay_single(tmp_path: Path) -> None:
    words = "sx q[0]; p(0.1) q[0]; u(1,2,3) q[0]; cp(0.1) q[0],q[1]; rzz(0.1) q[0],q[1]; csx q[0],q[1];"
    path = write(tmp_path, f"{HEAD2}qreg q[2]; creg c[2]; {words} measure q -> c;")
    found = features(read_circuit(path))
    assert (found.n_1q, found.n_2q) == (3, 3)


def test_feed_forward_written_by_qiskit(tmp_path: Path) -> None:
    circuit = QuantumCircuit(2, 2)
    circuit.h(0)
    circuit.measure(0, 0)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.x(1)
    circuit.measure(1, 1)
    back = read_circuit(write(tmp_path, qasm3.dumps(circuit)))
    assert features(back) == features(circuit)
    assert features(back).dynamic


def test_rich_programs(tmp_path: Path) -> None:
    two = features(read_circuit(write(tmp_path, RICH2)))
    assert (two.n_2q, two.n_1q, two.n_measurements, two.n_resets, two.dynamic) == (4, 6, 3, 1, True)
    three = features(read_circuit(write(tmp_path, RICH3)))
    assert (three.n_measurements, three.dynamic, three.width) == (4, True, 3)


def test_version_and_line_ends(tmp_path: Path) -> None:
    for text in ("qreg q[1];creg c[1];U(0,0,0) q[0];measure q->c;", "qubit q;bit c;c=measure q;"):
        assert read_circuit(write(tmp_path, text)).num_qubits == 1
    text = b"\xef\xbb\xbf" + RICH2.replace("\n", "\r\n").encode()
    assert read_circuit(write(tmp_path, text)).num_qubits == 3
