"""Which partition a job goes to, and which jobs can never run anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.records import Categories, IntArray, JobTable
from qhpcsim.scenario import Partition

Mask = NDArray[np.bool_]


class _Kind(NamedTuple):
    """Nodes of a partition that are alike."""

    features: tuple[str, ...]
    nodes: int
    cores: int
    gpus: int
    memory_bytes: float


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
    for kind in _kinds(partition):
        usable = ones.copy()
        if table.cores_per_node is not None:
            usable &= table.cores_per_node <= kind.cores
        if table.gpus_per_node is not None:
            usable &= table.gpus_per_node <= kind.gpus
        if table.gpu_type is not None:
            usable &= _matches(table.gpu_type, (partition.gpu_type,))
        if table.memory_per_node_bytes is not None and kind.memory_bytes > 0:
            usable &= table.memory_per_node_bytes <= kind.memory_bytes
        if table.feature is not None and partition.groups:
            usable &= _matches(table.feature, kind.features)
        count += kind.nodes * usable
    fits |= table.nodes <= count
    return fits


def _kinds(partition: Partition) -> list[_Kind]:
    """Return the kinds of nodes in a partition."""
    cores, gpus, memory = partition.cores_per_node, partition.gpus_per_node, partition.memory_per_node_bytes
    if not partition.groups:
        return [_Kind((), partition.nodes, cores, gpus, memory)]
    return [
        _Kind(
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


def nodes_like_log(table: JobTable, partition: Partition) -> Partition:
    """Return a partition of which nobody stated what a node has, with nodes that hold what any job asks of one.

    Args:
        table: The log. Where it names several GPU types, the nodes get the first, and jobs with others fit nowhere.
        partition: Its number of nodes is known; the rest is the default.
    """
    most = {
        name: int(column.max(initial=getattr(partition, name)))
        for name in ("cores_per_node", "gpus_per_node")
        if (column := getattr(table, name)) is not None
    }
    types = _words(table.gpu_type)
    return replace(partition, **most, gpu_type=types[0] if types else "")  # type: ignore[arg-type]


def why_nowhere(table: JobTable, partitions: dict[str, Partition], job: int) -> str:
    """Return what a job asks for that no partition has, in words; empty if each thing by itself is somewhere."""
    named = _word(table.partition, job) if len(partitions) > 1 else ""
    if named and named not in partitions:
        return f"partition {named!r}, and there is none of that name"
    asked = {name: partitions[name] for name in [named] if name} or partitions
    kinds = [kind for partition in asked.values() for kind in _kinds(partition)]
    for what, wanted, most in _wants(table, job, kinds, max(each.nodes for each in asked.values())):
        if wanted > most:
            return f"{wanted:,} {what}, and there are {most:,}"
    gpu_type = _word(table.gpu_type, job)
    if gpu_type and gpu_type not in [partition.gpu_type for partition in asked.values()]:
        return f"GPUs {gpu_type!r}, and there are none"
    return ""


def _wants(table: JobTable, job: int, kinds: list[_Kind], nodes: int) -> Iterator[tuple[str, int, int]]:
    """Yield (what, how many a job asks for, how many there are at most)."""
    yield "nodes", int(table.nodes[job]), nodes
    if table.cores_per_node is not None:
        yield "cores a node", int(table.cores_per_node[job]), max(kind.cores for kind in kinds)
    if table.gpus_per_node is not None:
        yield "GPUs a node", int(table.gpus_per_node[job]), max(kind.gpus for kind in kinds)
    if table.memory_per_node_bytes is not None and all(kind.memory_bytes > 0 for kind in kinds):
        yield "bytes a node", int(table.memory_per_node_bytes[job]), int(max(kind.memory_bytes for kind in kinds))


def _words(column: Categories | None) -> list[str]:
    """Return the words of a column that occur, in order of first occurrence."""
    return [] if column is None else [column.names[code] for code in dict.fromkeys(column.code.tolist()) if code >= 0]


def _word(column: Categories | None, job: int) -> str:
    code = -1 if column is None else int(column.code[job])
    return column.names[code] if column is not None and code >= 0 else ""
