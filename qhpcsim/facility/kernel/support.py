"""What the replay kernel can replay, in words for whoever asked for something else."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from qhpcsim.core.records import JobTable
from qhpcsim.core.registry import lookup
from qhpcsim.facility.kernel.replay import SHORTEST_EST_S
from qhpcsim.scenario import Partition, Policy, Scheduler

_BACKFILLS = ("none", "easy", "conservative")


def unsupported(
    table: JobTable, policy: Policy, partition: Partition, scheduler: Scheduler | None = None
) -> str | None:
    """Return why the kernel cannot replay these jobs under this policy on this partition; None if it can.

    Jobs that outrun their requested time are the caller's to look for: only it knows whether they are killed.
    """
    if policy.semantics != "batch":
        return f"semantics {policy.semantics}"
    if policy.backfill not in _BACKFILLS:
        return f"backfilling {policy.backfill}"
    if policy.order != "fcfs" and lookup("order", policy.order, "policy.order").target.dynamic:
        return f"queue order {policy.order} changes while jobs wait"
    if partition.sharing != "exclusive":
        return "jobs share nodes"
    if partition.groups:
        return "nodes differ"
    if partition.can_break:
        return "nodes fail or are serviced"
    if scheduler is not None and any(getattr(scheduler, one.name) for one in fields(scheduler)):
        return "the scheduler works in cycles"
    if table.depends_on is not None and bool((table.depends_on >= 0).any()):
        return "jobs wait for other jobs"
    if table.waits is not None:
        return "jobs wait for other jobs"
    if table.array is not None:
        return "job arrays limit how many of their tasks run"
    if policy.backfill == "conservative" and policy.reservations == "kept":
        est_s = table.runtime_s if policy.estimates == "actual" else table.walltime_s
        if bool((np.minimum(est_s, table.walltime_s) < SHORTEST_EST_S).any()):
            return "jobs of no expected length cannot keep a reservation"
    return None
