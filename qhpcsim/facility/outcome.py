"""Collects the logs of all partitions into one schedule: states, event order, node ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.errors import InvariantError
from qhpcsim.core.records import FloatArray, IntArray, JobState, JobTable, Schedule
from qhpcsim.facility.allocation import assign_nodes
from qhpcsim.scenario import Partition

Ranges = tuple[NDArray[np.int64], IntArray, IntArray]
_COMPILE_FROM = 50_000
"""Workloads this large have their node ids assigned by the compiled loop."""


@dataclass(slots=True)
class Demand:
    """What the batch systems need to know of a workload, beyond the table itself."""

    hold_s: FloatArray
    """(n,) time on the nodes."""
    est_s: FloatArray
    """(n,) time on the nodes as schedulers see it."""
    home: IntArray
    """(n,) partition index, -1 if rejected."""


@dataclass(slots=True)
class Log:
    """What one partition's batch system did."""

    order: IntArray
    """j for a start of job j, ~j for its end, in order."""
    n_passes: int
    placement: Mapping[int, Sequence[int]] = field(default_factory=dict)
    """Nodes that the rule or a shared pool chose: job -> node ids within the partition."""


def schedule_of(
    table: JobTable,
    wants: Demand,
    partitions: dict[str, Partition],
    logs: list[Log],
    start_s: FloatArray,
    engine: str,
) -> Schedule:
    """Return the schedule that the partitions' logs add up to.

    Args:
        table: The jobs.
        wants: Their hold times and partitions.
        partitions: The machine.
        logs: One per partition.
        start_s: (n,) start times, NaN where a job never started.
        engine: Which engine made it.

    Raises:
        InvariantError: if a job that fits never started.
    """
    end_s = start_s + wants.hold_s
    state = np.full(table.n, JobState.COMPLETED_SUCCESSFULLY, dtype=np.int8)
    state[wants.hold_s < table.runtime_s] = JobState.COMPLETED_WALLTIME_REACHED
    state[wants.home < 0] = JobState.REJECTED
    stuck = np.flatnonzero(np.isnan(start_s) & (wants.home >= 0))
    if len(stuck):
        raise InvariantError(f"{len(stuck)} jobs that fit never started, the first is {table.job_id[stuck[0]]}")
    offset, lo, hi = _node_ids(table, partitions, logs, start_s, end_s)
    order = _merge([log.order for log in logs], start_s, end_s)
    n_passes = sum(log.n_passes for log in logs)
    return Schedule(start_s, end_s, state, wants.home, order, offset, lo, hi, n_passes, engine)


def _event_s(order: IntArray, start_s: FloatArray, end_s: FloatArray) -> FloatArray:
    """Return the time of each entry of a log."""
    return np.where(order >= 0, start_s[order], end_s[~order])


def _merge(orders: list[IntArray], start_s: FloatArray, end_s: FloatArray) -> IntArray:
    """Return one log in time order; at equal times the earlier partition comes first."""
    if len(orders) == 1:
        return orders[0]
    order = np.concatenate(orders)
    return order[np.argsort(_event_s(order, start_s, end_s), kind="stable")]


def _node_ids(
    table: JobTable, partitions: dict[str, Partition], logs: list[Log], start_s: FloatArray, end_s: FloatArray
) -> Ranges:
    """Return node-id ranges of every job: the rule's own choice, or the lowest free ids."""
    parts: list[Ranges] = []
    base = 0
    for partition, log in zip(partitions.values(), logs, strict=True):
        if log.placement:
            parts.append(_ranges_of(log.placement, table.n, base))
        else:
            order = _ends_first(log.order, start_s, end_s)
            compiled = table.n >= _COMPILE_FROM
            parts.append(assign_nodes(order, table.nodes, partition.nodes, base, compiled=compiled))
        base += partition.nodes
    return parts[0] if len(parts) == 1 else _join_ranges(parts)


def _ends_first(order: IntArray, start_s: FloatArray, end_s: FloatArray) -> IntArray:
    """Return the log with the ends of an instant before its starts (semantics ``pyss`` handles ends late).

    Jobs of length zero keep their place: their end cannot precede their start.
    """
    time_s = _event_s(order, start_s, end_s)
    job = np.where(order >= 0, order, ~order)
    late = (order >= 0) | (start_s[job] == end_s[job])
    moved = (np.diff(time_s) == 0) & late[:-1] & ~late[1:]
    return order[np.lexsort((late, time_s))] if moved.any() else order


def _ranges_of(placement: Mapping[int, Sequence[int]], n: int, base: int) -> Ranges:
    """Return chosen node ids as inclusive ranges."""
    lo: list[int] = []
    hi: list[int] = []
    offset = np.zeros(n + 1, dtype=np.int64)
    for job in range(n):
        for node in sorted(placement.get(job, ())):
            if len(lo) > offset[job] and hi[-1] == node + base - 1:
                hi[-1] = node + base
            else:
                lo.append(node + base)
                hi.append(node + base)
        offset[job + 1] = len(lo)
    return offset, np.array(lo, dtype=np.int32), np.array(hi, dtype=np.int32)


def _join_ranges(parts: list[Ranges]) -> Ranges:
    """Return the union of several partitions' ranges; each job has ranges in one of them."""
    counts = np.sum([np.diff(offset) for offset, _, _ in parts], axis=0)
    offset = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
    lo = np.empty(int(offset[-1]), dtype=np.int32)
    hi = np.empty(int(offset[-1]), dtype=np.int32)
    for part_offset, part_lo, part_hi in parts:
        at = np.repeat(offset[:-1] - part_offset[:-1], np.diff(part_offset)) + np.arange(len(part_lo))
        lo[at], hi[at] = part_lo, part_hi
    return offset, lo, hi
