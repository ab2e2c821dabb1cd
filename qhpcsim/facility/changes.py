"""What an operator changes while the simulation runs: nodes that join or are drained, another policy, no more kills."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import isnan

import numpy as np

from qhpcsim.core.errors import ConfigError, FacilityError, nearest, shorten
from qhpcsim.core.records import IntArray, JobTable
from qhpcsim.facility.batch_system import BatchSystem
from qhpcsim.facility.changed_nodes import Step
from qhpcsim.facility.clock import Clock
from qhpcsim.facility.node_health import refuse_outages
from qhpcsim.facility.outcome import Demand
from qhpcsim.facility.routing import route
from qhpcsim.facility.rules import queue_order, scheduling_rule
from qhpcsim.facility.shared_nodes import needs_pool
from qhpcsim.policies.batch.changed import changed_policy
from qhpcsim.policies.batch.state import INF
from qhpcsim.scenario import Change, Partition, Policy, Scheduler

BEFORE_PASS = 1
"""SimPy priority of a change: before the ends, submissions and the batch pass of its instant."""


@dataclass(slots=True)
class Machine:
    """The batch side of a simulation: what there is to change."""

    clock: Clock
    table: JobTable
    wants: Demand
    partitions: dict[str, Partition]
    """As at the beginning."""
    systems: Sequence[BatchSystem]
    policy: Policy
    """In force."""
    scheduler: Scheduler


def grown(partitions: dict[str, Partition], changes: Sequence[Change]) -> dict[str, Partition]:
    """Return the partitions with room for all nodes that ever join: node ids count through these.

    Nodes are away, as after a failure, before they join and after they were drained.
    """
    found = dict(partitions)
    for change in changes:
        if change.add_nodes:
            name = partition_of(change, partitions)
            found[name] = replace(found[name], nodes=found[name].nodes + change.add_nodes)
    return found


def ungrown(partitions: dict[str, Partition], changes: Sequence[Change]) -> dict[str, Partition]:
    """Return the partitions at the beginning, the inverse of ``grown``."""
    found = dict(partitions)
    for change in changes:
        if change.add_nodes:
            name = partition_of(change, partitions)
            found[name] = replace(found[name], nodes=found[name].nodes - change.add_nodes)
    return found


def routed(table: JobTable, partitions: dict[str, Partition], changes: Sequence[Change]) -> IntArray:
    """Return each job's partition index, -1 for jobs that fit nowhere, as the machine is when they are submitted.

    Nodes that are drained for a time still count.
    """
    home, now = route(table, partitions), dict(partitions)
    for change in changes:
        lost = change.remove_nodes if change.until_s is None else 0
        if change.add_nodes or lost:
            name = partition_of(change, partitions)
            now[name] = replace(now[name], nodes=now[name].nodes + change.add_nodes - lost)
            later = np.isfinite(table.submit_s) & (table.submit_s >= change.at_s - table.zero_s)
            home = np.where(later, route(table, now), home)
    return home


def in_partitions(changes: Sequence[Change], partitions: dict[str, Partition]) -> list[Change]:
    """Return changes whose nodes belong to a partition by name, in order of time: others may be added to these.

    Raises:
        ConfigError: as ``partition_of``.
    """
    sized = [
        replace(each, partition=partition_of(each, partitions)) if each.add_nodes or each.remove_nodes else each
        for each in changes
    ]
    return sorted(sized, key=lambda each: each.at_s)


def partition_of(change: Change, partitions: dict[str, Partition]) -> str:
    """Return the name of the partition whose nodes a change is about.

    Raises:
        ConfigError: if it is not there, or several could be meant.
    """
    if change.partition in partitions:
        return change.partition
    if not change.partition and len(partitions) == 1:
        return next(iter(partitions))
    named = f"there is no partition {shorten(change.partition)!r}" if change.partition else "which partition?"
    raise ConfigError(
        named,
        where="changes.partition",
        allowed=shorten(", ".join(partitions), 300),
        suggestion=nearest(change.partition, partitions),
    )


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
        _check(machine, change, changes[:k])
        at_s = max(change.at_s - machine.table.zero_s, machine.clock.now)
        machine.clock.call_at(at_s, partial(_change, machine, change), BEFORE_PASS)


def _check(machine: Machine, change: Change, before: Sequence[Change]) -> None:
    """Refuse what could only fail on the way."""
    if min(change.add_nodes, change.remove_nodes, change.add_qpus) < 0:
        raise ConfigError("a number below 0", where="changes", allowed="add_nodes and remove_nodes, each 0 or more")
    resizes = bool(change.add_nodes or change.remove_nodes)
    if resizes:
        _check_nodes(machine, change, before)
    if (resizes or change.policy or change.overrun) and machine.policy.semantics != "batch":
        raise ConfigError(
            f"semantics {machine.policy.semantics!r} knows no changes on the way",
            where="policy.semantics",
            allowed="batch",
        )
    if change.policy:
        _check_rules(machine, changed_policy(machine.policy, change.policy))
    if change.overrun not in ("", "extend"):
        raise ConfigError(
            f"got {shorten(change.overrun)!r}",
            where="changes.overrun",
            allowed="extend: from kill to extend",
            suggestion=nearest(change.overrun, ["extend"]),
        )
    if change.overrun and machine.policy.estimates == "actual":
        raise ConfigError(
            "schedulers that see true run times would have to foresee it", where="changes.overrun", allowed="requested"
        )


def _check_nodes(machine: Machine, change: Change, before: Sequence[Change]) -> None:
    """Refuse nodes that cannot join or leave, as far as that is known beforehand."""
    name = partition_of(change, machine.partitions)
    _check_countable(name, machine.partitions[name], machine.policy)
    gone = [each for each in before if each.remove_nodes and each.until_s is None]
    there = grown(machine.partitions, before)[name].nodes - sum(
        each.remove_nodes for each in gone if partition_of(each, machine.partitions) == name
    )
    if change.remove_nodes >= there + change.add_nodes:
        raise ConfigError(
            f"{change.remove_nodes} of {there} nodes of partition {name}",
            where="changes.remove_nodes",
            allowed=f"1 … {there - 1}",
        )
    if change.until_s is not None and not change.at_s < change.until_s < INF:
        raise ConfigError(
            f"back at {change.until_s:g} s, gone from {change.at_s:g} s on",
            where="changes.until_s",
            allowed="an end after the start",
        )


def _check_countable(name: str, partition: Partition, policy: Policy) -> None:
    reason = ""
    if needs_pool(partition, policy):
        reason = "its nodes are shared or unlike, or the policy looks at single nodes"
    elif partition.can_break:
        reason = "its nodes fail or have planned outages"
    if reason:
        raise ConfigError(
            f"nodes cannot join or leave partition {name}: {reason}",
            where="changes",
            allowed="whole, like nodes (sharing exclusive, no groups, not policy slurm) that do not fail",
            hint="change the size from the beginning instead, or change the policy",
        )


def _check_rules(machine: Machine, policy: Policy) -> None:
    """Refuse a policy that plans with another kind of machine than the one in force does, or too far ahead."""
    kept = policy.backfill == "conservative" and policy.reservations == "kept"
    if kept and any(len(system.open_rows) for system in machine.systems):
        raise ConfigError(
            "jobs that others end cannot be planned in advance",
            where="changes.policy.reservations",
            allowed="replanned",
        )
    for name, partition in machine.partitions.items():
        if needs_pool(partition, policy) != needs_pool(partition, machine.policy):
            raise ConfigError(
                f"policy {policy.name} and policy {machine.policy.name} look at nodes in different ways",
                where="changes.policy",
                allowed="policy slurm from the beginning to the end, or not at all",
                hint="compare the two from the beginning: qhpcsim compare … policy=A,B",
            )
        if partition.can_break:
            refuse_outages(policy, needs_pool(partition, policy), name)
            if policy.order != machine.policy.order and policy.order != "fcfs":
                raise ConfigError(
                    f"another queue order where nodes of partition {name} fail",
                    where="changes.policy.order",
                    allowed=machine.policy.order,
                )


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
    rule, order = system.rule, system.order
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
            system.reorder(order)
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
