"""Synthetic logs for the benchmarks: what the machine would look like at 85 % load."""

from pathlib import Path

import numpy as np

from qhpcsim.core.records import JobTable

NODES = 1024


def synthetic(n: int, load: float = 0.85, seed: int = 1) -> JobTable:
    """Return ``n`` jobs for 1,024 nodes: Poisson arrivals, log-normal run times, whole seconds."""
    rng = np.random.default_rng(seed)
    powers, others = 2 ** rng.integers(0, 8, n), rng.integers(1, 129, n)
    nodes = np.where(rng.random(n) < 0.75, powers, others).astype(np.int32)
    runtime_s = np.ceil(rng.lognormal(6.5, 1.5, n)).clip(1, 86_400)
    walltime_s = np.ceil(runtime_s * rng.uniform(1, 5, n))
    gap_s = float((runtime_s * nodes).mean()) / (NODES * load)
    submit_s = np.floor(np.cumsum(rng.exponential(gap_s, n)))
    table = JobTable(np.arange(1, n + 1), submit_s - submit_s[0], runtime_s, walltime_s, nodes)
    table.machine_nodes = NODES
    return table


def write_with_memory(table: JobTable, path: Path) -> Path:
    """Write an SWF in which every job asks for 1 kB: AccaSim divides by zero where memory is unknown."""
    columns = (table.job_id, table.submit_s, table.runtime_s, table.nodes, table.walltime_s)
    with path.open("w") as file:
        file.write(f"; MaxNodes: {NODES}\n; MaxProcs: {NODES}\n")
        for job, submit, run, nodes, wall in zip(*(column.tolist() for column in columns), strict=True):
            file.write(f"{job} {submit:.0f} -1 {run:.0f} {nodes} -1 -1 {nodes} {wall:.0f} 1 1 1 1 1 1 1 -1 -1\n")
    return path
