"""Runs made up in a blink: a first-come-first-served greedy schedule for few jobs, back-to-back blocks for many."""

import heapq
import itertools

import numpy as np

from qhpcsim.core.records import JobState, JobTable, Schedule
from qhpcsim.scenario import Partition


def table(submit, runtime, nodes, job_id=None):
    submit = np.asarray(submit, dtype=float)
    ids = np.arange(1, len(submit) + 1) if job_id is None else np.array(job_id, dtype=object)
    runtime = np.asarray(runtime, dtype=float)
    return JobTable(ids, submit, runtime, runtime * 1.5 + 1.0, np.asarray(nodes, dtype=np.int32))


def schedule(jobs, start, ranges, partition=None, state=None):
    """Return a schedule; ``ranges`` holds a list of (lo, hi) for every job."""
    start = np.asarray(start, dtype=float)
    count = np.array([len(r) for r in ranges])
    flat = [pair for r in ranges for pair in r]
    lo, hi = (np.array([pair[k] for pair in flat], dtype=np.int32) for k in (0, 1))
    return _schedule(jobs, start, np.concatenate([[0], np.cumsum(count)]), lo, hi, partition, state)


def _schedule(jobs, start, offset, lo, hi, partition=None, state=None):
    n = jobs.n
    if state is None:
        state = np.where(np.isnan(start), JobState.QUEUED, JobState.COMPLETED_SUCCESSFULLY)
    return Schedule(
        start_s=start,
        end_s=start + jobs.runtime_s,
        state=np.asarray(state, dtype=np.int8),
        partition=np.zeros(n, np.int32) if partition is None else np.asarray(partition, np.int32),
        order=np.zeros(0, np.int32),
        offset=offset.astype(np.int64),
        lo=lo,
        hi=hi,
    )


def greedy(jobs, parts, of_job, zero=0.0):
    """Return the FCFS schedule of jobs on partitions, lowest nodes first."""
    first = np.concatenate([[0], np.cumsum([p.nodes for p in parts.values()])])
    free = [set(range(first[k], first[k + 1])) for k in range(len(parts))]
    running = [[] for _ in parts]
    clock = [zero] * len(parts)
    start, ranges = np.full(jobs.n, np.nan), []
    for j in range(jobs.n):
        k = int(of_job[j])
        clock[k] = max(clock[k], jobs.submit_s[j])
        while running[k] and running[k][0][0] <= clock[k]:
            free[k] |= set(heapq.heappop(running[k])[2])
        while len(free[k]) < jobs.nodes[j]:
            end, _, nodes = heapq.heappop(running[k])
            clock[k] = max(clock[k], end)
            free[k] |= set(nodes)
        nodes = sorted(free[k])[: jobs.nodes[j]]
        free[k] -= set(nodes)
        start[j] = clock[k]
        heapq.heappush(running[k], (start[j] + jobs.runtime_s[j], j, nodes))
        ranges.append(_runs(nodes))
    return schedule(jobs, start, ranges, of_job)


def _runs(nodes):
    cuts = np.flatnonzero(np.diff(nodes) != 1)
    edges = [0, *(cuts + 1).tolist(), len(nodes)]
    return [(nodes[a], nodes[b - 1]) for a, b in itertools.pairwise(edges)]


def five():
    jobs = table([0, 60, 300, 600, 900], [3600, 1800, 5400, 600, 2400], [4, 2, 8, 1, 3])
    parts = {"batch": Partition(nodes=8, idle_w=120.0, busy_w=450.0)}
    return jobs, greedy(jobs, parts, np.zeros(5, int)), parts


def two_partitions(n=3000, seed=1):
    rng = np.random.default_rng(seed)
    parts = {
        "cpu": Partition(nodes=96, cores_per_node=128, memory_per_node_bytes=2**39, idle_w=180.0, busy_w=620.0),
        "h100": Partition(nodes=16, cores_per_node=64, gpus_per_node=4, gpu_type="h100", idle_w=600.0, busy_w=3200.0),
    }
    of_job = (rng.random(n) < 0.3).astype(int)
    submit = np.sort(rng.random(n) * 14 * 86400)
    runtime = np.exp(rng.normal(7.6, 1.5, n)).clip(1, 2 * 86400).round()
    nodes = np.where(of_job, 2 ** rng.integers(0, 4, n), 2 ** rng.integers(0, 6, n))
    jobs = table(submit.round(), runtime, nodes)
    return jobs, greedy(jobs, parts, of_job), parts


def many(n=100_000, blocks=128, width=8, seed=2):
    """Return jobs that follow one another on blocks of nodes; quick at any number."""
    rng = np.random.default_rng(seed)
    block = np.arange(n) % blocks
    runtime = np.exp(rng.normal(7.0, 1.6, n)).round() + 1.0
    gap = np.where(rng.random(n) < 0.3, rng.exponential(3000.0, n), 0.0).round()
    by_block = np.lexsort((np.arange(n), block))
    total = (runtime + gap)[by_block]
    ends = np.cumsum(total)
    head = np.flatnonzero(np.diff(block[by_block], prepend=-1))
    ends -= np.repeat(np.concatenate([[0.0], ends[head[1:] - 1]]), np.diff(np.append(head, n)))
    start = np.empty(n)
    start[by_block] = ends - runtime[by_block]
    wait = np.where(rng.random(n) < 0.4, 0.0, rng.exponential(7200.0, n)).round()
    submit = np.maximum(0.0, start - wait)
    order = np.lexsort((np.arange(n), submit))
    nodes = rng.integers(1, width + 1, n)
    jobs = table(submit[order], runtime[order], nodes[order])
    lo = (block[order] * width).astype(np.int32)
    hi = (lo + nodes[order] - 1).astype(np.int32)
    plan = _schedule(jobs, start[order], np.arange(n + 1), lo, hi)
    return jobs, plan, {"batch": Partition(nodes=blocks * width)}
