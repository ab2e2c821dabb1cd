"""Circuits of random gates: brickwork, quantum volume, Clifford+T, diagonal-heavy, two-qubit-heavy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qhpcsim.circuits.families.probes import random_unitary
from qhpcsim.core.registry import register
from qhpcsim.core.rng import Rng

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

_CLIFFORD = ("h", "s", "sdg", "x", "z")


@dataclass(frozen=True, slots=True)
class DepthParams:
    """Depth and seed."""

    depth: int = 10
    seed: int = 0


@dataclass(frozen=True, slots=True)
class CliffordTParams:
    """Depth, share of T gates and seed."""

    depth: int = 20
    t_frac: float = 0.2
    cx_frac: float = 0.4
    seed: int = 0


@register(
    "circuit_family",
    "brickwork",
    summary="random one-qubit gates and CX in a brick pattern",
    source="Arute et al., Nature 574 (2019), doi:10.1038/s41586-019-1666-5 (the idea; pattern and gates are ours)",
    params=DepthParams,
)
def brickwork(n_qubits: int, params: DepthParams) -> QuantumCircuit:
    """Return ``depth`` layers of U on each qubit and CX on every second pair."""
    from qiskit import QuantumCircuit

    rng = Rng(params.seed).stream("gates")
    circuit = QuantumCircuit(n_qubits)
    for layer in range(params.depth):
        for qubit in range(n_qubits):
            circuit.u(*rng.uniform(0.1, 3.0, 3), qubit)
        for a in range(layer % 2, n_qubits - 1, 2):
            circuit.cx(a, a + 1)
    circuit.measure_all()
    return circuit


@register(
    "circuit_family",
    "quantum_volume",
    summary="random two-qubit matrices on random pairs",
    source="Cross et al., Phys. Rev. A 100 (2019), doi:10.1103/PhysRevA.100.032328",
    params=DepthParams,
)
def quantum_volume(n_qubits: int, params: DepthParams) -> QuantumCircuit:
    """Return ``depth`` layers of a random pairing with a random unitary matrix on each pair."""
    from qiskit import QuantumCircuit

    rng = Rng(params.seed).stream("gates")
    circuit = QuantumCircuit(n_qubits)
    for _ in range(params.depth):
        order = [int(qubit) for qubit in rng.permutation(n_qubits)]
        for a, b in zip(order[::2], order[1::2], strict=False):
            circuit.unitary(random_unitary(2, rng), [a, b])
    circuit.measure_all()
    return circuit


@register(
    "circuit_family",
    "clifford_t",
    summary="random Clifford gates and T gates",
    source="Bravyi, Gosset, Phys. Rev. Lett. 116 (2016), doi:10.1103/PhysRevLett.116.250501",
    params=CliffordTParams,
)
def clifford_t(n_qubits: int, params: CliffordTParams) -> QuantumCircuit:
    """Return ``depth``·n random gates: CX on random pairs, T, and one-qubit Clifford gates."""
    from qiskit import QuantumCircuit

    rng = Rng(params.seed).stream("gates")
    circuit = QuantumCircuit(n_qubits)
    circuit.h(range(n_qubits))
    for _ in range(params.depth * n_qubits):
        draw = rng.random()
        a, b = (int(q) for q in rng.choice(n_qubits, 2, replace=False)) if n_qubits > 1 else (0, 0)
        if draw < params.cx_frac and n_qubits > 1:
            circuit.cx(a, b)
        elif draw < params.cx_frac + params.t_frac:
            circuit.t(a)
        else:
            getattr(circuit, _CLIFFORD[int(rng.integers(len(_CLIFFORD)))])(a)
    circuit.measure_all()
    return circuit


@register(
    "circuit_family",
    "iqp",
    summary="diagonal-heavy: H, random phases and controlled phases, H",
    source="Bremner, Jozsa, Shepherd, Proc. R. Soc. A 467 (2011), doi:10.1098/rspa.2010.0301",
    params=DepthParams,
)
def iqp(n_qubits: int, params: DepthParams) -> QuantumCircuit:
    """Return layers of phases on each qubit, controlled phases and RZZ on random pairs, between two layers of H."""
    from qiskit import QuantumCircuit

    rng = Rng(params.seed).stream("gates")
    circuit = QuantumCircuit(n_qubits)
    circuit.h(range(n_qubits))
    for _ in range(params.depth):
        for qubit in range(n_qubits):
            circuit.p(float(rng.uniform(0.1, 3.0)), qubit)
        order = [int(qubit) for qubit in rng.permutation(n_qubits)]
        for a, b in zip(order[::2], order[1::2], strict=False):
            angle = float(rng.uniform(0.1, 3.0))
            circuit.cp(angle, a, b) if rng.random() < 0.5 else circuit.rzz(angle, a, b)
    circuit.h(range(n_qubits))
    circuit.measure_all()
    return circuit


@register(
    "circuit_family",
    "two_qubit",
    summary="two-qubit-heavy: CX, CZ, SWAP, RXX and CRY on random pairs, few one-qubit gates",
    source="ours",
    params=DepthParams,
)
def two_qubit(n_qubits: int, params: DepthParams) -> QuantumCircuit:
    """Return ``depth`` layers of random two-qubit gates on random pairs, after one layer of rotations."""
    from qiskit import QuantumCircuit

    rng = Rng(params.seed).stream("gates")
    circuit = QuantumCircuit(n_qubits)
    for qubit in range(n_qubits):
        circuit.ry(float(rng.uniform(0.1, 3.0)), qubit)
    for _ in range(params.depth):
        order = [int(qubit) for qubit in rng.permutation(n_qubits)]
        for a, b in zip(order[::2], order[1::2], strict=False):
            kind, angle = int(rng.integers(5)), float(rng.uniform(0.1, 3.0))
            if kind == 0:
                circuit.cx(a, b)
            elif kind == 1:
                circuit.cz(a, b)
            elif kind == 2:
                circuit.swap(a, b)
            elif kind == 3:
                circuit.rxx(angle, a, b)
            else:
                circuit.cry(angle, a, b)
    circuit.measure_all()
    return circuit
