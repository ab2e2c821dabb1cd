"""Distributed state vector: one simulation over all GPUs of several nodes, an MPI gang."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from qhpcsim.core.circuit_times import CircuitRun, CircuitTimes, Simulator
from qhpcsim.core.registry import register
from qhpcsim.core.workflow_records import Bag, Need, Workflow
from qhpcsim.workloads.motifs.parts import MotifParams, check_counts


@dataclass(frozen=True)
class DistributedStateVectorParams(MotifParams):
    """Parameters of the distributed state vector, named as in the mini-app."""

    coupling: ClassVar[str] = "tight"
    mode: ClassVar[str] = "HPC-for-Quantum"

    num_runs: int = 3
    n_wires: int = 34
    n_layers: int = 2
    nodes: int = 1
    """Of the pilot; each run takes them whole."""
    gpus_per_node: int = 4
    device: str = "gpu:a100_80"
    cluster: str = "perlmutter_lightning_mini_app"
    """Card of the links and of the software."""


@register(
    "motif",
    "distributed_state_vector",
    summary="one state vector over the GPUs of several nodes, an MPI gang",
    source="quantum mini-apps, arXiv:2405.07333; Pilot-Quantum, arXiv:2412.18519",
    params=DistributedStateVectorParams,
)
def distributed_state_vector(
    params: DistributedStateVectorParams, rng: np.random.Generator, times: CircuitTimes
) -> Workflow:
    """Return ``num_runs`` runs one after the other, each a gang on all nodes.

    Model:
        A run is one task; its time is that of the circuit on ``nodes`` · ``gpus_per_node`` devices, start of the MPI
        processes included where the cluster's card has it.
    Assumes:
        Strongly entangling layers, as in the mini-app; the expectation value of Z on every qubit is wanted.
    Not modelled:
        Gradients (``enable_jacobian`` of the mini-app).
    Source:
        mini-app ``quantum_simulation/distributed_state_vector``.
    """
    check_counts(params, "num_runs", "n_wires", "n_layers", "nodes", "gpus_per_node")
    n = params.n_wires
    each_z = " + ".join("I" * k + "Z" + "I" * (n - k - 1) for k in range(n))
    run = CircuitRun(f"entangling_layers:{n}:layers={params.n_layers}", 0, each_z)
    n_gpus = params.nodes * params.gpus_per_node
    device = Simulator.of(params.device).several(n_gpus, params.cluster)
    flow = Workflow("", "distributed_state_vector")
    for k in range(params.num_runs):
        answer = times.simulated(run, 1, device, rng)
        flow.add(f"run {k + 1}", _gang(params, answer.drawn_s, answer.predicted_s, run, device))
    return flow


def _gang(
    params: DistributedStateVectorParams,
    drawn_s: np.ndarray,
    predicted_s: np.ndarray,
    run: CircuitRun,
    device: Simulator,
) -> Bag:
    return Bag(
        run_s=drawn_s,
        need=Need(0.0, params.gpus_per_node, nodes=params.nodes),
        predicted_s=predicted_s,
        kind=run.kind,
        device_class=device.device_class,
        device=device.card,
        circuit=(run.circuit,),
        observable=run.observable,
    )
