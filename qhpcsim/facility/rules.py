"""The scheduling rule and the queue order that a policy means for one partition."""

from __future__ import annotations

from typing import Any

from qhpcsim.core.errors import ConfigError
from qhpcsim.core.records import FloatArray, JobTable
from qhpcsim.core.registry import lookup
from qhpcsim.facility.shared_nodes import needs_pool
from qhpcsim.policies.batch.state import QueueState
from qhpcsim.scenario import Partition, Policy, Scheduler


def queue_order(table: JobTable, est_s: FloatArray, partition: Partition, policy: Policy) -> Any:
    """Return the order of a partition's queue; None: first come, first served."""
    if policy.order == "fcfs":
        return None
    order = lookup("order", policy.order, "policy.order").target(table, est_s, policy, partition.nodes)
    if hasattr(order, "use_machine"):
        order.use_machine(table, partition)
    return order


def scheduling_rule(state: QueueState, partition: Partition, policy: Policy, scheduler: Scheduler) -> Any:
    """Return the rule that says which waiting jobs of a partition start."""
    rule = lookup("backfill", _rule_name(policy, partition), "policy.backfill").target(state, policy)
    if hasattr(rule, "use_scheduler"):
        rule.use_scheduler(scheduler)
    return rule


def _rule_name(policy: Policy, partition: Partition) -> str:
    if partition.outages:
        if policy.backfill not in ("none", "easy", "conservative"):
            raise ConfigError(
                f"backfilling {policy.backfill!r} cannot plan around outages",
                where="policy.backfill",
                allowed="none, easy, conservative",
            )
        return f"around_{policy.backfill}"
    if needs_pool(partition, policy) and policy.backfill in ("none", "easy", "conservative"):
        return f"placed_{policy.backfill}"
    if policy.semantics == "batsched" and policy.backfill != "none":
        return f"batsched_{policy.backfill}"
    if policy.semantics == "pyss" and policy.backfill == "conservative":
        return "pyss_conservative"
    return policy.backfill
