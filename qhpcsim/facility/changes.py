"""What an operator changes while the simulation runs: nodes that join or are drained, another policy, no more kills."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from math import isnan

import numpy as np

from qhpcsim.core.errors import FacilityError
from qhpcsim.facility.batch_system import BatchSystem
from qhpcsim.facility.change_checks import check
from qhpcsim.facility.changed_nodes import Step
from qhpcsim.facility.changed_sizes import partition_of
from qhpcsim.facility.machine import Machine
from qhpcsim.facility.rules import queue_order, scheduling_rule
from qhpcsim.policies.batch.changed import changed_policy
from qhpcsim.policies.batch.state import INF
from qhpcsim.scenario import Change, Policy

BEFORE_PASS = 1
"""SimPy priority of a change: before the ends, submissions and the batch pass of its instant."""


def arrange(machine: Machine, changes: Sequence[Change]) -> None:
    """Put changes on the clock; until then nothing differs from a simulation without them.

    Model: at its time a change comes before the jobs that end, come and start then. Added nodes can be used at once.
        Drained nodes go as soon as no job is on them: the next nodes that come free are theirs, highest ids first, and
        schedulers plan with that. Waiting jobs that ask for more nodes than are left for good are turned away. A new
        queue order counts what jobs have used before.
    Assumes: operators act in no time; jobs in the queue keep their submission times.
    Not modelled: nodes of shared, unlike or failing partitions that join or leave; draining nodes by name.
    Source: scontrol update NodeName=… State=DRAIN, https://slurm.schedmd.com/scontrol.html

    Args:
        machine: What there is to change; not yet run.
        changes: In order of time.

    Raises:
        ConfigError: for a change that is impossible here.
    """
    for k, change in enumerate(changes):
        check(machine, change, changes[:k])
        at_s = max(change.at_s - machine.table.zero_s, machine.clock.now)
        machine.clock.call_at(at_s, partial(_change, machine, change), BEFORE_PASS)


def _change(machine: Machine, change: Change, _event: object = None) -> None:
    """Let a change happen now."""
    if change.add_nodes:
        _resize(machine, change, change.add_nodes)
    if change.remove_nodes:
        _resize(machine, change, -change.remove_nodes)
    if change.policy:
        _rule_by(machine, changed_policy(machine.policy, change.policy))
    if change.overrun:
        for index, system in enumerate(machine.systems):
            _outlast(machine, system, index)


def _resize(machine: Machine, change: Change, nodes: int) -> None:
    """Let nodes join or leave a partition."""
    name = partition_of(change, machine.partitions)
    index = list(machine.partitions).index(name)
    system = machine.systems[index]
    state = system.state
    state.now_s = machine.clock.now
    system.note_step(Step(state.now_s, nodes))
    state.free_nodes += nodes
    if nodes < 0 and change.until_s is not None:
        _lend(machine, system, -nodes, change.until_s - machine.table.zero_s)
    else:
        state.n_nodes += nodes
        _turn_away(machine, system, index)
    _look_again(machine, system, index)


def _lend(machine: Machine, system: BatchSystem, nodes: int, until_s: float) -> None:
    """Let a stand-in job hold drained nodes until they are back; schedulers see its end."""
    state, step = system.state, len(system.steps) - 1
    stand_in = len(state.nodes)
    state.nodes.append(nodes)
    state.est_s.append(0.0)
    state.submit_s.append(INF)
    state.start_s.append(float("nan"))
    insort(state.running, (until_s, stand_in))

    def back(_event: object) -> None:
        del state.running[bisect_left(state.running, (until_s, stand_in))]
        state.now_s = until_s
        state.free_nodes += nodes
        system.note_step(Step(until_s, nodes, step))
        _look_again(machine, system, list(machine.systems).index(system))

    machine.clock.call_at(max(until_s, machine.clock.now), back, BEFORE_PASS)


def _look_again(machine: Machine, system: BatchSystem, index: int) -> None:
    """Have the rule plan anew for a partition of another size."""
    rule, order = system.rule, system.waiting.order
    if hasattr(rule, "resized"):
        rule.resized()
    system.reconsider()
    if hasattr(order, "use_machine"):
        partition = list(machine.partitions.values())[index]
        order.use_machine(machine.table, replace(partition, nodes=system.state.n_nodes))
    system.poke()


def _turn_away(machine: Machine, system: BatchSystem, index: int) -> None:
    """Reject the jobs of a partition that ask for more nodes than it has now, and have not started."""
    state, table, home = system.state, machine.table, machine.wants.home
    wide = np.flatnonzero((home == index) & (table.nodes > state.n_nodes)).tolist()
    now_s = machine.clock.now  # jobs to come were sent here for the size that the partition has then
    jobs = [j for j in wide if isnan(state.start_s[j]) and (table.submit_s[j] < now_s or system.is_open(j))]
    if not jobs:
        return
    chained = table.depends_on is not None or table.waits is not None or table.array is not None
    if chained or any(system.is_open(job) for job in jobs):
        raise FacilityError(
            f"job {table.job_id[jobs[0]]} asks for {table.nodes[jobs[0]]} nodes, {state.n_nodes} are left, and other "
            "work may wait for it",
            where="changes.remove_nodes",
            hint="remove fewer nodes, or say when they come back",
        )
    for job in jobs:
        home[job] = -1
        if job in state.queue:
            system.withdraw(job)


def _rule_by(machine: Machine, policy: Policy) -> None:
    """Let another policy be in force."""
    old, machine.policy = machine.policy, policy
    if policy == old:
        return
    for system, partition in zip(machine.systems, machine.partitions.values(), strict=True):
        system.state.now_s = machine.clock.now
        partition = replace(partition, nodes=system.state.n_nodes)
        if _orders_by(policy) != _orders_by(old):
            order = queue_order(machine.table, machine.wants.est_s, partition, policy)
            if order is not None:
                _remember(system, order)
            system.waiting.reorder(order)
        system.follow(scheduling_rule(system.state, partition, policy, machine.scheduler))
        system.poke()


def _orders_by(policy: Policy) -> dict[str, object]:
    """Return what of a policy a queue order may look at."""
    if policy.order == "fcfs":
        return {"order": "fcfs"}
    only_rule = ("name", "backfill", "candidates", "depth", "reservations")
    return {key: value for key, value in vars(policy).items() if key not in only_rule}


def _remember(system: BatchSystem, order: object) -> None:
    """Tell a new queue order what jobs have run so far."""
    state, n, now_s = system.state, system.state.table.n, system.clock.now
    for entry in system.log:
        if 0 <= entry < n:
            order.started(entry, state.start_s[entry])  # type: ignore[attr-defined]
        elif entry < 0:
            order.ended(~entry, min(now_s, system.end_s(~entry)))  # type: ignore[attr-defined]


def _outlast(machine: Machine, system: BatchSystem, index: int) -> None:
    """Let the jobs of a partition that have not ended run for as long as they take."""
    state, table, wants = system.state, machine.table, machine.wants
    longer = (wants.home == index) & (table.runtime_s > wants.hold_s)
    now_s = machine.clock.now
    running = {job for end_s, job in system.running() if end_s > now_s}
    jobs = [
        job
        for job in np.flatnonzero(longer).tolist()
        if (isnan(state.start_s[job]) or job in running) and not system.is_open(job)
    ]
    wants.hold_s[jobs] = table.runtime_s[jobs]
    system.outlast(jobs, table.runtime_s)
