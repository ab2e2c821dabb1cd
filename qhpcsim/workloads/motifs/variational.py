"""Variational loops: VQE and QAOA evaluate parameter sets and let an optimiser step, until they converge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from qhpcsim.core.cards import Card, card
from qhpcsim.core.circuit_times import CircuitRun, CircuitTimes
from qhpcsim.core.registry import register
from qhpcsim.core.workflow_records import ClientWork, Workflow
from qhpcsim.workloads.motifs.parts import MotifParams, Slot, check_counts, check_times, lognormal, rounds


@dataclass(frozen=True)
class VariationalParams(MotifParams, Slot):
    """Parameters of a variational loop; None: what the card ``motifs/variational`` says for so many qubits."""

    coupling: ClassVar[str] = "medium"
    mode: ClassVar[str] = "Quantum-in-HPC"

    device: str = "qpu"
    access: str = "session"
    qubits: int = 12
    parameter_sets: int = 2
    """Evaluated in each iteration, at the same time (2: simultaneous perturbation)."""
    groups: int = 1
    """Circuits of each evaluation: sets of commuting terms of the observable."""
    shots: int = 4096
    max_iterations: int = 1500
    iterations: float | None = None
    """Mean of the iterations until it converges."""
    iterations_cv: float | None = None
    """0: always the mean."""
    prepare_s: float | None = None
    optimise_s: float | None = None
    """Step of the optimiser after each iteration."""
    finish_s: float | None = None


@dataclass(frozen=True)
class VqeParams(VariationalParams):
    """Parameters of the variational quantum eigensolver."""

    reps: int = 2
    """Blocks of the EfficientSU2 ansatz."""
    groups: int = 5


@dataclass(frozen=True)
class QaoaLoopParams(VariationalParams):
    """Parameters of QAOA for MaxCut on random graphs of degree three."""

    layers: int = 2


@register(
    "motif",
    "vqe",
    summary="variational loop: parameter sets, optimiser step, until it converges",
    source="Peruzzo et al., Nat. Commun. 5 (2014), doi:10.1038/ncomms5213; loop: card motifs/variational",
    params=VqeParams,
)
def vqe(params: VqeParams, rng: np.random.Generator, times: CircuitTimes) -> Workflow:
    """Return prepare, iterations of evaluation and optimiser step, finish.

    Model:
        The number of iterations is drawn up front: log-normal, rounded, between 1 and ``max_iterations``. An iteration
        is one QPU job of ``parameter_sets`` · ``groups`` circuits (or as many tasks), then the optimiser's step.
    Assumes:
        How long the loop goes on depends on nothing that the simulation decides.
    Not modelled:
        Noise of the device that slows convergence; optimisers that change the number of parameter sets.
    Source:
        See the card.
    """
    check_counts(params, "reps")
    return _loop("vqe", f"efficient_su2:{params.qubits}:reps={params.reps}", params, rng, times)


@register(
    "motif",
    "qaoa",
    summary="variational loop: QAOA for MaxCut on random graphs of degree three",
    source="Farhi, Goldstone, Gutmann, arXiv:1411.4028; loop: card motifs/variational",
    params=QaoaLoopParams,
)
def qaoa_loop(params: QaoaLoopParams, rng: np.random.Generator, times: CircuitTimes) -> Workflow:
    """Return prepare, iterations of evaluation and optimiser step, finish.

    Model:
        As ``vqe``; the circuit is QAOA's and its graph is drawn.
    Assumes:
        As ``vqe``.
    Not modelled:
        As ``vqe``.
    Source:
        See the card.
    """
    check_counts(params, "layers")
    seed = int(rng.integers(1000))
    return _loop("qaoa", f"qaoa:{params.qubits}:layers={params.layers},graph=regular3,seed={seed}", params, rng, times)


def _loop(
    name: str, circuit: str, params: VariationalParams, rng: np.random.Generator, times: CircuitTimes
) -> Workflow:
    check_counts(params, "qubits", "parameter_sets", "groups", "shots", "max_iterations")
    check_times(params)
    law = card("motifs/variational")
    size = float(params.qubits)
    flow = Workflow("", name)
    prepare_s, optimise_s, finish_s = (
        _given(value, law, name, size)
        for value, name in ((params.prepare_s, "prepare"), (params.optimise_s, "optimise"), (params.finish_s, "finish"))
    )
    flow.add("prepare", ClientWork(prepare_s, "prepare"))
    step = ClientWork(optimise_s, "optimise")
    n_circuits = params.parameter_sets * params.groups
    copies, n = (n_circuits, 1) if params.on_qpu else (1, n_circuits)
    run = CircuitRun(circuit, params.shots, n_circuits=copies)
    for k, work in enumerate(rounds(run, n_iterations(params, law, rng), n, params, times, rng)):
        flow.add(f"iteration {k + 1}", work)
        flow.add(f"step {k + 1}", step)
    flow.add("finish", ClientWork(finish_s, "finish"))
    return flow


def n_iterations(params: VariationalParams, law: Card, rng: np.random.Generator) -> int:
    """Return how many iterations a loop takes until it converges or is stopped."""
    mean = _given(params.iterations, law, "iterations", float(params.qubits))
    cv = law.value("iterations_cv") if params.iterations_cv is None else params.iterations_cv
    return int(np.clip(np.rint(lognormal(mean, cv, 1, rng)[0]), 1, params.max_iterations))


def _given(value: float | None, law: Card, name: str, qubits: float) -> float:
    """Return a value, or what the card says for so many qubits: between its sizes on a line, beyond them the last."""
    return float(np.interp(qubits, law.array("qubits"), law.array(name))) if value is None else value
