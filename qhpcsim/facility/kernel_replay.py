"""Replays whole workloads through the compiled kernel, one SimPy process per partition."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from typing import Any

import numpy as np
import simpy
from numpy.typing import NDArray

from qhpcsim.core.records import FloatArray, JobTable
from qhpcsim.core.registry import lookup
from qhpcsim.facility.clock import Clock
from qhpcsim.facility.kernel import KernelReplay
from qhpcsim.facility.outcome import Demand, Log
from qhpcsim.scenario import Partition, Policy

_REPORTS = 50
"""Reports of progress per partition."""


def replay_compiled(
    table: JobTable,
    wants: Demand,
    partitions: dict[str, Partition],
    policy: Policy,
    progress: Callable[[float], None] | None = None,
) -> tuple[list[Log], FloatArray]:
    """Return every partition's log and the (n,) start times, NaN where a job never started."""
    clock = Clock()
    start_s = np.full(table.n, np.nan)
    parts = []
    for index, partition in enumerate(partitions.values()):
        jobs = np.flatnonzero(wants.home == index)
        kernel = KernelReplay(
            submit_s=table.submit_s[jobs],
            hold_s=wants.hold_s[jobs],
            est_s=wants.est_s[jobs],
            nodes=table.nodes[jobs],
            rank=_rank(table, wants, policy, partition)[jobs].argsort().argsort().astype(np.int32),
            n_nodes=partition.nodes,
            backfill=policy.backfill,
            candidates=policy.candidates,
            depth=policy.depth,
            reservations=policy.reservations,
        )
        parts.append((jobs, kernel))
        clock.process(_partition(clock, kernel, table.submit_s[jobs], progress))
    clock.run()
    logs = []
    for jobs, kernel in parts:
        start_s[jobs] = kernel.start_s
        order = kernel.order
        logs.append(Log(np.where(order >= 0, jobs[order], ~jobs[~order]).astype(np.int32), kernel.n_passes))
    return logs, start_s


def _partition(
    clock: Clock, kernel: KernelReplay, submit_s: FloatArray, progress: Callable[[float], None] | None
) -> Generator[simpy.Event, Any, None]:
    """Advance one partition's kernel up to whatever is next on the facility's calendar, again and again."""
    marks = np.unique(submit_s[:: max(1, len(submit_s) // _REPORTS)])
    next_s = float(submit_s[0]) if len(submit_s) else math.inf
    while next_s < math.inf:
        yield clock.at(next_s)
        mark = int(np.searchsorted(marks, clock.now, side="right"))
        until_s = min(clock.peek(), marks[mark] if mark < len(marks) else math.inf)
        next_s = kernel.advance(max(until_s, math.nextafter(clock.now, math.inf)))
        if progress is not None:
            progress(mark / len(marks))


def _rank(table: JobTable, wants: Demand, policy: Policy, partition: Partition) -> NDArray[np.int64]:
    """Return each job's position in the queue order over the whole table."""
    everyone = np.arange(table.n, dtype=np.int64)
    if policy.order == "fcfs":
        return everyone
    order = lookup("order", policy.order, "policy.order").target(table, wants.est_s, policy, partition.nodes)
    rank = np.empty(table.n, dtype=np.int64)
    rank[np.lexsort((everyone, order.keys(everyone, 0.0)))] = everyone
    return rank
