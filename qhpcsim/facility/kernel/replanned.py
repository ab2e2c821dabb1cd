"""The replay rule for conservative backfilling in which every pass plans all waiting jobs anew, in queue order.

What a pass decides is only who starts now, so reservations are made on demand: a job that neither starts now nor
stands before one that might is not planned at all. Who might start is known from the plan as it stands, for further
reservations only take nodes away.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from qhpcsim.core.compiled import kernel_part
from qhpcsim.core.records import FloatArray, IntArray
from qhpcsim.facility.kernel.hints import Hints, forget_hints, hint_s, note
from qhpcsim.facility.kernel.machine import (
    ARRIVED,
    BLOCKED,
    FREE,
    HEAD,
    PASSES,
    PLACED,
    RUNNING,
    WAITING,
    Jobs,
    Machine,
    end_next,
    next_instant_s,
    start,
    submitted_by,
)
from qhpcsim.facility.kernel.plan import Extent, book, fits_now, forget_before
from qhpcsim.facility.kernel.running import SIZE, Expected, delete_running, insert_running
from qhpcsim.facility.kernel.waiting import ANY, Tree, find, following, join, leave


class Plan(NamedTuple):
    """The free nodes over future time; see ``plan``."""

    at_s: FloatArray
    free: IntArray
    extent: Extent


def advance_replanned(
    until_s: float, depth: int, jobs: Jobs, machine: Machine, queue: Tree, expected: Expected, hints: Hints, plan: Plan
) -> float:
    """Replay every instant before ``until_s``; return the time of the next one, inf if nothing is left.

    Returns:
        NaN if the plan's arrays are too small for the next instant.
    """
    count = machine.counts
    while True:
        now_s = next_instant_s(jobs, machine)
        if now_s >= until_s or now_s == np.inf:
            return now_s
        last_new = submitted_by(jobs, machine, now_s)
        if room_for(count[RUNNING], count[WAITING] + last_new - count[ARRIVED]) > len(plan.at_s):
            return np.nan
        while count[RUNNING] > 0 and machine.end_s[0] <= now_s:
            job = end_next(jobs, machine)
            _forget(jobs, expected, job, machine.start_s[job] + jobs.est_s[job])
            count[PLACED] = -1
        for job in range(count[ARRIVED], last_new):
            _wait(jobs, machine, queue, job)
        count[ARRIVED] = last_new
        count[PASSES] += 1
        # With nobody who fits the free nodes there is nothing to decide; the root knows.
        if queue.least[1, ANY] <= count[FREE]:
            _pass(depth, jobs, machine, queue, expected, hints, plan, now_s)


@kernel_part
def room_for(n_running: int, n_waiting: int) -> int:
    """Return how many steps a plan for so many jobs can have, counting those not yet forgotten."""
    return n_running + 2 * n_waiting + 80


@kernel_part
def _pass(
    depth: int, jobs: Jobs, machine: Machine, queue: Tree, expected: Expected, hints: Hints, plan: Plan, now_s: float
) -> None:
    """Start every waiting job whose earliest feasible time is now.

    Where nothing ended since the last pass, the reservations made then still hold, and only jobs behind them are
    looked at. ``count[PLACED]`` is the first queue position not planned yet, -1 if the plan is out of date.
    """
    count = machine.counts
    if count[PLACED] < 0:
        _plan_running(jobs, machine, expected, plan, now_s)
        forget_hints(hints)
        count[PLACED] = count[HEAD]
        count[BLOCKED] = 0
    else:
        forget_before(plan.at_s, plan.free, plan.extent, now_s)
    maybe = _next_maybe(jobs, machine, queue, plan, count[PLACED], now_s)
    while maybe >= 0 and (depth == 0 or count[BLOCKED] <= depth):
        position = following(queue, count[PLACED])
        job = jobs.by_rank[position]
        need, est_s = jobs.nodes[job], jobs.est_s[job]
        count[PLACED] = position + 1
        start_s = book(plan.at_s, plan.free, plan.extent, need, est_s, hint_s(hints, need, est_s, now_s))
        note(hints, need, est_s, start_s, np.inf)
        if position == maybe:
            _start(jobs, machine, queue, expected, job, now_s)
            maybe = _next_maybe(jobs, machine, queue, plan, position + 1, now_s)
            continue
        count[BLOCKED] += 1
        hopeful = jobs.by_rank[maybe]
        if start_s < now_s + jobs.est_s[hopeful]:
            maybe = _next_maybe(jobs, machine, queue, plan, maybe, now_s)


@kernel_part
def _next_maybe(jobs: Jobs, machine: Machine, queue: Tree, plan: Plan, first: int, now_s: float) -> int:
    """Return the first position ≥ ``first`` whose job could start now by the plan as it stands, or -1."""
    begin, end = plan.extent[0], plan.extent[1]
    spare = plan.free[begin]
    for k in range(begin + 1, end):
        spare = min(spare, plan.free[k])
    if spare >= machine.counts[FREE]:
        shadow_s = np.inf
    else:
        # Whoever takes more than the spare nodes must end before they run short for the first time.
        shadow_s = now_s
        for k in range(begin + 1, end):
            if plan.free[k] == spare:
                shadow_s = plan.at_s[k]
                break
    position = first - 1
    while True:
        position = find(
            queue,
            jobs.by_rank,
            jobs.est_s,
            position + 1,
            machine.counts[FREE],
            spare,
            now_s,
            shadow_s,
        )
        if position < 0:
            return -1
        job = jobs.by_rank[position]
        if fits_now(plan.at_s, plan.free, plan.extent, jobs.nodes[job], jobs.est_s[job], now_s):
            return position


@kernel_part
def _plan_running(jobs: Jobs, machine: Machine, expected: Expected, plan: Plan, now_s: float) -> None:
    """Write the plan in which nothing but the running jobs has nodes."""
    step, total = 0, machine.counts[FREE]
    plan.at_s[0], plan.free[0] = now_s, total
    for place in range(expected.line[len(expected.line) - 1]):
        first = expected.line[place] * SIZE
        for at in range(first, first + expected.fill[expected.line[place]]):
            end_s = expected.run_s[at]
            if end_s == np.inf:
                break
            total += jobs.nodes[expected.run_job[at]]
            if end_s > plan.at_s[step]:
                step += 1
                plan.at_s[step] = end_s
            plan.free[step] = total
    plan.extent[0], plan.extent[1] = 0, step + 1


@kernel_part
def _wait(jobs: Jobs, machine: Machine, queue: Tree, job: int) -> None:
    """Let a job join the queue; one that joins before others that are planned makes the plan out of date."""
    count, rank = machine.counts, jobs.rank[job]
    if count[WAITING] == 0 or rank < count[HEAD]:
        count[HEAD] = rank
    if rank < count[PLACED]:
        count[PLACED] = -1
    count[WAITING] += 1
    join(queue, rank, jobs.nodes[job], jobs.est_s[job])


@kernel_part
def _start(jobs: Jobs, machine: Machine, queue: Tree, expected: Expected, job: int, now_s: float) -> None:
    """Take a job out of the queue, put it on its nodes and file its expected end."""
    count, rank = machine.counts, jobs.rank[job]
    leave(queue, jobs.by_rank, jobs.est_s, rank)
    count[WAITING] -= 1
    if rank == count[HEAD] and count[WAITING] > 0:
        count[HEAD] = following(queue, rank + 1)
    start(jobs, machine, job, now_s)
    insert_running(
        expected,
        jobs.nodes,
        now_s + jobs.est_s[job],
        job,
    )


@kernel_part
def _forget(jobs: Jobs, expected: Expected, job: int, expected_s: float) -> None:
    """Strike an ended job from the running ones."""
    delete_running(expected, jobs.nodes, expected_s, job)
