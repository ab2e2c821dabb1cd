"""Small runs made by hand: jobs, the starts that a test wants, and node ids lowest first."""

from __future__ import annotations

import numpy as np

from qhpcsim.core.records import Categories, JobState, JobTable, Schedule
from qhpcsim.results.result import Result
from qhpcsim.scenario import Facility, Partition, Policy, Scenario

HAND_JOBS = [(0, 3, 10), (1, 3, 5), (2, 1, 8), (3, 1, 20), (4, 2, 2), (5, 4, 1)]
"""(submit, nodes, run time) on four nodes."""
HAND_FCFS = [0, 10, 10, 15, 15, 35]
HAND_EASY = [0, 10, 2, 10, 15, 30]


def make_table(jobs, limits=None, **columns) -> JobTable:
    submit, nodes, run = (np.array(column) for column in zip(*jobs, strict=True))
    return JobTable(
        job_id=np.arange(1, len(jobs) + 1),
        submit_s=submit.astype(float),
        runtime_s=run.astype(float),
        walltime_s=run.astype(float) if limits is None else np.array(limits, dtype=float),
        nodes=nodes.astype(np.int32),
        **columns,
    )


def make_schedule(table: JobTable, starts, nodes: int) -> Schedule:
    """A NaN start means rejected."""
    start = np.array(starts, dtype=float)
    end = start + np.minimum(table.runtime_s, table.walltime_s)
    state = np.where(table.runtime_s > table.walltime_s, JobState.COMPLETED_WALLTIME_REACHED, 0)
    state = np.where(np.isnan(start), JobState.REJECTED, state).astype(np.int8)
    order = order_of(start, end)
    offset, lo, hi = lowest_first(table, order, nodes)
    home = np.where(np.isnan(start), -1, 0).astype(np.int32)
    return Schedule(start, end, state, home, order, offset, lo, hi)


def order_of(start, end) -> np.ndarray:
    ran = np.flatnonzero(~np.isnan(start)).tolist()
    events = [(end[j], 0 if end[j] > start[j] else 2, j, ~j) for j in ran] + [(start[j], 1, j, j) for j in ran]
    return np.array([event[3] for event in sorted(events)], dtype=np.int32)


def lowest_first(table: JobTable, order, nodes: int):
    free, held = set(range(nodes)), {}
    for event in order.tolist():
        if event >= 0:
            held[event] = sorted(free)[: table.nodes[event]]
            free -= set(held[event])
        else:
            free |= set(held[~event])
    offset, lo, hi = [0], [], []
    for j in range(table.n):
        for node in held.get(j, ()):
            if len(lo) > offset[-1] and hi[-1] == node - 1:
                hi[-1] = node
            else:
                lo.append(node)
                hi.append(node)
        offset.append(len(lo))
    return np.array(offset), np.array(lo, dtype=np.int32), np.array(hi, dtype=np.int32)


def make_result(jobs=HAND_JOBS, starts=HAND_FCFS, nodes=4, policy=None, limits=None, power=(None, None), **columns):
    table = make_table(jobs, limits, **columns)
    partition = Partition(nodes=nodes, idle_w=power[0], busy_w=power[1])
    policy = policy or Policy()
    scenario = Scenario(name="hand", policy=policy, facility=Facility(idle_w=power[0], busy_w=power[1]))
    schedule = make_schedule(table, starts, nodes)
    return Result(scenario, table, schedule, {"batch": partition}, card={"wall_s": 1.5})


def users(codes) -> Categories:
    return Categories(np.array(codes, dtype=np.int32), tuple(f"u{k}" for k in range(max(codes) + 1)))


def random_fcfs(n=300, nodes=16, seed=0, whole=False, **kwargs):
    """A run under first come, first served, by the textbook recursion; times are real, or whole seconds."""
    draw = np.random.default_rng(seed)
    submit = np.cumsum(draw.exponential(30.0, n))
    submit -= submit[0]
    width = draw.integers(1, nodes + 1, n)
    run = draw.lognormal(3.0, 1.0, n)
    if whole:
        submit, run = np.floor(submit), np.ceil(run)
    idle_from = np.zeros(nodes)
    starts, before = [], 0.0
    for s, q, p in zip(submit, width, run, strict=True):
        idle_from.sort()
        before = max(s, before, idle_from[q - 1])
        idle_from[:q] = before + p
        starts.append(before)
    jobs = list(zip(submit.tolist(), width.tolist(), run.tolist(), strict=True))
    return make_result(jobs, starts, nodes, **kwargs)
