"""I11: under conservative backfilling with exact estimates every start is the first slot that earlier jobs leave."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator

import numpy as np

from qhpcsim.metrics.checks.heads import Queue
from qhpcsim.metrics.checks.tables import Tables, Violation

MOST_JOBS = 5_000
"""The plan is rebuilt job by job: larger runs are left out."""


def check_slots(tables: Tables, queue: Queue) -> Iterator[Violation]:
    """I11: start_j is the earliest slot given the jobs before j only; needs run times equal to the estimates."""
    exact = np.abs(queue.run_s - queue.estimate_s) <= tables.tolerance_s
    if len(queue.row) > MOST_JOBS or not exact.all():
        return
    times, free = [-np.inf], [queue.nodes]
    for j, (submit, run, width) in enumerate(
        zip(queue.submit_s.tolist(), queue.run_s.tolist(), queue.width.tolist(), strict=True)
    ):
        slot = _earliest(times, free, submit, run, width)
        if abs(slot - queue.start_s[j]) > tables.tolerance_s:
            job = str(tables.jobs["job_id"].iloc[int(queue.row[j])])
            yield Violation("I11", job, f"starts at {queue.start_s[j]:g} s, its first slot is at {slot:g} s")
            return
        _book(times, free, slot, slot + run, width)


def _earliest(times: list[float], free: list[int], submit: float, run: float, width: int) -> float:
    """Return the first moment from which ``width`` nodes stay free for ``run`` seconds."""
    k = bisect_right(times, submit) - 1
    start = submit
    while k < len(times):
        if free[k] < width:
            k += 1
            start = times[k]
        elif k + 1 == len(times) or times[k + 1] >= start + run:
            break
        else:
            k += 1
    return start


def _book(times: list[float], free: list[int], start: float, end: float, width: int) -> None:
    """Take nodes out of the plan for [start, end)."""
    for moment in (start, end):
        k = bisect_left(times, moment)
        if k == len(times) or times[k] != moment:
            times.insert(k, moment)
            free.insert(k, free[k - 1])
    for k in range(bisect_left(times, start), bisect_left(times, end)):
        free[k] -= width
