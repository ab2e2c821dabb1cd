"""Pilots of applications in the batch table, and what tasks used of their nodes and GPUs.

Times are on one axis, the simulation's. A task uses what it asked for from its start to its end, where both are of
its last attempt: attempts that were lost before are in no table, and count as idle time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.records import FloatArray

Integers = NDArray[np.int64]

WORKER = re.compile(r"node(\d+)(?:\+(\d+))?")
"""``node3``: the fourth node of the pilot; ``node0+15``: that one and 15 others, whole."""


class Nodes(Protocol):
    """What is asked of a partition (``scenario.Partition`` has it)."""

    @property
    def nodes(self) -> int:
        """Number of nodes."""

    @property
    def gpus_per_node(self) -> int:
        """GPUs of each."""


@dataclass
class PilotTable:
    """k pilots: rows ``APPLICATION/NUMBER`` of the batch table."""

    name: list[str]
    row: Integers
    """Row of the batch table."""
    owner: Integers
    """Application that brought it."""
    partition: Integers
    """Place among the partitions; -1: it was never given nodes."""
    nodes: Integers
    gpus_per_node: FloatArray
    """0 for a pilot that was never given nodes."""
    start_s: FloatArray
    """NaN: it never started."""
    end_s: FloatArray
    """NaN: it never started, or nobody knows when it ended."""

    @cached_property
    def length_s(self) -> FloatArray:
        """(k,) time on its nodes; 0 if it never started."""
        return np.nan_to_num(self.end_s - self.start_s)

    @property
    def held_node_s(self) -> FloatArray:
        """(k,) node time."""
        return self.length_s * self.nodes

    @property
    def held_gpu_s(self) -> FloatArray:
        """(k,) GPU time."""
        return self.held_node_s * self.gpus_per_node


def pilot_table(
    job_ids: Iterable[object],
    applications: Sequence[str],
    nodes: NDArray[np.integer] | FloatArray,
    start_s: FloatArray,
    end_s: FloatArray,
    first_node: NDArray[np.integer],
    partitions: Sequence[Nodes],
) -> PilotTable:
    """Return those batch jobs that are pilots of applications.

    Args:
        job_ids: Ids of all n batch jobs.
        applications: Names of the applications.
        nodes: (n,) nodes of each job.
        start_s: (n,) NaN: it never started.
        end_s: (n,) end of each job, or the last instant of the run.
        first_node: (n,) id of its first node; -1: it was never given nodes.
        partitions: The machine; node ids count up through it.
    """
    place = {name: k for k, name in enumerate(applications)}
    found = []
    for row, job_id in enumerate(job_ids):
        owner, slash, _ = str(job_id).rpartition("/")
        if slash and owner in place:
            found.append((row, place[owner], str(job_id)))
    rows = np.array([row for row, _, _ in found], dtype=np.int64)
    firsts = np.cumsum([0, *(part.nodes for part in partitions)])[:-1]
    home = np.searchsorted(firsts, first_node[rows], side="right").astype(np.int64) - 1
    gpus = np.array([*(part.gpus_per_node for part in partitions), 0], dtype=np.float64)
    return PilotTable(
        name=[name for _, _, name in found],
        row=rows,
        owner=np.array([owner for _, owner, _ in found], dtype=np.int64),
        partition=home,
        nodes=nodes[rows].astype(np.int64),
        gpus_per_node=gpus[home],
        start_s=start_s[rows],
        end_s=end_s[rows],
    )


class PilotTasks(NamedTuple):
    """m tasks that ran on pilots."""

    row: Integers
    """Row of the table of tasks."""
    pilot: Integers
    node: Integers
    """First node of its pilot that it ran on, counted from 0."""
    n_nodes: Integers
    """1, or the whole nodes of a gang."""
    n_gpus: FloatArray
    """All of its GPUs."""
    start_s: FloatArray
    end_s: FloatArray
    """Its own end or its pilot's, whichever came first."""


