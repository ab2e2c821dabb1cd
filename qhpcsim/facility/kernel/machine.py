"""What every replay rule shares: the jobs, the machine they run on and the log of what happened.

Rules are plain functions over these tuples of arrays. They keep their numbers in ``Machine.counts`` rather than in
variables, so that a replay can stop at any instant and go on later.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.compiled import kernel_part
from qhpcsim.core.records import FloatArray, IntArray
from qhpcsim.facility.kernel.heap import pop, push

FREE, ARRIVED, LOGGED, RUNNING, WAITING, PASSES, HEAD, SPARE, PLACED, BLOCKED, N_COUNTS = range(11)
"""Slots of ``Machine.counts``: free nodes, jobs submitted so far, entries in the log, running and waiting jobs, passes
made, queue position of the first waiting job; spare nodes at the head's shadow time (EASY); queue positions placed in
the plan so far and reservations among them (conservative)."""


class Jobs(NamedTuple):
    """The rigid jobs of one partition, in (submit, file line) order; all arrays (n,)."""

    submit_s: FloatArray
    hold_s: FloatArray
    """Time on the nodes."""
    est_s: FloatArray
    """Time on the nodes as the scheduler sees it."""
    nodes: IntArray
    rank: IntArray
    """Position of each job in queue order over the whole table."""
    by_rank: IntArray
    """Job at each position."""


class Machine(NamedTuple):
    """Identical nodes and who is on them."""

    start_s: FloatArray
    """(n,) NaN until the job starts."""
    order: IntArray
    """(2n,) log: j for a start, ~j for an end."""
    end_s: FloatArray
    """(most running jobs,) heap of true ends."""
    end_job: IntArray
    counts: NDArray[np.int64]


@kernel_part
def next_instant_s(jobs: Jobs, machine: Machine) -> float:
    """Return the time of the next end or submission; inf if there is none."""
    time_s = np.inf
    if machine.counts[RUNNING] > 0:
        time_s = machine.end_s[0]
    if machine.counts[ARRIVED] < len(jobs.submit_s):
        time_s = min(time_s, jobs.submit_s[machine.counts[ARRIVED]])
    return time_s


@kernel_part
def submitted_by(jobs: Jobs, machine: Machine, now_s: float) -> int:
    """Return how many jobs are submitted by ``now_s``."""
    arrived: int = machine.counts[ARRIVED]
    while arrived < len(jobs.submit_s) and jobs.submit_s[arrived] <= now_s:
        arrived += 1
    return arrived


@kernel_part
def start(jobs: Jobs, machine: Machine, job: int, now_s: float) -> None:
    """Put a job on its nodes."""
    count = machine.counts
    machine.start_s[job] = now_s
    machine.order[count[LOGGED]] = job
    count[LOGGED] += 1
    count[FREE] -= jobs.nodes[job]
    push(machine.end_s, machine.end_job, count[RUNNING], now_s + jobs.hold_s[job], job)
    count[RUNNING] += 1


@kernel_part
def end_next(jobs: Jobs, machine: Machine) -> int:
    """Take the job that ends first off its nodes and return it."""
    count = machine.counts
    job: int = pop(machine.end_s, machine.end_job, count[RUNNING])
    count[RUNNING] -= 1
    machine.order[count[LOGGED]] = ~job
    count[LOGGED] += 1
    count[FREE] += jobs.nodes[job]
    return job
