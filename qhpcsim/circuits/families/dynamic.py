"""Circuits that measure or reset on the way, so that a simulator must run every shot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qhpcsim.circuits.families.graphs import at_least
from qhpcsim.core.registry import register
from qhpcsim.core.rng import Rng

if TYPE_CHECKING:
    from qiskit import QuantumCircuit


@dataclass(frozen=True, slots=True)
class RoundsParams:
    """Rounds and seed."""

    rounds: int = 2
    seed: int = 0


@dataclass(frozen=True, slots=True)
class CodeParams:
    """Rounds of an error-correcting code."""

    rounds: int = 2


@register(
    "circuit_family",
    "dynamic",
    summary="random layers with a measurement and a reset between them",
    source="ours",
    params=RoundsParams,
)
def dynamic(n_qubits: int, params: RoundsParams) -> QuantumCircuit:
    """Return rounds of rotations and a CX chain; each round but the last measures and resets one qubit."""
    from qiskit import QuantumCircuit

    rng = Rng(params.seed).stream("gates")
    circuit = QuantumCircuit(n_qubits, n_qubits + params.rounds)
    for step in range(params.rounds + 1):
        for qubit in range(n_qubits):
            circuit.u(*rng.uniform(0.1, 3.0, 3), qubit)
        for a in range(n_qubits - 1):
            circuit.cx(a, a + 1)
        if step < params.rounds:
            chosen = int(rng.integers(n_qubits))
            circuit.measure(chosen, n_qubits + step)
            circuit.reset(chosen)
    circuit.measure(range(n_qubits), range(n_qubits))
    return circuit


@register(
    "circuit_family",
    "repetition_code",
    summary="syndrome rounds of a repetition code: data and ancilla in turn, ancillas measured and reset",
    source="Kelly et al., Nature 519 (2015), doi:10.1038/nature14270",
    params=CodeParams,
)
def repetition_code(n_qubits: int, params: CodeParams) -> QuantumCircuit:
    """Return a bit-flip code on the even qubits; odd qubits hold the parity of their neighbours."""
    from qiskit import QuantumCircuit

    at_least(n_qubits, 3)
    ancillas = range(1, n_qubits - 1, 2)
    circuit = QuantumCircuit(n_qubits, n_qubits + params.rounds * len(ancillas))
    circuit.h(range(0, n_qubits, 2))
    for step in range(params.rounds):
        for ancilla in ancillas:
            circuit.cx(ancilla - 1, ancilla)
            circuit.cx(ancilla + 1, ancilla)
        for i, ancilla in enumerate(ancillas):
            circuit.measure(ancilla, n_qubits + step * len(ancillas) + i)
            circuit.reset(ancilla)
    circuit.measure(range(n_qubits), range(n_qubits))
    return circuit


@register(
    "circuit_family",
    "feedforward",
    summary="a chain of teleportations: measurements decide which gates follow",
    source="Bennett et al., Phys. Rev. Lett. 70 (1993), doi:10.1103/PhysRevLett.70.1895",
    params=RoundsParams,
)
def feedforward(n_qubits: int, params: RoundsParams) -> QuantumCircuit:
    """Return rounds of a CX chain, a measurement in the middle and an X or Z on its neighbours that depends on it."""
    from qiskit import QuantumCircuit

    at_least(n_qubits, 3)
    rng = Rng(params.seed).stream("gates")
    circuit = QuantumCircuit(n_qubits, n_qubits + params.rounds)
    for step in range(params.rounds):
        for qubit in range(n_qubits):
            circuit.ry(float(rng.uniform(0.1, 3.0)), qubit)
        for a in range(n_qubits - 1):
            circuit.cx(a, a + 1)
        chosen = int(rng.integers(1, n_qubits - 1))
        circuit.measure(chosen, n_qubits + step)
        with circuit.if_test((circuit.clbits[n_qubits + step], 1)):
            circuit.x(chosen - 1)
            circuit.z(chosen + 1)
    circuit.measure(range(n_qubits), range(n_qubits))
    return circuit
