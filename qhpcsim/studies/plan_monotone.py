"""Where more nodes are proven never to delay a job, so that a plan may bisect."""

from __future__ import annotations

from typing import Any

import numpy as np

from qhpcsim.core.errors import QhpcsimError
from qhpcsim.core.records import JobTable
from qhpcsim.scenario import Scenario, Scheduler
from qhpcsim.simulation import build
from qhpcsim.studies.plan_points import Space
from qhpcsim.studies.plan_study import BELOW, Constraint

_OF_WAITS = ("wait_s", "turnaround_s", "slowdown", "bounded_slowdown", "pp_bounded_slowdown")
FIGURES = frozenset(
    f"{start}_{name}" for start in ("mean", "max", "p50", "p90", "p95", "p99") for name in _OF_WAITS
) - {"max_pp_bounded_slowdown"}
"""Figures over all jobs that cannot rise if no job starts later."""


def falls_with_nodes(constraint: Constraint) -> bool:
    """Return whether a constraint that fails at some nodes fails at fewer, where ``chain_axis`` gives an axis."""
    return constraint.side == BELOW and constraint.figure in FIGURES


def chain_axis(space: Space) -> int | None:
    """Return the variable along which points with the proof below are ordered; None if there is none."""
    for axis, variable in enumerate(space.study.variables):
        partitions = space.base.facility.partitions
        only = f"facility.partitions.{next(iter(partitions), '')}.nodes" if len(partitions) == 1 else "facility.nodes"
        if variable.key == only and all(value.isdecimal() for value in variable.values):
            return axis
    return None


def chain_of(space: Space, point: int, axis: int, seed: int) -> tuple[int, ...]:
    """Return the points that differ from one in nodes only, by nodes, if more of them are proven to delay no job.

    Model: strict first come, first served without backfilling, rigid jobs alone on whole nodes of one partition that
        never break: by induction over the queue each job starts no later on more nodes. All must get the same jobs,
        and the smallest machine must hold the largest.
    Not modelled: backfilling, QPUs, applications, failures, dependencies; there more nodes can delay a job (Graham's
        anomalies), and this returns no chain.
    Source: Graham, "Bounds on multiprocessing timing anomalies", SIAM J. Appl. Math. 17 (1969), doi:10.1137/0117039,
        for why it does not hold otherwise.
    """
    places = space.places(point)
    sizes = [int(value) for value in space.study.variables[axis].values]
    chain = tuple(
        space.at((*places[:axis], place, *places[axis + 1 :]))
        for place in sorted(range(len(sizes)), key=lambda place: sizes[place])
    )
    try:
        scenario = space.scenario(point, seed)
        if not _is_strict(scenario):
            return ()
        small, large = (build(space.scenario(end, seed))[0] for end in (chain[0], chain[-1]))
    except QhpcsimError:  # a point that cannot be built proves nothing
        return ()
    if not (isinstance(small, JobTable) and isinstance(large, JobTable) and _same(small, large)):
        return ()
    return chain if _is_plain(small) and small.n and int(small.nodes.max()) <= min(sizes) else ()


def _is_strict(scenario: Scenario) -> bool:
    """Return whether the rules are those of the proof."""
    policy, facility = scenario.policy, scenario.facility
    rules = policy.backfill == "none" and policy.order == "fcfs" and policy.semantics == "batch"
    parts = facility.partitions.values()
    steady = not facility.failures.mtbf_s and not facility.failures.fixed_s and not facility.outages
    plain = all(part.sharing == "exclusive" and not part.can_break and not part.groups for part in parts)
    return rules and steady and plain and scenario.scheduler == Scheduler() and not scenario.qpu.qpus


def _is_plain(table: JobTable) -> bool:
    """Return whether no job waits for anything but nodes."""
    free = table.depends_on is None or bool((table.depends_on < 0).all())
    return free and table.waits is None and table.array is None and table.feature is None


def _same(one: JobTable, other: JobTable) -> bool:
    names = ("submit_s", "runtime_s", "walltime_s", "nodes")
    columns: list[tuple[Any, Any]] = [(getattr(one, name), getattr(other, name)) for name in names]
    return all(np.array_equal(a, b) for a, b in columns)
