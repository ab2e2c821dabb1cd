"""Sample-based diagonalisation: a QPU samples configurations, nodes diagonalise in the subspaces that they span."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from qhpcsim.core.cards import card
from qhpcsim.core.circuit_times import CircuitRun, CircuitTimes
from qhpcsim.core.registry import register
from qhpcsim.core.workflow_records import Bag, Need, Workflow
from qhpcsim.workloads.motifs.parts import MotifParams, calls, check_counts, check_times, lognormal, time_s


@dataclass(frozen=True)
class SampleBasedDiagonalisationParams(MotifParams):
    """Parameters of sample-based diagonalisation; None: what the card ``motifs/sample_based_diagonalisation`` says."""

    coupling: ClassVar[str] = "loose"
    mode: ClassVar[str] = "Quantum-about-HPC"

    qubits: int = 36
    reps: int = 1
    """Blocks of the circuit that is sampled."""
    shots: int = 100_000
    sampling_jobs: int = 1
    """QPU jobs that share the shots."""
    access: str = "job"
    batches: int = 10
    """Subspaces, each diagonalised on its own."""
    iterations: int = 5
    """Rounds of configuration recovery; each needs the results of all batches of the one before."""
    nodes: int = 4
    """Whole nodes of each diagonalisation."""
    eigen_s: float | None = None
    """Mean time of one diagonalisation on its nodes."""
    eigen_cv: float | None = None


@register(
    "motif",
    "sample_based_diagonalisation",
    summary="a QPU samples, then large eigen-solves on many nodes, in rounds",
    source="Robledo-Moreno et al., arXiv:2405.05068; card motifs/sample_based_diagonalisation",
    params=SampleBasedDiagonalisationParams,
)
def sample_based_diagonalisation(
    params: SampleBasedDiagonalisationParams, rng: np.random.Generator, times: CircuitTimes
) -> Workflow:
    """Return sampling, then rounds of ``batches`` diagonalisations.

    Model:
        QPU jobs, then stages of gangs, log-normal times; a round ends with its slowest batch.
    Assumes:
        The time of a diagonalisation is given, not derived from its subspace. EfficientSU2 stands for the sampled
        circuit.
    Not modelled:
        Recovery between rounds, growth of the subspaces, closed loops that sample again.
    Source:
        See the card: the default time is an order of magnitude only.
    """
    check_counts(params, "qubits", "reps", "shots", "sampling_jobs", "batches", "iterations", "nodes")
    check_times(params)
    law = card("motifs/sample_based_diagonalisation")
    eigen_s = time_s(law, "eigen_solve") if params.eigen_s is None else params.eigen_s
    cv = law.value("eigen_solve_cv") if params.eigen_cv is None else params.eigen_cv
    shots = -(-params.shots // params.sampling_jobs)
    run = CircuitRun(f"efficient_su2:{params.qubits}:reps={params.reps}", shots)
    flow = Workflow("", "sample_based_diagonalisation")
    flow.add("sampling", calls(run, params.sampling_jobs, params.access, times, rng))
    for k in range(params.iterations):
        drawn_s = lognormal(eigen_s, cv, params.batches, rng)
        flow.add(
            f"diagonalisation {k + 1}",
            Bag(drawn_s, Need(0.0, nodes=params.nodes), np.full(params.batches, eigen_s), kind="eigen_solve"),
        )
    return flow
