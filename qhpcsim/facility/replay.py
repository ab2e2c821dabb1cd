"""Replays a workload through a facility: routes the jobs, runs every partition's batch system, collects what happened."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from simpy.core import EmptySchedule

from qhpcsim.core.errors import ConfigError, InvariantError
from qhpcsim.core.records import FloatArray, IntArray, JobState, JobTable, Schedule
from qhpcsim.core.registry import lookup
from qhpcsim.facility.allocation import assign_nodes
from qhpcsim.facility.batch_system import SYSTEMS, BatchSystem
from qhpcsim.facility.clock import Clock
from qhpcsim.facility.routing import route
from qhpcsim.policies.batch.state import QueueState
from qhpcsim.scenario import Partition, Policy, Scheduler

Progress = Callable[[float], None]
_STEPS = 20_000
"""SimPy events between two reports of progress."""


@dataclass(slots=True)
class Demand:
    """What the batch systems need to know of a workload, beyond the table itself."""

    hold_s: FloatArray
    """(n,) time on the nodes."""
    est_s: FloatArray
    """(n,) time on the nodes as schedulers see it."""
    home: IntArray
    """(n,) partition index, -1 if rejected."""


def demand(table: JobTable, partitions: dict[str, Partition], policy: Policy, overrun: str) -> Demand:
    """Return how long each job holds its nodes, how long schedulers think so, and where it goes."""
    kill = overrun == "kill"
    hold_s = np.minimum(table.runtime_s, table.walltime_s) if kill else table.runtime_s.copy()
    est_s = hold_s if policy.estimates == "actual" else table.walltime_s
    return Demand(hold_s, est_s, route(table, partitions))


def replay(
    table: JobTable,
    partitions: dict[str, Partition],
    policy: Policy,
    scheduler: Scheduler | None = None,
    overrun: str = "kill",
    engine: str = "auto",
    progress: Progress | None = None,
) -> Schedule:
    """Return what a facility does with a workload.

    Args:
        table: The jobs.
        partitions: The machine; node ids count up through the partitions in their order.
        policy: Rules of every partition's queue.
        scheduler: Cycles of a Slurm-like scheduler; None or all 0: a pass whenever something changes.
        overrun: ``kill`` or ``extend``.
        engine: ``auto``, ``general`` or ``kernel``.
        progress: Called now and then with the fraction done.

    Raises:
        ConfigError: if ``engine`` is ``kernel`` and the kernel cannot replay this.
    """
    wants = demand(table, partitions, policy, overrun)
    reason = _why_not_kernel(table, wants, partitions, policy, scheduler or Scheduler(), overrun)
    if engine == "kernel" and reason:
        raise ConfigError(f"the compiled kernel cannot replay this: {reason}", where="engine", hint="engine=auto")
    if not reason and (engine == "kernel" or (engine == "auto" and _worth_compiling(table, policy))):
        from qhpcsim.facility.kernel_replay import replay_compiled

        logs, start_s, n_passes = replay_compiled(table, wants, partitions, policy, progress)
        placements: list[dict[int, Any]] = [{} for _ in partitions]
        used = "kernel"
    else:
        logs, start_s, n_passes, placements = _replay_stepping(
            table, wants, partitions, policy, scheduler or Scheduler(), progress
        )
        used = "general"
    return _schedule(table, wants, partitions, logs, start_s, n_passes, placements, used)


def _why_not_kernel(
    table: JobTable, wants: Demand, partitions: dict[str, Partition], policy: Policy, scheduler: Scheduler, overrun: str
) -> str | None:
    from qhpcsim.facility.kernel import unsupported

    if wants.est_s is not wants.hold_s and overrun == "extend" and bool((wants.hold_s > wants.est_s).any()):
        return "jobs outrun their requested time"
    for partition in partitions.values():
        reason = unsupported(table, policy, partition, scheduler)
        if reason:
            return reason
    return None


def _worth_compiling(table: JobTable, policy: Policy) -> bool:
    return table.n >= 50_000 or (policy.backfill == "conservative" and table.n >= 10_000)


def _replay_stepping(
    table: JobTable,
    wants: Demand,
    partitions: dict[str, Partition],
    policy: Policy,
    scheduler: Scheduler,
    progress: Progress | None,
) -> tuple[list[IntArray], FloatArray, int, list[dict[int, Any]]]:
    """Step every partition's batch system through SimPy."""
    clock = Clock(initial_time=float(min(0.0, table.submit_s[0])) if table.n else 0.0)
    systems: list[BatchSystem] = []
    follow = Followers(table, wants.home, systems)
    for index, partition in enumerate(partitions.values()):
        jobs = np.flatnonzero((wants.home == index) & ~follow.held).tolist()
        systems.append(batch_system(clock, table, wants, partition, policy, scheduler, jobs, follow.ended))
    drain(clock, lambda: sum(s.n_arrived for s in systems) / max(1, table.n), progress)
    start_s = np.full(table.n, np.nan)
    logs = []
    for system in systems:
        log = np.array(system.log, dtype=np.int32)
        started = log[log >= 0]
        start_s[started] = np.array(system.state.start_s)[started]
        logs.append(log)
    return logs, start_s, sum(s.n_passes for s in systems), [s.state.placement for s in systems]


