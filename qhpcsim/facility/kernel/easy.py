"""The replay rule for plain queues and for EASY backfilling."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from qhpcsim.core.compiled import kernel_part
from qhpcsim.core.records import FloatArray, IntArray
from qhpcsim.facility.kernel.machine import (
    ARRIVED,
    FREE,
    HEAD,
    PASSES,
    RUNNING,
    SPARE,
    WAITING,
    Jobs,
    Machine,
    end_next,
    next_instant_s,
    start,
    submitted_by,
)
from qhpcsim.facility.kernel.running import Expected, delete_running, insert_running, shadow_of
from qhpcsim.facility.kernel.waiting import ANY, NOBODY, Tree, find, following, join, leave


class Candidates(NamedTuple):
    """The waiting jobs in the order in which EASY tries them; the queue's own arrays unless that is another order."""

    tree: Tree
    position: IntArray
    job: IntArray
    shadow_s: FloatArray
    """(1,) the blocked head's shadow time; -inf while it is not known."""
    few: IntArray
    """(≤ depth,) room for the jobs that a pass of limited depth looks at."""


class EasyRule(NamedTuple):
    """Parameters of the rule."""

    backfill: bool
    """False: nobody overtakes."""
    depth: int
    """Waiting jobs behind the head that a pass looks at; 0: all."""
    shortest_first: bool
    fcfs: bool
    """The queue order is the order of submission."""


def advance_easy(
    until_s: float,
    rule: EasyRule,
    jobs: Jobs,
    machine: Machine,
    queue: Tree,
    candidates: Candidates,
    expected: Expected,
) -> float:
    """Replay every instant before ``until_s``; return the time of the next one, inf if nothing is left."""
    count = machine.counts
    while True:
        now_s = next_instant_s(jobs, machine)
        if now_s >= until_s or now_s == np.inf:
            return now_s
        ended = False
        while count[RUNNING] > 0 and machine.end_s[0] <= now_s:
            job = end_next(jobs, machine)
            if rule.backfill:
                _forget(jobs, expected, job, machine.start_s[job] + jobs.est_s[job])
            ended = True
        first_new, count[ARRIVED] = count[ARRIVED], submitted_by(jobs, machine, now_s)
        count[PASSES] += 1
        _admit(rule, jobs, machine, queue, candidates, expected, first_new, ended, now_s)


@kernel_part
def _admit(
    rule: EasyRule,
    jobs: Jobs,
    machine: Machine,
    queue: Tree,
    candidates: Candidates,
    expected: Expected,
    first_new: int,
    ended: bool,
    now_s: float,
) -> None:
    """Let the new jobs join and make one pass, or show that no pass is needed.

    Where nothing ended and the head is blocked as before, its shadow time and spare nodes are the same, and everyone
    who waits was turned down already, with more time to go: only the new jobs can start. Several of them may be
    tried one by one only if that is the order in which a pass would try them.
    """
    count = machine.counts
    last_new = count[ARRIVED]
    one_by_one = last_new - first_new == 1 or (rule.fcfs and not rule.shortest_first)
    if count[WAITING] > 0 and not ended and one_by_one and jobs.rank[first_new] > count[HEAD]:
        # With limited depth, jobs that started last time let others move up into sight, so a pass must look again.
        known = candidates.shadow_s[0] >= now_s or _fewest_nodes(jobs, first_new, last_new) > count[FREE]
        if not rule.backfill or (rule.depth == 0 and known):
            for job in range(first_new, last_new):
                if not (rule.backfill and _harmless(jobs, machine, candidates, job, now_s)):
                    _wait(jobs, machine, queue, candidates, job)
                else:
                    _run(rule, jobs, machine, expected, job, now_s)
            return
    if count[WAITING] == 0 and last_new - first_new == 1 and jobs.nodes[first_new] <= count[FREE]:
        _run(rule, jobs, machine, expected, first_new, now_s)
        return
    for job in range(first_new, last_new):
        _wait(jobs, machine, queue, candidates, job)
    _start_heads(rule, jobs, machine, queue, candidates, expected, now_s)
    candidates.shadow_s[0] = -np.inf
    # The root knows the fewest nodes that anybody waits for: mostly this ends a pass over a deep queue.
    if rule.backfill and queue.least[1, ANY] <= count[FREE]:
        _backfill(rule, jobs, machine, queue, candidates, expected, now_s)


@kernel_part
def _fewest_nodes(jobs: Jobs, first: int, last: int) -> int:
    """Return the fewest nodes that any of the jobs first..last-1 wants."""
    fewest = NOBODY
    for job in range(first, last):
        fewest = min(fewest, jobs.nodes[job])
    return fewest


