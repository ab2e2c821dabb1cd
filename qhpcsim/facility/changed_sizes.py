"""Sizes of partitions that nodes join and leave on the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from qhpcsim.core.errors import ConfigError, nearest, shorten
from qhpcsim.core.records import IntArray, JobTable
from qhpcsim.facility.routing import route
from qhpcsim.scenario import Change, Partition


def grown(partitions: dict[str, Partition], changes: Sequence[Change]) -> dict[str, Partition]:
    """Return the partitions with room for all nodes that ever join: node ids count through these.

    Nodes are away, as after a failure, before they join and after they were drained.
    """
    found = dict(partitions)
    for change in changes:
        if change.add_nodes:
            name = partition_of(change, partitions)
            found[name] = replace(found[name], nodes=found[name].nodes + change.add_nodes)
    return found


def ungrown(partitions: dict[str, Partition], changes: Sequence[Change]) -> dict[str, Partition]:
    """Return the partitions at the beginning, the inverse of ``grown``."""
    found = dict(partitions)
    for change in changes:
        if change.add_nodes:
            name = partition_of(change, partitions)
            found[name] = replace(found[name], nodes=found[name].nodes - change.add_nodes)
    return found


def routed(table: JobTable, partitions: dict[str, Partition], changes: Sequence[Change]) -> IntArray:
    """Return each job's partition index, -1 for jobs that fit nowhere, as the machine is when they are submitted.

    Nodes that are drained for a time still count.
    """
    home, now = route(table, partitions), dict(partitions)
    for change in changes:
        lost = change.remove_nodes if change.until_s is None else 0
        if change.add_nodes or lost:
            name = partition_of(change, partitions)
            now[name] = replace(now[name], nodes=now[name].nodes + change.add_nodes - lost)
            later = np.isfinite(table.submit_s) & (table.submit_s >= change.at_s - table.zero_s)
            home = np.where(later, route(table, now), home)
    return home


def in_partitions(changes: Sequence[Change], partitions: dict[str, Partition]) -> list[Change]:
    """Return changes whose nodes belong to a partition by name, in order of time: others may be added to these.

    Raises:
        ConfigError: as ``partition_of``.
    """
    sized = [
        replace(each, partition=partition_of(each, partitions)) if each.add_nodes or each.remove_nodes else each
        for each in changes
    ]
    return sorted(sized, key=lambda each: each.at_s)


def partition_of(change: Change, partitions: dict[str, Partition]) -> str:
    """Return the name of the partition whose nodes a change is about.

    Raises:
        ConfigError: if it is not there, or several could be meant.
    """
    if change.partition in partitions:
        return change.partition
    if not change.partition and len(partitions) == 1:
        return next(iter(partitions))
    named = f"there is no partition {shorten(change.partition)!r}" if change.partition else "which partition?"
    raise ConfigError(
        named,
        where="changes.partition",
        allowed=shorten(", ".join(partitions), 300),
        suggestion=nearest(change.partition, partitions),
    )
