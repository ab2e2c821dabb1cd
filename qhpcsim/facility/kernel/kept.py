"""The replay rule for conservative backfilling in which reservations stay and are compressed.

A job is given the earliest feasible time when it arrives. When some job ended before its expected end, every waiting
job is tried again in order of (reserved start, queue order): taken out of the plan and put at its earliest feasible
time, which is never later. Three facts make that cheap, as long as every job is
expected to take some time and none outlives its expected end:

- Between its reserved start and end a job has its own nodes, so an earlier start is feasible if and only if nodes
  are free *before the reserved start*; the search needs neither to take the job out nor to look further.
- No job can move between two such rounds: what a later job frees by moving lies after the reserved start of all jobs
  tried before it. So in a new round only times at which nodes came free in this round can let a job move,
- and a job that wants more nodes than are free at any of those times stays where it is.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from qhpcsim.core.compiled import kernel_part
from qhpcsim.core.records import FloatArray, IntArray
from qhpcsim.facility.kernel.hints import Hints, forget_hints, hint_s, note
from qhpcsim.facility.kernel.machine import (
    ARRIVED,
    PASSES,
    RUNNING,
    WAITING,
    Jobs,
    Machine,
    end_next,
    next_instant_s,
    start,
    submitted_by,
)
from qhpcsim.facility.kernel.plan import book, change, find_place, forget_before, take
from qhpcsim.facility.kernel.replanned import Plan, room_for


class Reserved(NamedTuple):
    """The waiting jobs in order of (reserved start, queue order)."""

    start_s: FloatArray
    job: IntArray
    nodes: IntArray


def advance_kept(until_s: float, jobs: Jobs, machine: Machine, reserved: Reserved, hints: Hints, plan: Plan) -> float:
    """Replay every instant before ``until_s``; return the time of the next one, inf if nothing is left.

    A reserved start is an instant of its own, even if nothing else happens then.

    Returns:
        NaN if the arrays of the plan and the reservations are too small for the next instant.
    """
    count = machine.counts
    while True:
        now_s = next_instant_s(jobs, machine)
        if count[WAITING] > 0:
            now_s = min(now_s, reserved.start_s[0])
        if now_s >= until_s or now_s == np.inf:
            return now_s
        last_new = submitted_by(jobs, machine, now_s)
        if room_for(count[RUNNING], count[WAITING] + last_new - count[ARRIVED]) > len(plan.at_s):
            return np.nan
        forget_before(plan.at_s, plan.free, plan.extent, now_s)
        most = _release(jobs, machine, plan, now_s)
        if most > 0:
            _compress(jobs, machine, reserved, hints, plan, most, now_s)
        for job in range(count[ARRIVED], last_new):
            _reserve(jobs, machine, reserved, plan, job, now_s)
        count[ARRIVED] = last_new
        count[PASSES] += 1
        _start_due(jobs, machine, reserved, now_s)


@kernel_part
def _release(jobs: Jobs, machine: Machine, plan: Plan, now_s: float) -> int:
    """Take the jobs that end now off their nodes.

    Returns:
        The most nodes free at any time that came free because a job ended early; 0 if none did.
    """
    most = 0
    while machine.counts[RUNNING] > 0 and machine.end_s[0] <= now_s:
        job = end_next(jobs, machine)
        expected_s = machine.start_s[job] + jobs.est_s[job]
        if expected_s > now_s:
            change(plan.at_s, plan.free, plan.extent, now_s, expected_s, jobs.nodes[job], now_s)
            for k in range(plan.extent[0], plan.extent[1]):
                if k > plan.extent[0] and plan.at_s[k] >= expected_s:
                    break
                most = max(most, plan.free[k])
    return most


@kernel_part
def _compress(
    jobs: Jobs, machine: Machine, reserved: Reserved, hints: Hints, plan: Plan, most: int, now_s: float
) -> None:
    """Move every waiting job to its earliest feasible time, in order of reserved start."""
    forget_hints(hints)
    for k in range(machine.counts[WAITING]):
        need = reserved.nodes[k]
        if need > most:
            continue
        old_s, job = reserved.start_s[k], reserved.job[k]
        est_s = jobs.est_s[job]
        from_s = hint_s(hints, need, est_s, now_s)
        step = find_place(plan.at_s, plan.free, plan.extent, need, est_s, from_s, old_s)
        new_s = old_s
        if step >= 0:
            new_s = max(plan.at_s[step], from_s)
            # What the job gives back begins later than the step found, which therefore keeps its place.
            freed = change(plan.at_s, plan.free, plan.extent, old_s, old_s + est_s, need, now_s)
            take(plan.at_s, plan.free, plan.extent, step, new_s + est_s, need)
            most = max(most, freed)
            _file(jobs, reserved, k, new_s, job)
        if old_s < np.inf:
            # Jobs tried later free nodes from their own reserved start on, if any.
            note(hints, need, est_s, new_s, old_s)


@kernel_part
def _reserve(jobs: Jobs, machine: Machine, reserved: Reserved, plan: Plan, job: int, now_s: float) -> None:
    """Give an arriving job its reservation."""
    start_s = book(plan.at_s, plan.free, plan.extent, jobs.nodes[job], jobs.est_s[job], now_s)
    _file(jobs, reserved, machine.counts[WAITING], start_s, job)
    machine.counts[WAITING] += 1


@kernel_part
def _file(jobs: Jobs, reserved: Reserved, gap: int, start_s: float, job: int) -> None:
    """Write a job into the reservations in order, moving those behind it up to the ``gap``."""
    rank, low, high = jobs.rank[job], 0, gap
    while low < high:
        middle = (low + high) >> 1
        other_s = reserved.start_s[middle]
        if other_s < start_s or (other_s == start_s and jobs.rank[reserved.job[middle]] < rank):
            low = middle + 1
        else:
            high = middle
    # Unsigned indices cannot count from the end of an array; knowing that, the compiler moves many entries at once.
    one, last, n = np.uint64(1), np.uint64(gap), np.uint64(gap - low)
    for k in range(n):
        reserved.start_s[last - k] = reserved.start_s[last - k - one]
    for k in range(n):
        reserved.job[last - k] = reserved.job[last - k - one]
    for k in range(n):
        reserved.nodes[last - k] = reserved.nodes[last - k - one]
    reserved.start_s[low], reserved.job[low], reserved.nodes[low] = start_s, job, jobs.nodes[job]


@kernel_part
def _start_due(jobs: Jobs, machine: Machine, reserved: Reserved, now_s: float) -> None:
    """Start the jobs whose reserved time has come; they stand first, in queue order."""
    waiting, due = machine.counts[WAITING], 0
    while due < waiting and reserved.start_s[due] <= now_s:
        start(jobs, machine, reserved.job[due], now_s)
        due += 1
    if due == 0:
        return
    first, n = np.uint64(due), np.uint64(waiting - due)
    for k in range(n):
        reserved.start_s[k] = reserved.start_s[first + k]
    for k in range(n):
        reserved.job[k] = reserved.job[first + k]
    for k in range(n):
        reserved.nodes[k] = reserved.nodes[first + k]
    machine.counts[WAITING] = waiting - due
