"""The schedule as a timeline for the Perfetto viewer (https://ui.perfetto.dev), in Chrome's trace-event JSON.

One process a partition, one track a node. That format forbids slices that overlap on a track without nesting, hence:

- Up to ``MAX_NODES`` nodes, every node of a job has a slice on its own track.
- On larger machines a job has one slice for each range of its nodes, on the track of the range's first node, which no
  other job holds meanwhile; the slice names the whole range.
- Where jobs share a node, its track gets further lanes; a slice goes to the lowest lane that is free.

Counters show waiting jobs and busy nodes. Times are microseconds since the workload's zero.
"""

from __future__ import annotations

import gzip
import heapq
import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.records import JobState
from qhpcsim.core.registry import register
from qhpcsim.metrics.run_data import RunData
from qhpcsim.results.result import Result

MAX_NODES = 256
"""Machines up to this size get a slice on every node."""
COUNTERS = 0
"""Process id of the counters; partitions count from 1."""
_MICRO = 1e6
Event = dict[str, Any]


@register(
    "export",
    "perfetto",
    summary="timeline for the Perfetto viewer: a track a node, queue length, busy nodes (.json, .json.gz)",
    source="Trace Event Format, https://perfetto.dev/docs/getting-started/other-formats",
)
def export_perfetto(result: Result, path: str | Path) -> tuple[str, ...]:
    """Write the timeline; jobs that never started are not on it."""
    target = Path(path)
    with target.open("wb") as raw:
        if target.suffix == ".gz":
            with gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as packed:
                packed.writelines(_chunks(result))
        else:
            raw.writelines(_chunks(result))
    return ()


def trace_events(result: Result) -> Iterator[Event]:
    """Yield the events: names of processes and tracks, slices, counters."""
    yield {"ph": "M", "name": "process_name", "pid": COUNTERS, "tid": 0, "args": {"name": "facility"}}
    for k, name in enumerate(result.partitions, 1):
        yield {"ph": "M", "name": "process_name", "pid": k, "tid": 0, "args": {"name": f"partition {name}"}}
    yield from _slices(result)
    yield from _counters(result)


def _chunks(result: Result) -> Iterator[bytes]:
    yield b'{"displayTimeUnit":"ms","traceEvents":[\n'
    for k, event in enumerate(trace_events(result)):
        yield (b",\n" if k else b"") + json.dumps(event, separators=(",", ":")).encode()
    yield b"\n]}\n"


def _slices(result: Result) -> Iterator[Event]:
    """Yield one slice for each held node, or range of nodes, in order of start."""
    table, schedule = result.table, result.schedule
    run = RunData(table, schedule, result.partitions)
    lanes = _Lanes(run.n_nodes)
    jobs = np.flatnonzero(run.started)
    every = run.n_nodes <= MAX_NODES
    for j in jobs[np.argsort(schedule.start_s[jobs], kind="stable")].tolist():
        begin, hold = float(schedule.start_s[j]), float(run.hold_s[j])
        for k in range(schedule.offset[j], schedule.offset[j + 1]):
            low, high = int(schedule.lo[k]), int(schedule.hi[k])
            for node in range(low, high + 1) if every else (low,):
                pid = int(schedule.partition[j]) + 1
                track, fresh = lanes.take(node, begin, begin + hold)
                if fresh:
                    yield _track_name(pid, track, node, track // max(1, run.n_nodes))
                yield {
                    "ph": "X",
                    "name": f"job {table.job_id[j]}",
                    "cat": JobState(schedule.state[j]).name,
                    "ts": begin * _MICRO,
                    "dur": hold * _MICRO,
                    "pid": pid,
                    "tid": track + 1,
                    "args": {"nodes": int(table.nodes[j]), "range": f"{low}-{high}", "wait_s": float(run.wait_s[j])},
                }


def _track_name(pid: int, track: int, node: int, lane: int) -> Event:
    name = f"node {node}" + (f" lane {lane + 1}" if lane else "")
    return {"ph": "M", "name": "thread_name", "pid": pid, "tid": track + 1, "args": {"name": name}}


class _Lanes:
    """Finds for each slice a track of its node on which nothing else happens meanwhile; slices come by start."""

    def __init__(self, n_nodes: int) -> None:
        self.n_nodes = n_nodes
        self.busy: dict[int, list[tuple[float, int]]] = {}
        self.free: dict[int, list[int]] = {}
        self.count: dict[int, int] = {}

    def take(self, node: int, start_s: float, end_s: float) -> tuple[int, bool]:
        """Return the track number, and whether it is used for the first time."""
        busy, free = self.busy.setdefault(node, []), self.free.setdefault(node, [])
        while busy and busy[0][0] <= start_s:
            heapq.heappush(free, heapq.heappop(busy)[1])
        fresh = not free
        if fresh:
            lane = self.count.get(node, 0)
            self.count[node] = lane + 1
        else:
            lane = heapq.heappop(free)
        heapq.heappush(busy, (end_s, lane))
        return lane * self.n_nodes + node, fresh


def _counters(result: Result) -> Iterator[Event]:
    """Yield the waiting jobs and the busy nodes after every instant at which they change."""
    table, schedule = result.table, result.schedule
    run = RunData(table, schedule, result.partitions)
    queued = schedule.state != JobState.REJECTED
    start, nodes = schedule.start_s[run.started], run.share_nodes[run.started]
    ends = schedule.end_s[run.finished]
    waiting = [(table.submit_s[queued], np.ones(int(queued.sum()))), (start, -np.ones(start.size))]
    busy = [(start, nodes), (ends, -run.share_nodes[run.finished])]
    for name, unit, changes in (("waiting jobs", "jobs", waiting), ("busy nodes", "nodes", busy)):
        times, levels = _steps(changes)
        for moment, level in zip(times.tolist(), levels.tolist(), strict=True):
            yield {"ph": "C", "name": name, "pid": COUNTERS, "ts": moment * _MICRO, "args": {unit: level}}


def _steps(
    changes: list[tuple[NDArray[np.float64], NDArray[np.float64]]],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the instants and the levels after them of a sum of steps; instants without a change are left out."""
    times = np.concatenate([when for when, _ in changes])
    order = np.argsort(times, kind="stable")
    times, level = times[order], np.cumsum(np.concatenate([step for _, step in changes])[order])
    last = np.append(times[1:] != times[:-1], True)[: times.size]
    times, level = times[last], level[last]
    changed = np.array([True, *(a != b for a, b in pairwise(level.tolist()))])[: times.size]
    return times[changed], level[changed]