def batch_system(
    clock: Clock,
    table: JobTable,
    wants: Demand,
    partition: Partition,
    policy: Policy,
    scheduler: Scheduler,
    jobs: Sequence[int],
    on_end: Callable[[int, float], None] | None = None,
) -> BatchSystem:
    """Return the batch system of one partition, armed on the clock."""
    state = QueueState(table, partition.nodes, wants.est_s)
    order = None
    if policy.order != "fcfs":
        order = lookup("order", policy.order, "policy.order").target(table, wants.est_s, policy, partition.nodes)
    rule = lookup("backfill", _rule_name(policy), "policy.backfill").target(state, policy)
    system = SYSTEMS[policy.semantics]
    return system(clock, state, rule, order, wants.hold_s, jobs, on_end)


def _rule_name(policy: Policy) -> str:
    if policy.semantics == "batsched" and policy.backfill != "none":
        return f"batsched_{policy.backfill}"
    if policy.semantics == "pyss" and policy.backfill == "conservative":
        return "pyss_conservative"
    return policy.backfill


class Followers:
    """Jobs that wait for another one's end (SWF fields 17 and 18).

    A job whose predecessor was rejected does not wait: nothing would ever free it.
    """

    def __init__(self, table: JobTable, home: IntArray, systems: list[BatchSystem]) -> None:
        self._table, self._home, self._systems = table, home, systems
        self.held = np.zeros(table.n, dtype=np.bool_)
        """(n,) jobs that are not in the queue from their submission on."""
        self._after: dict[int, list[int]] = {}
        self.ended: Callable[[int, float], None] | None = None
        """Hook of the batch systems; None if nobody waits."""
        if table.depends_on is None:
            return
        before = table.depends_on
        self.held = (before >= 0) & (home[before] >= 0) & (home >= 0)
        for job in np.flatnonzero(self.held).tolist():
            self._after.setdefault(int(before[job]), []).append(job)
        self.ended = self._release

    def _release(self, ended: int, now_s: float) -> None:
        table = self._table
        for job in self._after.pop(ended, ()):
            think_s = float(table.think_s[job]) if table.think_s is not None else 0.0
            due_s = max(float(table.submit_s[job]), now_s + think_s)
            self._systems[int(self._home[job])].arrive(job, due_s)


def drain(clock: Clock, done_frac: Callable[[], float], progress: Progress | None) -> None:
    """Run the clock until nothing is left on its calendar, reporting progress."""
    step = clock.step
    try:
        while True:
            for _ in range(_STEPS):
                step()
            if progress is not None:
                progress(min(1.0, done_frac()))
    except EmptySchedule:
        if progress is not None:
            progress(1.0)


