"""What a typed scenario must also obey: words of a fixed set, registered names, keys that exclude others."""

from __future__ import annotations

from collections.abc import Iterable

from qhpcsim.config.names import NAME
from qhpcsim.config.tree import Tree
from qhpcsim.config.validate_qpu import check_qpus
from qhpcsim.core.errors import ConfigError, UnknownNameError, nearest, shorten
from qhpcsim.core.registry import entries
from qhpcsim.scenario import (
    CANDIDATES,
    ENGINES,
    ESTIMATES,
    OVERRUN,
    RESERVATIONS,
    SEMANTICS,
    SHARING,
    Scenario,
    TraceWorkload,
)


def check(scenario: Scenario, tree: Tree) -> None:
    """Raise the first mistake in a scenario whose types are right.

    Raises:
        ConfigError: naming the key.
        UnknownNameError: for an order, backfill, policy or format that is not registered.
        CardError: for a QPU whose card does not exist or is wrong.
    """
    if not NAME.fullmatch(scenario.name) or scenario.name in (".", ".."):
        raise ConfigError(
            f"{shorten(scenario.name)!r} cannot be a name",
            where=tree.where(("name",)),
            allowed="1 to 100 letters, digits and . _ -",
        )
    _word(scenario.engine, ENGINES, ("engine",), tree)
    if scenario.baseline:
        _registered("policy", scenario.baseline, ("baseline",), tree, "policies")
    _policy(scenario, tree)
    _workload(scenario, tree)
    _facility(scenario, tree)
    check_qpus(scenario, tree)


def _policy(scenario: Scenario, tree: Tree) -> None:
    policy = scenario.policy
    _registered("order", policy.order, ("policy", "order"), tree, "orders")
    _registered("backfill", policy.backfill, ("policy", "backfill"), tree, "backfills")
    _word(policy.candidates, CANDIDATES, ("policy", "candidates"), tree)
    _word(policy.reservations, RESERVATIONS, ("policy", "reservations"), tree)
    _word(policy.semantics, SEMANTICS, ("policy", "semantics"), tree)
    _word(policy.estimates, ESTIMATES, ("policy", "estimates"), tree)


def _workload(scenario: Scenario, tree: Tree) -> None:
    workload = scenario.workload
    _word(workload.overrun, OVERRUN, ("workload", "overrun"), tree)
    if not isinstance(workload, TraceWorkload):
        return
    if not workload.path:
        raise ConfigError(
            "is empty: this scenario replays a workload file, and none is named",
            where=tree.where(("workload", "path")),
            allowed="an SWF, Batsim, sacct or table file, also .gz",
            hint="add workload.path=FILE, or generate jobs with workload=lublin",
        )
    if workload.format != "auto":
        _registered("format", workload.format, ("workload", "format"), tree, "formats", also=("auto",))


def _facility(scenario: Scenario, tree: Tree) -> None:
    facility = scenario.facility
    if facility.nodes is not None and facility.partitions:
        first = next(iter(facility.partitions))
        raise ConfigError(
            "is for a facility of one partition, and this one has named partitions",
            where=tree.where(("facility", "nodes")),
            allowed=", ".join(f"facility.partitions.{name}.nodes" for name in list(facility.partitions)[:8]),
            hint=f"facility.partitions.{first}.nodes={facility.nodes}, or facility=single",
        )
    for name, partition in facility.partitions.items():
        key = ("facility", "partitions", name)
        _word(partition.sharing, SHARING, (*key, "sharing"), tree)
        if partition.groups and (total := sum(group.nodes for group in partition.groups.values())) != partition.nodes:
            raise ConfigError(
                f"the node groups add up to {total} nodes, the partition has {partition.nodes}",
                where=tree.where((*key, "groups")),
                hint=f"{'.'.join(key)}.nodes={total}, or change the groups",
            )


def _word(value: str, allowed: Iterable[str], key: tuple[str, ...], tree: Tree) -> None:
    allowed = tuple(allowed)
    if value not in allowed:
        raise ConfigError(
            f"got {shorten(value)!r}",
            where=tree.where(key),
            allowed=", ".join(allowed),
            suggestion=nearest(value, allowed),
        )


def _registered(
    kind: str, name: str, key: tuple[str, ...], tree: Tree, plural: str, also: tuple[str, ...] = ()
) -> None:
    known = (*also, *entries(kind))
    if name not in known:
        raise UnknownNameError(
            f"unknown {kind} {shorten(name)!r}",
            where=tree.where(key),
            allowed=shorten(", ".join(known), 600),
            suggestion=nearest(name, known),
            hint=f"qhpcsim list {plural}",
        )
