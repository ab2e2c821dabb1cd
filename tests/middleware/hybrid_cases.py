"""Hybrid jobs for tests."""

from __future__ import annotations

import numpy as np

from qhpcsim.core.hybrid_records import HybridJob
from qhpcsim.core.records import JobTable
from qhpcsim.core.registry import lookup
from qhpcsim.core.rng import Rng
from qhpcsim.middleware.hybrid import HybridJobs
from qhpcsim.qpu_scenario import QpuService
from qhpcsim.scenario import Partition, Policy
from tests.job_tables import FCFS, table


def no_jobs() -> JobTable:
    """Return a table without jobs."""
    return table([], [], [])


def constant_job(name: str, calls: int, cpu_s: float, qpu_s: float, nodes: int = 8, **more) -> HybridJob:
    """Return a job whose phases all have the same length."""
    return HybridJob(name, 0.0, nodes, np.full(calls, cpu_s), np.full(calls, qpu_s), **more)


def run(
    jobs: list[HybridJob],
    coupling: str,
    nodes: int,
    tokens: int = 1,
    policy: Policy = FCFS,
    rigid: JobTable | None = None,
    service: QpuService | None = None,
    **params,
) -> HybridJobs:
    """Run hybrid jobs on ``nodes`` nodes and a partition of QPU tokens."""
    entry = lookup("coupling", coupling)
    assert entry.params is not None
    made = HybridJobs(
        jobs,
        entry.target(entry.params(**params)),
        no_jobs() if rigid is None else rigid,
        {"cpu": Partition(nodes=nodes), "qpu": Partition(nodes=tokens)},
        policy,
        service or QpuService(),
        Rng(0),
    )
    made.simulate()
    return made


def node_seconds(made: HybridJobs, part: str = "") -> float:
    """Return node seconds held, of all parts but QPUs and tokens, or of one."""
    return sum(
        nodes * (end_s - start_s)
        for each in made.runs
        for name, nodes, start_s, end_s in each.held
        if (name == part if part else name not in ("qpu", "token"))
    )


def spent(made: HybridJobs, kind: str) -> float:
    """Return seconds that all jobs spent in one kind of phase."""
    return sum(end_s - start_s for each in made.runs for what, start_s, end_s in each.phases if what == kind)
