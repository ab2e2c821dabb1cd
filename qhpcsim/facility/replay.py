"""Replays a workload through a facility: routes the jobs and runs every partition's batch system."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

import numpy as np
from simpy.core import EmptySchedule

from qhpcsim.core.errors import ConfigError, InvariantError
from qhpcsim.core.records import FloatArray, IntArray, JobTable, Schedule
from qhpcsim.core.rng import Rng
from qhpcsim.facility.batch_semantics import SYSTEMS
from qhpcsim.facility.batch_system import BatchSystem
from qhpcsim.facility.changed_nodes import Steps
from qhpcsim.facility.changed_sizes import grown, routed
from qhpcsim.facility.changes import arrange
from qhpcsim.facility.clock import Clock
from qhpcsim.facility.followers import Followers
from qhpcsim.facility.machine import Machine
from qhpcsim.facility.node_health import NodeHealth, refuse_outages
from qhpcsim.facility.node_losses import NodeLosses
from qhpcsim.facility.outcome import Away, Demand, Log, schedule_of
from qhpcsim.facility.pooled_state import PooledState
from qhpcsim.facility.rules import queue_order, scheduling_rule
from qhpcsim.facility.shared_nodes import needs_pool
from qhpcsim.facility.slurm_cycles import CycledBatchSystem
from qhpcsim.facility.tracked_state import TrackedState
from qhpcsim.policies.batch.state import QueueState
from qhpcsim.scenario import Change, Partition, Policy, Scheduler

Progress = Callable[[float], None]
_STEPS = 20_000
"""SimPy events between two reports of progress."""
_STUCK = 50
"""Reports without progress in time after which the engine is taken to run in a circle."""


def demand(
    table: JobTable,
    partitions: dict[str, Partition],
    policy: Policy,
    overrun: str,
    changes: Sequence[Change] = (),
) -> Demand:
    """Return how long each job holds its nodes, how long schedulers think so, and where it goes."""
    kill = overrun == "kill"
    hold_s = np.minimum(table.runtime_s, table.walltime_s) if kill else table.runtime_s.copy()
    est_s = hold_s if policy.estimates == "actual" else table.walltime_s
    return Demand(hold_s, est_s, routed(table, partitions, changes))


def replay(
    table: JobTable,
    partitions: dict[str, Partition],
    policy: Policy,
    scheduler: Scheduler | None = None,
    overrun: str = "kill",
    engine: str = "auto",
    progress: Progress | None = None,
    rng: Rng | None = None,
    changes: Sequence[Change] = (),
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
        rng: Named random streams of the nodes' failures; None: those of seed 0.
        changes: What changes on the way; the schedule's node ids are those of ``grown(partitions, changes)``.

    Raises:
        ConfigError: if ``engine`` is ``kernel`` and the kernel cannot replay this, or for an impossible change.
    """
    wants = demand(table, partitions, policy, overrun, changes)
    cycles = scheduler or Scheduler()
    reason = "the machine or its rules change" if changes else None
    reason = reason or _why_not_kernel(table, wants, partitions, policy, cycles, overrun)
    if engine == "kernel" and reason:
        raise ConfigError(f"the compiled kernel cannot replay this: {reason}", where="engine", hint="engine=auto")
    if not reason and (engine == "kernel" or (engine == "auto" and _worth_compiling(table, policy))):
        from qhpcsim.facility.kernel_replay import replay_compiled

        _announce(policy)
        logs, start_s = replay_compiled(table, wants, partitions, policy, progress)
        return schedule_of(table, wants, partitions, logs, start_s, "kernel")
    logs, start_s = _replay_stepping(table, wants, partitions, policy, cycles, progress, rng, changes)
    return schedule_of(table, wants, grown(partitions, changes), logs, start_s, "general")


