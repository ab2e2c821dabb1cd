"""Collects the logs of all partitions into one schedule: states, event order, node ids."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.errors import InvariantError
from qhpcsim.core.records import Categories, DownTimes, FloatArray, IntArray, JobState, JobTable, LostRuns, Schedule
from qhpcsim.facility.allocation import assign_nodes
from qhpcsim.facility.changed_nodes import NodeWalk, Steps, absences_until
from qhpcsim.scenario import Partition

Ranges = tuple[NDArray[np.int64], IntArray, IntArray]
NODE_FAIL = "NodeFail"
"""Reason of a job that was killed because it lost a node."""
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
    never: dict[int, str] = field(default_factory=dict)
    """Job that will never join the queue -> why, in Slurm's words; filled while the simulation runs."""


@dataclass(slots=True)
class Away:
    """What the absence of nodes did to one partition."""

    intervals: Callable[[float], list[tuple[int, float, float]]]
    """Returns (node within the partition, from, to) of all absences up to a time."""
    lost: Sequence[tuple[int, float, float, tuple[int, ...]]]
    """(job, start, end, nodes) of runs after which the job began again."""
    cut_s: Mapping[int, float]
    """Job that was killed because it lost a node -> when."""


@dataclass(slots=True)
class Log:
    """What one partition's batch system did."""

    order: IntArray
    """j for a start of job j, ~j for its end, in order."""
    n_passes: int
    placement: Mapping[int, Sequence[int]] = field(default_factory=dict)
    """Nodes that the rule or a shared pool chose: job -> node ids within the partition."""
    away: Away | None = None
    """None: the partition's nodes are never away."""
    steps: Steps | None = None
    """Nodes that joined and left while jobs ran; None: none did."""


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
    cut_s = {job: time_s for log in logs if log.away for job, time_s in log.away.cut_s.items()}
    end_s[list(cut_s)] = list(cut_s.values())
    state = np.full(table.n, JobState.COMPLETED_SUCCESSFULLY, dtype=np.int8)
    state[wants.hold_s < table.runtime_s] = JobState.COMPLETED_WALLTIME_REACHED
    if table.fails is not None:
        state[table.fails & (state == JobState.COMPLETED_SUCCESSFULLY)] = JobState.COMPLETED_FAILED
    state[wants.home < 0] = JobState.REJECTED
    state[list(wants.never)] = JobState.QUEUED
    state[list(cut_s)] = JobState.COMPLETED_KILLED
    stuck = np.flatnonzero(np.isnan(start_s) & (state != JobState.REJECTED) & (state != JobState.QUEUED))
    if len(stuck):
        raise InvariantError(f"{len(stuck)} jobs that fit never started, the first is {table.job_id[stuck[0]]}")
    offset, lo, hi = _node_ids(table, partitions, logs, start_s, end_s)
    order = _merge([log.order for log in logs], start_s, end_s)
    n_passes = sum(log.n_passes for log in logs)
    schedule = Schedule(start_s, end_s, state, wants.home, order, offset, lo, hi, n_passes, engine)
    if any(log.away for log in logs):
        _note_absences(schedule, table, partitions, logs)
    schedule.reason = with_reasons(None, table.n, dict.fromkeys(cut_s, NODE_FAIL) | wants.never)
    return schedule


def with_reasons(column: Categories | None, n: int, words: Mapping[int, str]) -> Categories | None:
    """Return a column of n reasons with more of them, given as job -> word; None if there is none."""
    if not words:
        return column
    code, names = (np.full(n, -1, np.int32), ()) if column is None else column
    names += tuple(sorted(set(words.values()) - set(names)))
    code[list(words)] = [names.index(word) for word in words.values()]
    return Categories(code, names)


def _note_absences(schedule: Schedule, table: JobTable, partitions: dict[str, Partition], logs: list[Log]) -> None:
    """Fill in which runs were lost and when nodes were away, node ids counted through the partitions."""
    until_s = float(
        np.nanmax(np.concatenate([table.submit_s[np.isfinite(table.submit_s)], schedule.end_s]), initial=0.0)
    )
    lost: list[tuple[float, int, float, tuple[int, ...]]] = []
    down: list[tuple[float, int, float]] = []
    base = 0
    for partition, log in zip(partitions.values(), logs, strict=True):
        if log.away is not None:
            lost += [(b, job, a, tuple(node + base for node in nodes)) for job, a, b, nodes in log.away.lost]
            down += [(a, node + base, b) for node, a, b in log.away.intervals(until_s)]
        base += partition.nodes
    lost.sort(key=lambda run: run[0])
    down.sort()
    offset, lo, hi = _ranges_of(dict(enumerate(nodes for _, _, _, nodes in lost)), len(lost), 0)
    ends, jobs, starts, _ = zip(*lost, strict=True) if lost else ((), (), (), ())
    schedule.lost = LostRuns(np.array(jobs, np.int32), np.array(starts, float), np.array(ends, float), offset, lo, hi)
    schedule.down = DownTimes(
        np.array([node for _, node, _ in down], np.int32),
        np.array([a for a, _, _ in down], float),
        np.array([b for _, _, b in down], float),
    )


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
        elif log.steps is not None:
            walk = NodeWalk(log.steps, table.nodes.tolist(), base)
            walk.walk(log.order, end_s)
            parts.append(walk.ranges(table.n))
            log.away = Away(absences_until(walk.absences), (), {}) if walk.absences else None
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
