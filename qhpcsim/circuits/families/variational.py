"""Ansatz circuits with angles drawn at random: EfficientSU2 and QAOA."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qhpcsim.circuits.families.graphs import edges
from qhpcsim.core.registry import register
from qhpcsim.core.rng import Rng

if TYPE_CHECKING:
    from qiskit import QuantumCircuit


@dataclass(frozen=True, slots=True)
class EfficientSu2Params:
    """Size of an EfficientSU2 ansatz."""

    reps: int = 3
    entangle: str = "linear"
    """``linear``, ``circular`` or ``full``."""
    seed: int = 0


@register(
    "circuit_family",
    "efficient_su2",
    summary="hardware-efficient ansatz: layers of RY, RZ and CX",
    source="Kandala et al., Nature 549 (2017), doi:10.1038/nature23879",
    params=EfficientSu2Params,
)
def efficient_su2(n_qubits: int, params: EfficientSu2Params) -> QuantumCircuit:
    """Return ``reps`` blocks of rotations and entangling CX, and a last layer of rotations."""
    from qiskit import QuantumCircuit

    rng = Rng(params.seed).stream("angles")
    circuit = QuantumCircuit(n_qubits)
    pairs = edges(params.entangle, n_qubits, params.seed)
    for block in range(params.reps + 1):
        for qubit in range(n_qubits):
            circuit.ry(rng.uniform(-3.0, 3.0), qubit)
        for qubit in range(n_qubits):
            circuit.rz(rng.uniform(-3.0, 3.0), qubit)
        for a, b in pairs if block < params.reps else ():
            circuit.cx(a, b)
    circuit.measure_all()
    return circuit


@dataclass(frozen=True, slots=True)
class QaoaParams:
    """Size of a QAOA circuit."""

    layers: int = 2
    graph: str = "ring"
    """``ring``, ``regular3`` (each qubit has three partners, drawn by the seed), ``full``, ``tree``, ``sparse``, …"""
    seed: int = 0


@register(
    "circuit_family",
    "qaoa",
    summary="QAOA for MaxCut: RZZ on the edges of a graph, then RX on each qubit",
    source="Farhi, Goldstone, Gutmann, arXiv:1411.4028",
    params=QaoaParams,
)
def qaoa(n_qubits: int, params: QaoaParams) -> QuantumCircuit:
    """Return ``layers`` rounds of the phase separator and the mixer."""
    from qiskit import QuantumCircuit

    rng = Rng(params.seed).stream("angles")
    circuit = QuantumCircuit(n_qubits)
    circuit.h(range(n_qubits))
    for _ in range(params.layers):
        gamma, beta = rng.uniform(0.1, 1.5, 2)
        for a, b in edges(params.graph, n_qubits, params.seed):
            circuit.rzz(2 * gamma, a, b)
        circuit.rx(2 * beta, range(n_qubits))
    circuit.measure_all()
    return circuit