def _why_not_kernel(
    table: JobTable,
    wants: Demand,
    partitions: dict[str, Partition],
    policy: Policy,
    scheduler: Scheduler,
    overrun: str,
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
    """Return whether the compiled kernel, loading it included, is likely faster than stepping."""
    return table.n >= 50_000 or (policy.backfill == "conservative" and table.n >= 20_000)


def _announce(policy: Policy) -> None:
    """Say so if the first run of the kernel has to wait for the compiler."""
    from qhpcsim.facility.kernel import is_ready

    if not is_ready(policy.backfill, policy.reservations):
        logging.getLogger("qhpcsim").info("compiling the replay kernel (once, some ten seconds)")


def _replay_stepping(
    table: JobTable,
    wants: Demand,
    partitions: dict[str, Partition],
    policy: Policy,
    scheduler: Scheduler,
    progress: Progress | None,
    rng: Rng | None,
    changes: Sequence[Change],
) -> tuple[list[Log], FloatArray]:
    """Step every partition's batch system through SimPy."""
    clock = Clock(initial_time=float(min(0.0, table.submit_s[0])) if table.n else 0.0)
    systems = batch_systems(clock, table, wants, partitions, policy, scheduler, rng=rng)
    arrange(Machine(clock, table, wants, partitions, systems, policy, scheduler), changes)
    drain(clock, lambda: sum(s.n_arrived for s in systems) / max(1, table.n), progress)
    return logs_of(systems, table.n)


def batch_systems(
    clock: Clock,
    table: JobTable,
    wants: Demand,
    partitions: dict[str, Partition],
    policy: Policy,
    scheduler: Scheduler,
    open_rows: range = range(0),
    rng: Rng | None = None,
) -> list[BatchSystem]:
    """Return every partition's batch system, armed on the clock; ``open_rows`` are submitted later."""
    systems: list[BatchSystem] = []
    follow = Followers(table, wants, systems)
    held = follow.held.copy()
    held[open_rows.start : open_rows.stop] = True
    for index, (name, partition) in enumerate(partitions.items()):
        jobs = np.flatnonzero((wants.home == index) & ~held).tolist()
        streams = rng or Rng(0)
        systems.append(
            batch_system(clock, table, wants, partition, policy, scheduler, jobs, follow.ended, name, streams)
        )
    return systems


def logs_of(systems: Sequence[BatchSystem], n: int) -> tuple[list[Log], FloatArray]:
    """Return what each partition did, and when each of n jobs started."""
    start_s = np.full(n, np.nan)
    logs = []
    for system in systems:
        order, steps = _without_steps(system, n)
        losses = system.losses
        if losses is not None and losses.lost:
            order = last_runs(order)
        started = order[order >= 0]
        start_s[started] = np.array(system.state.start_s)[started]
        away = None if losses is None else Away(losses.health.intervals, losses.lost, losses.cut_s)
        logs.append(Log(order, system.n_passes, system.state.placement, away, steps))
    return logs, start_s


def _without_steps(system: BatchSystem, n: int) -> tuple[IntArray, Steps | None]:
    """Return the starts and ends of a system's log, and between them the nodes that joined or left."""
    order = np.array(system.log, dtype=np.int32)
    if not system.steps:
        return order, None
    is_step = order >= n
    at = (np.flatnonzero(is_step) - np.arange(len(system.steps))).tolist()
    return order[~is_step], Steps(system.n_first, system.begin_s, tuple(system.steps), tuple(at))


def last_runs(order: IntArray) -> IntArray:
    """Return a log without the starts and ends of runs after which a job began again."""
    kept: list[int] = []
    seen: set[int] = set()
    for entry in reversed(order.tolist()):
        if entry not in seen:
            seen.add(entry)
            kept.append(entry)
    return np.array(kept[::-1], dtype=np.int32)


def batch_system(
    clock: Clock,
    table: JobTable,
    wants: Demand,
    partition: Partition,
    policy: Policy,
    scheduler: Scheduler,
    jobs: Sequence[int],
    on_end: Callable[[int, float, bool], None] | None = None,
    name: str = "batch",
    rng: Rng | None = None,
) -> BatchSystem:
    """Return the batch system of one partition, armed on the clock."""
    pooled = needs_pool(partition, policy)
    cycled = scheduler.interval_s > 0 or scheduler.bf_interval_s > 0
    if (pooled or cycled) and policy.semantics != "batch":
        raise ConfigError(
            f"semantics {policy.semantics!r} knows neither shared or unlike nodes nor scheduling cycles",
            where="policy.semantics",
            allowed="batch",
        )
    losses = None
    if partition.can_break:
        refuse_outages(policy, pooled, name)
        state: QueueState = TrackedState(table, partition, wants.est_s)
        assert isinstance(state, TrackedState)
        losses = NodeLosses(NodeHealth(state, partition, name, rng or Rng(0), clock.now), partition.requeue)
    elif pooled:
        state = PooledState(table, partition, wants.est_s)
    else:
        state = QueueState(table, partition.nodes, wants.est_s)
    order = queue_order(table, wants.est_s, partition, policy)
    rule = scheduling_rule(state, partition, policy, scheduler)
    if cycled:
        return CycledBatchSystem(
            clock, state, rule, order, wants.hold_s, jobs, on_end, scheduler=scheduler, losses=losses
        )
    return SYSTEMS[policy.semantics](clock, state, rule, order, wants.hold_s, jobs, on_end, losses=losses)


def drain(clock: Clock, done_frac: Callable[[], float], progress: Progress | None) -> None:
    """Run the clock until nothing is left on its calendar, reporting progress."""
    last_s, stuck = clock.now, 0
    try:
        while True:
            clock.steps(_STEPS)
            stuck = stuck + 1 if clock.now == last_s else 0
            last_s = clock.now
            if stuck == _STUCK:
                raise InvariantError(f"t = {last_s} s: {_STUCK * _STEPS} events and time stands still")
            if progress is not None:
                progress(min(1.0, done_frac()))
    except EmptySchedule:
        if progress is not None:
            progress(1.0)