@kernel_part
def _harmless(jobs: Jobs, machine: Machine, candidates: Candidates, job: int, now_s: float) -> bool:
    """Return whether a job may overtake the blocked head; if so, take the spare nodes that it needs."""
    count, need = machine.counts, jobs.nodes[job]
    if need > count[FREE]:
        return False
    if now_s + jobs.est_s[job] > candidates.shadow_s[0]:
        if need > count[SPARE]:
            return False
        count[SPARE] -= need
    return True


@kernel_part
def _start_heads(
    rule: EasyRule,
    jobs: Jobs,
    machine: Machine,
    queue: Tree,
    candidates: Candidates,
    expected: Expected,
    now_s: float,
) -> None:
    """Start jobs at the front of the queue while they fit."""
    count = machine.counts
    while count[WAITING] > 0:
        head = jobs.by_rank[count[HEAD]]
        if jobs.nodes[head] > count[FREE]:
            break
        _depart(jobs, machine, queue, candidates, head)
        _run(rule, jobs, machine, expected, head, now_s)


@kernel_part
def _backfill(
    rule: EasyRule,
    jobs: Jobs,
    machine: Machine,
    queue: Tree,
    candidates: Candidates,
    expected: Expected,
    now_s: float,
) -> None:
    """Give the blocked head its reservation and start those behind it who do not delay it."""
    count = machine.counts
    need = jobs.nodes[jobs.by_rank[count[HEAD]]]
    shadow_s, spare = shadow_of(
        expected,
        jobs.nodes,
        need,
        count[FREE],
    )
    # A job that outran its expected end counts as ending now.
    candidates.shadow_s[0] = max(shadow_s, now_s)
    count[SPARE] = spare
    if rule.depth > 0:
        _backfill_few(rule, jobs, machine, queue, candidates, expected, now_s)
        return
    position = -1
    while count[FREE] > 0:
        position = find(
            candidates.tree,
            candidates.job,
            jobs.est_s,
            position + 1,
            count[FREE],
            count[SPARE],
            now_s,
            candidates.shadow_s[0],
        )
        if position < 0:
            break
        job = candidates.job[position]
        if _harmless(jobs, machine, candidates, job, now_s):
            _depart(jobs, machine, queue, candidates, job)
            _run(rule, jobs, machine, expected, job, now_s)


@kernel_part
def _backfill_few(
    rule: EasyRule,
    jobs: Jobs,
    machine: Machine,
    queue: Tree,
    candidates: Candidates,
    expected: Expected,
    now_s: float,
) -> None:
    """Look at the first ``depth`` waiting jobs behind the head only."""
    count = machine.counts
    few, n_few = candidates.few, min(rule.depth, count[WAITING] - 1)
    position = count[HEAD]
    for k in range(n_few):
        position = following(queue, position + 1)
        job = jobs.by_rank[position]
        at = k
        if rule.shortest_first:
            while at > 0 and jobs.est_s[few[at - 1]] > jobs.est_s[job]:
                few[at] = few[at - 1]
                at -= 1
        few[at] = job
    for k in range(n_few):
        job = few[k]
        if _harmless(jobs, machine, candidates, job, now_s):
            _depart(jobs, machine, queue, candidates, job)
            _run(rule, jobs, machine, expected, job, now_s)


@kernel_part
def _wait(jobs: Jobs, machine: Machine, queue: Tree, candidates: Candidates, job: int) -> None:
    """Let a job join the queue."""
    count, rank, place = machine.counts, jobs.rank[job], candidates.position[job]
    nodes, est_s, tree = jobs.nodes[job], jobs.est_s[job], candidates.tree
    if count[WAITING] == 0 or rank < count[HEAD]:
        count[HEAD] = rank
    count[WAITING] += 1
    join(queue, rank, nodes, est_s)
    if tree.wants[place] != nodes:
        join(tree, place, nodes, est_s)


@kernel_part
def _depart(jobs: Jobs, machine: Machine, queue: Tree, candidates: Candidates, job: int) -> None:
    """Take a job out of the queue."""
    count, rank, place = machine.counts, jobs.rank[job], candidates.position[job]
    tree = candidates.tree
    count[WAITING] -= 1
    leave(queue, jobs.by_rank, jobs.est_s, rank)
    if tree.wants[place] == jobs.nodes[job]:
        leave(tree, candidates.job, jobs.est_s, place)
    if rank == count[HEAD] and count[WAITING] > 0:
        count[HEAD] = following(queue, rank + 1)


@kernel_part
def _run(rule: EasyRule, jobs: Jobs, machine: Machine, expected: Expected, job: int, now_s: float) -> None:
    """Start a job and file its expected end."""
    start(jobs, machine, job, now_s)
    if rule.backfill:
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
