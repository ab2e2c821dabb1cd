"""How many nodes' worth of a machine a job holds: whole nodes, or its share of their cores."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from qhpcsim.core.records import FloatArray, JobTable, Schedule
from qhpcsim.scenario import Partition


def node_shares(table: JobTable, schedule: Schedule, partitions: Mapping[str, Partition]) -> FloatArray:
    """Return the (n,) nodes' worth that each job holds while it runs.

    Model: exclusive nodes: q. Shared nodes: sum over the job's nodes of (cores asked per node) / (cores of the node).
    A job that asks for no number of cores holds whole nodes. GPUs and memory do not enter.
    """
    share = table.nodes.astype(np.float64)
    cores = table.cores_per_node
    if cores is None or all(p.sharing == "exclusive" for p in partitions.values()):
        return share
    per_core = np.concatenate([[0.0], np.cumsum(1.0 / cores_by_node(partitions.values()))])
    ranges = np.diff(schedule.offset)
    spans = per_core[schedule.hi + 1] - per_core[schedule.lo]
    sums = np.zeros(table.n)
    placed = ranges > 0
    if placed.any():
        sums[placed] = np.add.reduceat(spans, schedule.offset[:-1][placed])
    shared = _is_shared(schedule, partitions) & (cores > 0) & placed
    return np.where(shared, cores * sums, share)


def cores_by_node(partitions: Iterable[Partition]) -> FloatArray:
    """Return the cores of every node of the facility, in node-id order."""
    parts: list[FloatArray] = [np.zeros(0)]
    for partition in partitions:
        groups = partition.groups.values()
        if not groups:
            parts.append(np.full(partition.nodes, float(partition.cores_per_node)))
        parts += [np.full(g.nodes, float(g.cores_per_node or partition.cores_per_node)) for g in groups]
    return np.concatenate(parts)


def _is_shared(schedule: Schedule, partitions: Mapping[str, Partition]) -> np.ndarray:
    """Return the (n,) flags of jobs on shared nodes; the extra last entry serves partition -1 (rejected)."""
    flags = np.array([p.sharing == "cores" for p in partitions.values()] + [False])
    return np.asarray(flags[schedule.partition])
