"""Circuits shaped like tensor networks: staircase (matrix product state), binary tree, and the W state."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from qhpcsim.circuits.families.textbook import SeedParams
from qhpcsim.core.registry import register
from qhpcsim.core.rng import Rng

if TYPE_CHECKING:
    from qiskit import QuantumCircuit


@dataclass(frozen=True, slots=True)
class StaircaseParams:
    """How often the staircase is walked."""

    layers: int = 1
    seed: int = 0


@register(
    "circuit_family",
    "staircase",
    summary="matrix product state: blocks of two CX down a line of qubits",
    source="Schön et al., Phys. Rev. Lett. 95 (2005), doi:10.1103/PhysRevLett.95.110503",
    params=StaircaseParams,
)
def staircase(n_qubits: int, params: StaircaseParams) -> QuantumCircuit:
    """Return ``layers`` walks from the first qubit to the last, a random block on each pair of neighbours."""
    from qiskit import QuantumCircuit

    rng = Rng(params.seed).stream("angles")
    circuit = QuantumCircuit(n_qubits)
    circuit.ry(float(rng.uniform(0.1, 3.0)), 0)
    for _ in range(params.layers):
        for qubit in range(n_qubits - 1):
            _block(circuit, qubit, qubit + 1, rng)
    circuit.measure_all()
    return circuit


@register(
    "circuit_family",
    "tree_tensor",
    summary="binary tree: blocks of two CX on pairs, one qubit of each pair goes on to the next level",
    source="Grant et al., npj Quantum Inf. 4 (2018), doi:10.1038/s41534-018-0116-9",
    params=SeedParams,
)
def tree_tensor(n_qubits: int, params: SeedParams) -> QuantumCircuit:
    """Return the levels of the tree from its leaves to its root."""
    from qiskit import QuantumCircuit

    rng = Rng(params.seed).stream("angles")
    circuit = QuantumCircuit(n_qubits)
    level = list(range(n_qubits))
    for qubit in level:
        circuit.ry(float(rng.uniform(0.1, 3.0)), qubit)
    while len(level) > 1:
        for a, b in zip(level[::2], level[1::2], strict=False):
            _block(circuit, a, b, rng)
        level = level[::2]
    circuit.measure_all()
    return circuit


@register(
    "circuit_family",
    "w_state",
    summary="W state: a chain of controlled rotations and CX",
    source="Cruz et al., Adv. Quantum Technol. 2 (2019), doi:10.1002/qute.201900015",
)
def w_state(n_qubits: int, params: None = None) -> QuantumCircuit:
    """Return the circuit that prepares an equal sum of all states with one qubit in |1⟩."""
    from qiskit import QuantumCircuit

    circuit = QuantumCircuit(n_qubits)
    circuit.x(0)
    for qubit in range(n_qubits - 1):
        circuit.cry(2 * math.acos(math.sqrt(1 / (n_qubits - qubit))), qubit, qubit + 1)
        circuit.cx(qubit + 1, qubit)
    circuit.measure_all()
    return circuit


def _block(circuit: QuantumCircuit, a: int, b: int, rng: np.random.Generator) -> None:
    """Append CX, random rotations on both, CX, random rotations."""
    for _ in range(2):
        circuit.cx(a, b)
        for qubit in (a, b):
            circuit.ry(float(rng.uniform(0.1, 3.0)), qubit)
            circuit.rz(float(rng.uniform(0.1, 3.0)), qubit)
