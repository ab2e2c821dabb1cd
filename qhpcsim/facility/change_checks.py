"""Refuses changes that are impossible on a machine, before anything runs."""

from __future__ import annotations

from collections.abc import Sequence

from qhpcsim.core.errors import ConfigError, nearest, shorten
from qhpcsim.facility.changed_sizes import grown, partition_of
from qhpcsim.facility.machine import Machine
from qhpcsim.facility.node_health import refuse_outages
from qhpcsim.facility.shared_nodes import needs_pool
from qhpcsim.policies.batch.changed import changed_policy
from qhpcsim.policies.batch.state import INF
from qhpcsim.scenario import Change, Partition, Policy


def check(machine: Machine, change: Change, before: Sequence[Change]) -> None:
    """Refuse a change that could only fail on the way.

    Args:
        machine: What there is to change.
        change: The change.
        before: Those that come before it.

    Raises:
        ConfigError: if it is impossible here.
    """
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