def _schedule(
    table: JobTable,
    wants: Demand,
    partitions: dict[str, Partition],
    logs: list[IntArray],
    start_s: FloatArray,
    n_passes: int,
    placements: list[dict[int, Any]],
    engine: str,
) -> Schedule:
    """Collect the partitions' logs into one schedule."""
    end_s = start_s + wants.hold_s
    state = np.full(table.n, JobState.COMPLETED_SUCCESSFULLY, dtype=np.int8)
    state[wants.hold_s < table.runtime_s] = JobState.COMPLETED_WALLTIME_REACHED
    state[np.isnan(start_s)] = JobState.QUEUED
    state[wants.home < 0] = JobState.REJECTED
    stuck = int((state == JobState.QUEUED).sum())
    if stuck and not any(len(p.groups) for p in partitions.values()):
        first = int(np.flatnonzero(state == JobState.QUEUED)[0])
        raise InvariantError(f"{stuck} jobs that fit never started, the first is {table.job_id[first]}")
    order = _merge(logs, start_s, end_s)
    offset, lo, hi = _allocate(table, partitions, logs, start_s, end_s, placements)
    return Schedule(start_s, end_s, state, wants.home, order, offset, lo, hi, n_passes, engine)


def _event_s(log: IntArray, start_s: FloatArray, end_s: FloatArray) -> FloatArray:
    """Return the time of each entry of a log."""
    return np.where(log >= 0, start_s[log], end_s[~log])


def _merge(logs: list[IntArray], start_s: FloatArray, end_s: FloatArray) -> IntArray:
    """Return one log in time order; at equal times the earlier partition comes first."""
    if len(logs) == 1:
        return logs[0]
    log = np.concatenate(logs) if logs else np.empty(0, dtype=np.int32)
    return log[np.argsort(_event_s(log, start_s, end_s), kind="stable")]


def _allocate(
    table: JobTable,
    partitions: dict[str, Partition],
    logs: list[IntArray],
    start_s: FloatArray,
    end_s: FloatArray,
    placements: list[dict[int, Any]],
) -> tuple[NDArray[np.int64], IntArray, IntArray]:
    """Return node-id ranges of every job: the rule's own choice, or the lowest free ids."""
    parts, base = [], 0
    for partition, log, placement in zip(partitions.values(), logs, placements, strict=True):
        if placement:
            parts.append(_ranges_of(placement, table.n, base))
        else:
            tidy = _ends_first(log, start_s, end_s)
            parts.append(assign_nodes(tidy, table.nodes, partition.nodes, base, compiled=table.n >= 50_000))
        base += partition.nodes
    return parts[0] if len(parts) == 1 else _join_ranges(parts, table.n)


def _ends_first(log: IntArray, start_s: FloatArray, end_s: FloatArray) -> IntArray:
    """Return the log with the ends of an instant before its starts (some semantics handle ends late).

    Jobs of length zero keep their place: their end cannot precede their start.
    """
    job = np.where(log >= 0, log, ~log)
    late = (log >= 0) | (start_s[job] == end_s[job])
    return log[np.lexsort((np.arange(len(log)), late, _event_s(log, start_s, end_s)))]


def _ranges_of(placement: dict[int, Any], n: int, base: int) -> tuple[NDArray[np.int64], IntArray, IntArray]:
    """Return chosen node ids as inclusive ranges."""
    lo: list[int] = []
    hi: list[int] = []
    offset = np.zeros(n + 1, dtype=np.int64)
    for job in range(n):
        for node in sorted(placement.get(job, ())):
            if len(lo) > offset[job] and hi[-1] == node + base - 1:
                hi[-1] = node + base
            else:
                lo.append(node + base)
                hi.append(node + base)
        offset[job + 1] = len(lo)
    return offset, np.array(lo, dtype=np.int32), np.array(hi, dtype=np.int32)


def _join_ranges(
    parts: list[tuple[NDArray[np.int64], IntArray, IntArray]], n: int
) -> tuple[NDArray[np.int64], IntArray, IntArray]:
    """Return the union of several partitions' ranges; each job has ranges in one of them."""
    counts = sum(np.diff(offset) for offset, _, _ in parts)
    offset = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
    lo = np.empty(int(offset[-1]), dtype=np.int32)
    hi = np.empty(int(offset[-1]), dtype=np.int32)
    for part_offset, part_lo, part_hi in parts:
        length = np.diff(part_offset)
        at = np.repeat(offset[:-1] - part_offset[:-1], length) + np.arange(len(part_lo))
        lo[at], hi[at] = part_lo, part_hi
    return offset, lo, hi
