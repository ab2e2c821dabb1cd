"""QML training: a quantum circuit Born machine learns a distribution, by an evolution strategy."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from qhpcsim.core.circuit_times import CircuitRun, CircuitTimes
from qhpcsim.core.registry import register
from qhpcsim.core.workflow_records import Workflow
from qhpcsim.workloads.motifs.parts import MotifParams, Slot, check_counts, execution, rounds


@dataclass(frozen=True)
class QmlTrainingParams(MotifParams, Slot):
    """Parameters of the training of a generative model, named as in the mini-app."""

    coupling: ClassVar[str] = "medium"
    mode: ClassVar[str] = "Quantum-in-HPC"

    n_qubits: int = 8
    n_registers: int = 2
    circuit_depth: int = 2
    n_epochs: int = 500
    hist_samples: int = 100_000
    """Shots of each evaluation."""
    population: int = 0
    """Parameter sets of each epoch; 0: CMA-ES's default, 4 + ⌊3 ln(parameters)⌋."""
    parallel: bool = False
    """True: each evaluation is a task of its own; False: one task does them all, one after the other."""

    @property
    def n_parameters(self) -> int:
        """Angles of the circuit: three on each qubit and layer."""
        return 3 * self.n_qubits * self.circuit_depth


@register(
    "motif",
    "qml_training",
    summary="generative training: epochs of a population of circuits (CMA-ES)",
    source="quantum mini-apps, arXiv:2405.07333; Hansen, arXiv:1604.00772 (population)",
    params=QmlTrainingParams,
)
def qml_training(params: QmlTrainingParams, rng: np.random.Generator, times: CircuitTimes) -> Workflow:
    """Return the training: one task, or an epoch after the other.

    Model:
        ``n_epochs`` · population circuits; in parallel an epoch is a stage and ends with its last circuit.
    Assumes:
        The registers' qubits are one circuit of ``n_qubits``; training stops after ``n_epochs``.
    Not modelled:
        CMA-ES's own step and the loss (milliseconds at these sizes).
    Source:
        mini-app ``qml_training`` (QCBM with a copula circuit).
    """
    check_counts(params, "n_qubits", "n_registers", "circuit_depth", "n_epochs", "hist_samples")
    check_counts(params, "population", least=0)
    population = params.population or 4 + math.floor(3.0 * math.log(params.n_parameters))
    circuit = f"efficient_su2:{params.n_qubits}:reps={params.circuit_depth}"
    flow = Workflow("", "qml_training")
    if not params.parallel and not params.on_qpu:
        run = CircuitRun(circuit, params.hist_samples, n_circuits=params.n_epochs * population)
        flow.add("training", execution(run, 1, params, times, rng))
        return flow
    copies, n = (population, 1) if params.on_qpu else (1, population)
    run = CircuitRun(circuit, params.hist_samples, n_circuits=copies)
    for epoch, work in enumerate(rounds(run, params.n_epochs, n, params, times, rng)):
        flow.add(f"epoch {epoch + 1}", work)
    return flow
