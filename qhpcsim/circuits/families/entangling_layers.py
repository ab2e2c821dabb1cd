"""Strongly entangling layers: rotations on every qubit and CX to a partner that is one further away in each layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qhpcsim.core.registry import register
from qhpcsim.core.rng import Rng

if TYPE_CHECKING:
    from qiskit import QuantumCircuit


@dataclass(frozen=True, slots=True)
class EntanglingLayersParams:
    """Number of layers and seed."""

    layers: int = 2
    seed: int = 0


@register(
    "circuit_family",
    "entangling_layers",
    summary="strongly entangling layers: U on each qubit, CX around a ring of growing range",
    source="Schuld, Bocharov, Svore, Wiebe, Phys. Rev. A 101 (2020), arXiv:1804.00633; PennyLane's template",
    params=EntanglingLayersParams,
)
def entangling_layers(n_qubits: int, params: EntanglingLayersParams) -> QuantumCircuit:
    """Return ``layers`` times a U on each qubit and a CX from each to the one ``range`` further around the ring."""
    from qiskit import QuantumCircuit

    rng = Rng(params.seed).stream("angles")
    circuit = QuantumCircuit(n_qubits)
    for layer in range(params.layers):
        for qubit in range(n_qubits):
            circuit.u(*rng.uniform(0.1, 3.0, 3), qubit)
        reach = layer % (n_qubits - 1) + 1 if n_qubits > 1 else 0
        for qubit in range(n_qubits if n_qubits > 1 else 0):
            circuit.cx(qubit, (qubit + reach) % n_qubits)
    circuit.measure_all()
    return circuit
