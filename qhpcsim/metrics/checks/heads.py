"""Rules about who starts when: I08 and I09 FCFS, I10 the head of an EASY queue, I18 no idling while the head fits.

All of them are about queues in order of submission on whole, equal nodes, and scheduling passes at every change.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from qhpcsim.metrics.checks.nodes import busy_steps
from qhpcsim.metrics.checks.tables import Floats, Integers, Tables, Violation

MOST_JOBS = 30_000
"""I10 looks at all jobs for each that had to wait: larger runs are left out."""


@dataclass(slots=True)
class Queue:
    """The jobs of one partition in the order of their queue."""

    nodes: int
    row: Integers
    submit_s: Floats
    start_s: Floats
    width: Integers
    run_s: Floats
    estimate_s: Floats

    @property
    def head_s(self) -> Floats:
        """When each job became the head: submitted, and all before it started."""
        before = np.concatenate([[-np.inf], np.maximum.accumulate(self.start_s)[:-1]])[: len(self.start_s)]
        return np.asarray(np.maximum(self.submit_s, before))


def queues(tables: Tables, estimates: str) -> list[Queue]:
    """Return the queue of every partition."""
    known = tables.run_s if estimates == "actual" else tables.limit_s
    found = []
    for k, partition in enumerate(tables.partitions.values()):
        row = np.flatnonzero(tables.finished & (tables.home == k))
        found.append(
            Queue(
                partition.nodes,
                row,
                tables.submit_s[row],
                tables.start_s[row],
                tables.width[row],
                tables.run_s[row],
                known[row],
            )
        )
    return found


def _violation(tables: Tables, rule: str, queue: Queue, j: int, text: str) -> Violation:
    return Violation(rule, str(tables.jobs["job_id"].iloc[int(queue.row[j])]), text)


def check_fcfs_starts(tables: Tables, queue: Queue) -> Iterator[Violation]:
    """I08: starts equal the recursion start_j = first t >= max(submit_j, start_(j-1)) with enough nodes free."""
    expected = fcfs_starts(queue)
    for j in np.flatnonzero(np.abs(expected - queue.start_s) > tables.tolerance_s).tolist():
        text = f"starts at {queue.start_s[j]:g} s, first come first served says {expected[j]:g} s"
        yield _violation(tables, "I08", queue, j, text)


def fcfs_starts(queue: Queue) -> Floats:
    """Return the only starts that first come, first served allows."""
    running: list[tuple[float, int]] = []
    free, now = queue.nodes, -np.inf
    starts = np.empty(len(queue.row))
    jobs = zip(queue.submit_s.tolist(), queue.width.tolist(), queue.run_s.tolist(), strict=True)
    for j, (submit, width, run) in enumerate(jobs):
        now = max(now, submit)
        while running and (running[0][0] <= now or free < width):
            end, back = heapq.heappop(running)
            now, free = max(now, end), free + back
        starts[j] = now
        free -= width
        heapq.heappush(running, (now + run, width))
    return starts


def check_order(tables: Tables, queue: Queue) -> Iterator[Violation]:
    """I09: nobody starts before someone who came earlier."""
    before = np.maximum.accumulate(queue.start_s)
    for j in np.flatnonzero(queue.start_s < before - tables.tolerance_s).tolist():
        yield _violation(tables, "I09", queue, j, "starts before a job that came earlier")


def check_shadow(tables: Tables, queue: Queue) -> Iterator[Violation]:
    """I10: a head starts no later than the shadow time it had when it became head, by the estimates of that moment."""
    if len(queue.row) > MOST_JOBS or (queue.run_s > queue.estimate_s + tables.tolerance_s).any():
        return
    head, start = queue.head_s, queue.start_s
    end, estimated = start + queue.run_s, start + queue.estimate_s
    instant_jobs = set(start[queue.run_s == 0].tolist())
    index = np.arange(len(start))
    for j in np.flatnonzero(start > head + tables.tolerance_s).tolist():
        now = head[j]
        if now in instant_jobs:
            continue
        running = (start <= now) & (end > now) & ((start < now) | (index < j))
        shadow = _shadow(queue, running, estimated, int(queue.width[j]))
        if start[j] > max(shadow, now) + tables.tolerance_s:
            text = f"head since {now:g} s, promised {shadow:g} s, starts at {start[j]:g} s"
            yield _violation(tables, "I10", queue, j, text)


def _shadow(queue: Queue, running: np.ndarray, estimated: Floats, width: int) -> float:
    """Return when enough nodes are free for a job if all running jobs end as estimated."""
    ends, widths = estimated[running], queue.width[running]
    order = np.argsort(ends, kind="stable")
    free = queue.nodes - int(widths.sum()) + np.concatenate([[0], np.cumsum(widths[order])])
    enough = int(np.argmax(free >= width))
    return -np.inf if enough == 0 else float(ends[order][enough - 1])


def check_idle(tables: Tables, queue: Queue, k: int) -> Iterator[Violation]:
    """I18: while a head waits, fewer nodes are free than it wants, after every instant."""
    head = queue.head_s
    late = np.flatnonzero(queue.start_s > head + tables.tolerance_s)
    if not late.size:
        return
    moment, level = busy_steps(tables, tables.started & (tables.home == k))
    first = np.searchsorted(moment, head[late], side="right") - 1
    last = np.searchsorted(moment, queue.start_s[late], side="left")
    pairs = np.column_stack([first, last]).ravel()
    least = np.minimum.reduceat(level, pairs)[::2]
    for j in late[queue.nodes - least >= queue.width[late]].tolist():
        yield _violation(tables, "I18", queue, j, "waits at the head of the queue although enough nodes are free")