def pilot_tasks(
    pilots: PilotTable,
    pilot: Sequence[str],
    worker: Sequence[str],
    n_gpus: FloatArray,
    start_s: FloatArray,
    end_s: FloatArray,
    queued: NDArray[np.bool_],
) -> PilotTasks:
    """Return the tasks that ran on pilots.

    Args:
        pilots: The pilots.
        pilot: Name of each task's pilot; empty: none.
        worker: Its nodes, as in ``tasks.csv``.
        n_gpus: Its GPUs.
        start_s: Start of its last attempt; NaN: never.
        end_s: NaN: it had not ended.
        queued: Whether it was waiting, for its first attempt or another, when the simulation stopped.
    """
    place: Mapping[str, int] = {name: k for k, name in enumerate(pilots.name)}
    home = np.array([place.get(name, -1) for name in pilot], dtype=np.int64)
    rows = np.flatnonzero((home >= 0) & np.isfinite(start_s) & ~queued)
    home = home[rows]
    begun_s = start_s[rows]
    until_s = np.fmin(end_s[rows], pilots.end_s[home])
    spots = {text: _spot(text) for text in dict.fromkeys(worker)}
    node = np.array([spots[worker[row]] for row in rows.tolist()], dtype=np.int64).reshape(-1, 2)
    return PilotTasks(rows, home, node[:, 0], node[:, 1], n_gpus[rows], begun_s, np.maximum(until_s, begun_s))


def _spot(worker: str) -> tuple[int, int]:
    """Return the first node and the number of nodes of a worker; a text of another form is one node of its own."""
    found = WORKER.fullmatch(worker)
    return (int(found[1]), 1 + int(found[2] or 0)) if found else (0, 1)


class NodeSpans(NamedTuple):
    """When nodes of pilots had a task, as arrays of one length."""

    pilot: Integers
    start_s: FloatArray
    end_s: FloatArray
    n_nodes: FloatArray


def busy_nodes(tasks: PilotTasks) -> NodeSpans:
    """Return when nodes had at least one task, each instant of a node once; nobody else is on the nodes of a gang."""
    gang = tasks.n_nodes > 1
    alone = np.flatnonzero(~gang)
    width = int(tasks.node.max(initial=0)) + 1
    key, start_s, end_s = united_by(
        tasks.pilot[alone] * width + tasks.node[alone], tasks.start_s[alone], tasks.end_s[alone]
    )
    return NodeSpans(
        np.concatenate([key // width, tasks.pilot[gang]]),
        np.concatenate([start_s, tasks.start_s[gang]]),
        np.concatenate([end_s, tasks.end_s[gang]]),
        np.concatenate([np.ones(len(key)), tasks.n_nodes[gang].astype(np.float64)]),
    )


def united_by(key: Integers, start_s: FloatArray, end_s: FloatArray) -> tuple[Integers, FloatArray, FloatArray]:
    """Return the time of each key as spans that do not overlap, by key, then by start; empty ones vanish."""
    some = end_s > start_s
    key, start_s, end_s = key[some], start_s[some], end_s[some]
    order = np.lexsort((start_s, key))
    key, start_s, end_s = key[order], start_s[order], end_s[order]
    if not len(key):
        return key, start_s, end_s
    times, rank = np.unique(end_s, return_inverse=True)
    lane = np.cumsum(np.append(0, key[1:] != key[:-1])) * len(times)
    reach = np.maximum.accumulate(lane + rank.reshape(-1))  # whole numbers: the latest end so far, key by key
    fresh = np.ones(len(key), dtype=bool)
    fresh[1:] = (key[1:] != key[:-1]) | (start_s[1:] > times[reach[:-1] % len(times)])
    first = np.flatnonzero(fresh)
    last = np.append(first[1:], len(key)) - 1
    return key[first], start_s[first], times[reach[last] % len(times)]


def used_node_s(tasks: PilotTasks, n_pilots: int) -> FloatArray:
    """Return (k,) the node time of each pilot with at least one task on the node."""
    busy = busy_nodes(tasks)
    return np.bincount(busy.pilot, (busy.end_s - busy.start_s) * busy.n_nodes, n_pilots).astype(np.float64)


def used_gpu_s(tasks: PilotTasks, n_pilots: int) -> FloatArray:
    """Return (k,) the GPU time of each pilot's tasks."""
    return np.bincount(tasks.pilot, (tasks.end_s - tasks.start_s) * tasks.n_gpus, n_pilots).astype(np.float64)
