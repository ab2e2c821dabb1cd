"""Hybrid jobs that go round between nodes and a QPU, with rigid jobs beside them if wanted."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from qhpcsim.core.errors import ConfigError, FacilityError
from qhpcsim.core.hybrid_records import CallSize, HybridJob, HybridWork
from qhpcsim.core.records import FloatArray, JobTable
from qhpcsim.core.registry import register
from qhpcsim.core.rng import Rng
from qhpcsim.scenario import Partition, Workload
from qhpcsim.workloads import laws, poisson, streams
from qhpcsim.workloads.laws import ServiceLaw
from qhpcsim.workloads.poisson import PoissonWorkload


@dataclass(frozen=True)
class HybridLoopWorkload(Workload):
    """Parameters of the hybrid loop."""

    source: str = "hybrid_loop"
    n_jobs: int = 10
    """Hybrid jobs."""
    loops: int = 100
    """Times each of them runs a classical phase and calls a QPU."""
    nodes_per_job: int = 1
    min_nodes: int = 1
    """Nodes that a malleable job keeps while its calls run; 0: none."""
    cpu_phase: ServiceLaw = field(default_factory=lambda: ServiceLaw("exponential", 30.0))
    qpu_service: ServiceLaw = field(default_factory=lambda: ServiceLaw("exponential", 2.5))
    """Time of a call on the QPU, its wait not included."""
    call: CallSize | None = None
    """What each call asks of a QPU: for fidelity, cost and limits of QPUs. Its time is ``qpu_service`` all the same."""
    min_fidelity: float | None = None
    """QPUs with a lower or an unknown expected fidelity do not take the calls."""
    gaps: ServiceLaw | None = None
    """Time between two submissions; None: all hybrid jobs are submitted at time 0."""
    walltime_factor: float = 0.0
    """Walltime that a job asks for, over what it takes if no call waits; 0: none."""
    rigid: PoissonWorkload = field(default_factory=lambda: PoissonWorkload(load=0.0))
    """Rigid jobs beside them: ``rigid.load`` > 0, ``rigid.n_jobs`` and their laws."""


@register(
    "generator",
    "hybrid_loop",
    summary="hybrid jobs in a closed loop of a classical phase and a QPU call, rigid jobs beside them",
    source="closed queueing network; Reiser & Lavenberg 1980, doi:10.1145/322186.322195",
    params=HybridLoopWorkload,
)
def generate(params: HybridLoopWorkload, partitions: dict[str, Partition], rng: Rng) -> HybridWork:
    """Return hybrid jobs and the rigid jobs beside them.

    Model:
        Phases and calls are independent draws from their laws; a job's walltime is ``walltime_factor`` times the sum
        of its own.
    Assumes:
        Users know how long their job takes without waiting, up to the factor.
    Not modelled:
        A convergence that ends the loop.
    Source:
        M. Reiser, S. S. Lavenberg, J. ACM 27 (1980).

    Args:
        params: See ``HybridLoopWorkload``.
        partitions: Partitions by name; classical phases use the first.
        rng: Streams ``hybrid/cpu``, ``hybrid/qpu``, ``hybrid/arrivals`` and those of the rigid jobs.
    """
    streams.checked_count(params.n_jobs)
    if not partitions:
        raise FacilityError("hybrid jobs need nodes", where="facility.nodes", hint="add facility.nodes=N")
    for name in ("loops", "nodes_per_job"):
        if getattr(params, name) < 1:
            raise ConfigError(f"{getattr(params, name)}", where=f"workload.{name}", allowed="at least 1")
    if params.min_fidelity is not None and not 0.0 <= params.min_fidelity <= 1.0:
        raise ConfigError(f"{params.min_fidelity}", where="workload.min_fidelity", allowed="0 … 1")
    shape = (params.n_jobs, params.loops)
    cpu_s = _draw(params.cpu_phase, shape, rng, "cpu_phase", "hybrid/cpu")
    qpu_s = _draw(params.qpu_service, shape, rng, "qpu_service", "hybrid/qpu")
    submit_s = _submissions(params, rng)
    total_s = cpu_s.sum(axis=1) + qpu_s.sum(axis=1)
    walltime_s = np.maximum(1.0, params.walltime_factor * total_s) if params.walltime_factor else total_s + np.inf
    jobs = [
        HybridJob(
            name=f"h{k}",
            submit_s=float(submit_s[k]),
            nodes=params.nodes_per_job,
            cpu_s=cpu_s[k],
            qpu_s=qpu_s[k],
            walltime_s=float(walltime_s[k]),
            min_nodes=params.min_nodes,
            partition=next(iter(partitions)),
            user=f"hybrid-{k}",
            call=params.call,
            min_fidelity=np.nan if params.min_fidelity is None else params.min_fidelity,
        )
        for k in range(params.n_jobs)
    ]
    return HybridWork(_rigid(params, partitions, rng), jobs)


def _draw(law: ServiceLaw, shape: tuple[int, int], rng: Rng, key: str, stream: str) -> FloatArray:
    return laws.sample(law, shape[0] * shape[1], rng.stream(stream), f"workload.{key}").reshape(shape)


def _submissions(params: HybridLoopWorkload, rng: Rng) -> FloatArray:
    if params.gaps is None:
        return np.zeros(params.n_jobs)
    return np.cumsum(laws.sample(params.gaps, params.n_jobs, rng.stream("hybrid/arrivals"), "workload.gaps"))


def _rigid(params: HybridLoopWorkload, partitions: dict[str, Partition], rng: Rng) -> JobTable:
    """Return the rigid jobs of the first partition, none if their load is 0."""
    if params.rigid.load > 0:
        name = next(iter(partitions))
        return poisson.generate(params.rigid, {name: partitions[name]}, rng)
    none = np.empty(0)
    return JobTable(
        job_id=np.empty(0, np.int64),
        submit_s=none,
        runtime_s=none.copy(),
        walltime_s=none.copy(),
        nodes=np.empty(0, np.int32),
        workload_name=f"hybrid_loop-{rng.seed}",
        machine_nodes=sum(p.nodes for p in partitions.values()),
    )
