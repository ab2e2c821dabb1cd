"""Circuit execution: a bag of independent circuits, scattered and gathered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from qhpcsim.core.circuit_times import CircuitRun, CircuitTimes
from qhpcsim.core.registry import register
from qhpcsim.core.workflow_records import Workflow
from qhpcsim.workloads.motifs.parts import MotifParams, Slot, check_counts, execution, random_pauli


@dataclass(frozen=True)
class CircuitExecutionParams(MotifParams, Slot):
    """Parameters of circuit execution, named as in the mini-app."""

    coupling: ClassVar[str] = "loose"
    mode: ClassVar[str] = "HPC-for-Quantum"

    qubits: int = 25
    num_entries: int = 1024
    """Independent circuits."""
    circuit_depth: int = 1
    size_of_observable: int = 1
    """Random Pauli strings whose sum is the observable; 0: outcomes are counted, which needs shots."""
    shots: int = 0
    """Of each circuit; 0: exact expectation values, which QPUs cannot give."""


@register(
    "motif",
    "circuit_execution",
    summary="bag of independent circuits",
    source="quantum mini-apps, arXiv:2405.07333, doi:10.1145/3659996.3660036",
    params=CircuitExecutionParams,
)
def circuit_execution(params: CircuitExecutionParams, rng: np.random.Generator, times: CircuitTimes) -> Workflow:
    """Return one bag of ``num_entries`` random circuits, all of one observable.

    Model:
        One stage of equal tasks (or QPU jobs); a random factor for each.
    Assumes:
        Circuits of the same shape take the same time but for that factor. A QPU runs a circuit for each Pauli string.
    Not modelled:
        Making the circuits, collecting values beyond what the client costs.
    Source:
        mini-app ``quantum_simulation/circuit_execution``.
    """
    check_counts(params, "qubits", "num_entries", "circuit_depth")
    check_counts(params, "size_of_observable", "shots", least=0)
    n_terms = params.size_of_observable
    observable = random_pauli(params.qubits, n_terms, rng) if n_terms else ""
    copies = max(1, n_terms) if params.on_qpu else 1
    run = CircuitRun(f"brickwork:{params.qubits}:depth={params.circuit_depth}", params.shots, observable, copies)
    flow = Workflow("", "circuit_execution")
    flow.add("circuits", execution(run, params.num_entries, params, times, rng))
    return flow
