"""Rules about nodes: I04 no overcommit, I05 nodes exclusive (or cores within bounds) and as many as asked."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from qhpcsim.metrics.checks.tables import Flags, Floats, Tables, Violation

_SLACK = 1e-9


def check_overcommit(tables: Tables) -> Iterator[Violation]:
    """I04: the nodes' worth that running jobs hold never exceeds a partition's nodes."""
    for k, (name, partition) in enumerate(tables.partitions.items()):
        members = tables.started & (tables.home == k) & (tables.run_s != 0)
        moment, level = busy_steps(tables, members)
        over = np.flatnonzero(level > partition.nodes + _SLACK)
        if over.size:
            text = f"{level[over[0]]:g} of {partition.nodes} nodes held in {name} at {moment[over[0]]:g} s"
            yield Violation("I04", "", text)


def busy_steps(tables: Tables, members: Flags) -> tuple[Floats, Floats]:
    """Return the instants at which the jobs start or end, and the nodes' worth they hold after each."""
    start, end, share = tables.start_s[members], tables.end_s[members], tables.share[members]
    ended = ~np.isnan(end)
    times = np.concatenate([start, end[ended]])
    order = np.argsort(times, kind="stable")
    times, level = times[order], np.cumsum(np.concatenate([share, -share[ended]])[order])
    last = np.append(times[1:] != times[:-1], True)[: times.size]
    return times[last], level[last]


def check_allocations(tables: Tables) -> Iterator[Violation]:
    """I05: as many node ids as asked, all of one partition, and none held by two exclusive jobs at once."""
    offset, low, high = tables.ranges
    held = np.concatenate([[0], np.cumsum(high - low + 1)])
    count = held[offset[1:]] - held[offset[:-1]]
    yield from tables.report("I05", tables.started & (count != tables.width), "has not as many nodes as it asked for")
    yield from tables.report("I05", ~tables.started & (count > 0), "holds nodes without having started")
    edges = tables.first_node
    outside = (low < 0) | (high >= edges[-1]) | (high < low)
    lost = np.add.reduceat(np.append(outside, False).astype(np.int64), offset[:-1]) * (np.diff(offset) > 0) > 0
    yield from tables.report("I05", lost, "holds nodes that do not exist")
    if lost.any():
        return
    across = np.searchsorted(edges, low, side="right") != np.searchsorted(edges, high, side="right")
    job = np.repeat(np.arange(len(count)), np.diff(offset))
    across |= np.searchsorted(edges, low, side="right") - 1 != tables.home[job]
    torn = np.zeros(len(count), dtype=np.bool_)
    torn[job[across]] = True
    yield from tables.report("I05", torn, "holds nodes of two partitions")
    yield from _collisions(tables)


def _collisions(tables: Tables) -> Iterator[Violation]:
    """Sweep over starts and ends; a job must find the cores it takes free on each of its nodes."""
    offset, low, high = (column.tolist() for column in tables.ranges)
    whole = tables.node_cores
    free = whole.copy()
    ids = tables.jobs["job_id"].to_numpy()
    for job in _sweep(tables):
        j, sign = (job, -1.0) if job >= 0 else (~job, 1.0)
        cores = float(tables.cores[j])
        for k in range(offset[j], offset[j + 1]):
            nodes = slice(low[k], high[k] + 1)
            free[nodes] += sign * (cores or whole[nodes])
            if sign < 0 and free[nodes].min() < -_SLACK:
                yield Violation("I05", str(ids[j]), f"takes nodes {low[k]}-{high[k]}, which other jobs still hold")


def _sweep(tables: Tables) -> list[int]:
    """Return job j for each start and ~j for each end, ends first within an instant; jobs of no length left out."""
    held = tables.started & (tables.home >= 0) & ~(tables.end_s <= tables.start_s)
    starts = np.flatnonzero(held)
    ends = np.flatnonzero(held & tables.finished)
    times = np.concatenate([tables.end_s[ends], tables.start_s[starts]])
    marks = np.concatenate([~ends, starts])
    return [int(mark) for mark in marks[np.argsort(times, kind="stable")]]
