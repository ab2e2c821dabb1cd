"""What a cut leaves of EfficientSU2: a part with measurements on the way where gates were cut."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qhpcsim.core.errors import CircuitError
from qhpcsim.core.registry import register
from qhpcsim.core.rng import Rng

if TYPE_CHECKING:
    from qiskit import QuantumCircuit


@dataclass(frozen=True, slots=True)
class SubExperimentParams:
    """Size of the part and how many of its cut gates became measurements."""

    reps: int = 1
    measured: int = 1
    seed: int = 0


@register(
    "circuit_family",
    "sub_experiment",
    summary="part of a cut EfficientSU2: measurements on the way in place of cut gates",
    source="Mitarai & Fujii, New J. Phys. 23 (2021), doi:10.1088/1367-2630/abd7bc",
    params=SubExperimentParams,
)
def sub_experiment(n_qubits: int, params: SubExperimentParams) -> QuantumCircuit:
    """Return EfficientSU2 on a line; its first ``measured`` layers measure the last qubit where the cut gate was."""
    from qiskit import QuantumCircuit

    if params.measured > params.reps:
        raise CircuitError(f"measured={params.measured}", where="sub_experiment", allowed=f"0 to reps={params.reps}")
    rng = Rng(params.seed).stream("angles")
    circuit = QuantumCircuit(n_qubits, n_qubits + params.measured)
    for block in range(params.reps + 1):
        for qubit in range(n_qubits):
            circuit.ry(rng.uniform(-3.0, 3.0), qubit)
            circuit.rz(rng.uniform(-3.0, 3.0), qubit)
        if block < params.reps:
            for qubit in range(n_qubits - 1):
                circuit.cx(qubit, qubit + 1)
        if block < params.measured:
            circuit.measure(n_qubits - 1, n_qubits + block)
    circuit.measure(range(n_qubits), range(n_qubits))
    return circuit
