"""Random cut problems, and an independent simulator that follows every branch of measurements and resets."""

from itertools import pairwise

import numpy as np
from qiskit import QuantumCircuit
from qiskit.quantum_info import PauliList, Statevector
from qiskit_addon_cutting import cut_wires, expand_observables, partition_problem
from qiskit_addon_cutting.instructions import CutWire

TWO_QUBIT = ("cx", "cz", "rzz", "cp", "ecr", "cry")
ANGLED = ("rzz", "cp", "cry")


def distribution(circuit):
    """Return outcome of the classical bits (an integer) -> probability, by following every branch."""
    branches = [(1.0, 0, Statevector.from_int(0, 2**circuit.num_qubits))]
    for instruction in circuit.data:
        operation = instruction.operation
        qubits = [circuit.find_bit(q).index for q in instruction.qubits]
        if operation.name == "barrier":
            continue
        if operation.name not in ("measure", "reset"):
            branches = [(p, bits, state.evolve(operation, qubits)) for p, bits, state in branches]
            continue
        grown = []
        for p, bits, state in branches:
            for value in (0, 1):
                part, after = _projected(state, qubits[0], value)
                if part < 1e-14:
                    continue
                seen = bits
                if operation.name == "measure":
                    bit = circuit.find_bit(instruction.clbits[0]).index
                    seen = bits & ~(1 << bit) | value << bit
                elif value:
                    after = after.evolve(_X, [qubits[0]])
                grown.append((p * part, seen, after))
        branches = grown
    found = {}
    for p, bits, _ in branches:
        found[bits] = found.get(bits, 0.0) + p
    return found


_X = QuantumCircuit(1)
_X.x(0)


def _projected(state, qubit, value):
    data = state.data.copy()
    data[(np.arange(data.size) >> qubit & 1) != value] = 0.0
    part = float(np.sum(np.abs(data) ** 2))
    return part, Statevector(data / np.sqrt(part)) if part > 1e-14 else None


def same(one, other):
    """Return the largest difference of two distributions."""
    return max(abs(one.get(k, 0.0) - other.get(k, 0.0)) for k in {**one, **other})


def random_gates(rng, circuit, qubits, n_gates):
    """Add random gates on some qubits."""
    for _ in range(n_gates):
        circuit.u(*rng.uniform(-3, 3, 3), int(rng.choice(qubits)))
        if len(qubits) > 1:
            two_qubit(rng, circuit, *rng.choice(qubits, 2, replace=False))


def two_qubit(rng, circuit, a, b):
    name = str(rng.choice(TWO_QUBIT))
    angle = [float(rng.uniform(-3, 3))] if name in ANGLED else []
    getattr(circuit, name)(*angle, int(a), int(b))


def random_observables(rng, n_qubits, n):
    return PauliList(["".join(rng.choice(list("IIXYZ"), n_qubits)) for _ in range(n)])


def random_problem(seed, n_observables=3):
    """Return a problem with gate cuts, wire cuts or both, and the exact values of its observables."""
    rng = np.random.default_rng(seed)
    kind = ("gates", "wire", "both", "three")[seed % 4]
    if kind in ("gates", "three"):
        return _gate_cuts(rng, n_observables, "AABBCC" if kind == "three" else "AABBB")
    return _wire_cut(rng, n_observables, kind == "both")


def _exact(circuit, observables):
    state = Statevector(circuit)
    return np.array([state.expectation_value(each).real for each in observables])


def _gate_cuts(rng, n_observables, labels):
    n = len(labels)
    circuit = QuantumCircuit(n)
    parts = [[q for q in range(n) if labels[q] == label] for label in dict.fromkeys(labels)]
    for part in parts:
        random_gates(rng, circuit, part, 3)
    for left, right in pairwise(parts):
        two_qubit(rng, circuit, rng.choice(left), rng.choice(right))
        random_gates(rng, circuit, left, 2)
    if len(parts) == 2:
        two_qubit(rng, circuit, rng.choice(parts[1]), rng.choice(parts[0]))
    for part in parts:
        random_gates(rng, circuit, part, 2)
    observables = random_observables(rng, n, n_observables)
    return partition_problem(circuit, labels, observables), _exact(circuit, observables)


def _wire_cut(rng, n_observables, with_gate):
    circuit, plain = QuantumCircuit(5), QuantumCircuit(5)
    first, second, third = QuantumCircuit(5), QuantumCircuit(5), QuantumCircuit(5)
    random_gates(rng, first, [0, 1, 2], 4)
    random_gates(rng, second, [2, 3, 4], 4)
    if with_gate:
        two_qubit(rng, third, 0, 4)
        random_gates(rng, third, [0, 1], 2)
        random_gates(rng, third, [3, 4], 2)
    for whole in (circuit, plain):
        whole.compose(first, inplace=True)
        if whole is circuit:
            whole.append(CutWire(), [2])
        whole.compose(second, inplace=True)
        whole.compose(third, inplace=True)
    observables = random_observables(rng, 5, n_observables)
    moved = cut_wires(circuit)
    expanded = expand_observables(observables, circuit, moved)
    return partition_problem(moved, "AAABBB", expanded), _exact(plain, observables)
