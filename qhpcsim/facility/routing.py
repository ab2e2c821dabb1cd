"""Which partition a job goes to, and which jobs can never run anywhere."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.records import Categories, IntArray, JobTable
from qhpcsim.scenario import Partition

Mask = NDArray[np.bool_]


def route(table: JobTable, partitions: dict[str, Partition]) -> IntArray:
    """Return each job's partition index, -1 for jobs that fit nowhere.

    A job that names a partition goes there or nowhere; with a single partition the names in a trace are ignored.
    Others go to the first partition that could ever hold them.

    Returns:
        (n,) partition index.
    """
    home = np.full(table.n, -1, dtype=np.int32)
    named = table.partition if len(partitions) > 1 else None
    for index, (name, partition) in enumerate(partitions.items()):
        wanted = _asks_for(named, name, table.n) & can_ever_fit(table, partition)
        home[wanted & (home < 0)] = index
    return home


def can_ever_fit(table: JobTable, partition: Partition) -> Mask:
    """Return which jobs the empty partition could hold.

    Returns:
        (n,) booleans.
    """
    fits: Mask = np.zeros(table.n, dtype=np.bool_)
    ones = np.ones(table.n, dtype=np.bool_)
    count = np.zeros(table.n, dtype=np.int64)
    for features, nodes, cores, gpus, memory_bytes in _groups(partition):
        usable = ones.copy()
        if table.cores_per_node is not None:
            usable &= table.cores_per_node <= cores
        if table.gpus_per_node is not None:
            usable &= table.gpus_per_node <= gpus
        if table.gpu_type is not None:
            usable &= _matches(table.gpu_type, (partition.gpu_type,))
        if table.memory_per_node_bytes is not None and memory_bytes > 0:
            usable &= table.memory_per_node_bytes <= memory_bytes
        if table.feature is not None and partition.groups:
            usable &= _matches(table.feature, features)
        count += nodes * usable
    fits |= table.nodes <= count
    return fits


def _groups(partition: Partition) -> list[tuple[tuple[str, ...], int, int, int, float]]:
    """Return (features, nodes, cores, GPUs, memory) of each kind of node in the partition."""
    cores, gpus, memory = partition.cores_per_node, partition.gpus_per_node, partition.memory_per_node_bytes
    if not partition.groups:
        return [((), partition.nodes, cores, gpus, memory)]
    return [
        (
            tuple(group.features),
            group.nodes,
            cores if group.cores_per_node is None else group.cores_per_node,
            gpus if group.gpus_per_node is None else group.gpus_per_node,
            memory if group.memory_per_node_bytes is None else group.memory_per_node_bytes,
        )
        for group in partition.groups.values()
    ]


def _asks_for(named: Categories | None, name: str, n: int) -> Mask:
    if named is None:
        return np.ones(n, dtype=np.bool_)
    return _matches(named, (name,))


def _matches(column: Categories, allowed: tuple[str, ...]) -> Mask:
    """Return which rows hold one of the allowed words, or nothing."""
    good = [code for code, name in enumerate(column.names) if name in allowed]
    result: Mask = np.isin(column.code, [-1, *good])
    return result
