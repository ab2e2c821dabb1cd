"""What the kernel says it cannot replay."""

from __future__ import annotations

import numpy as np
import pytest

from qhpcsim.core.records import JobTable
from qhpcsim.facility.kernel import unsupported
from qhpcsim.scenario import NodeGroup, Partition, Policy, Scheduler


def table(**more) -> JobTable:
    return JobTable(np.arange(2), np.zeros(2), np.ones(2), np.ones(2), np.ones(2, np.int32), **more)


@pytest.mark.parametrize("backfill", ["none", "easy", "conservative"])
@pytest.mark.parametrize("order", ["fcfs", "sjf", "f1"])
def test_replays_rigid_jobs_under_static_orders(backfill, order):
    policy = Policy(order=order, backfill=backfill, reservations="kept")
    assert unsupported(table(), policy, Partition(nodes=4), Scheduler()) is None


@pytest.mark.parametrize(
    ("policy", "partition", "scheduler", "jobs", "reason"),
    [
        (Policy(semantics="pyss"), Partition(), Scheduler(), table(), "semantics pyss"),
        (Policy(order="wfp3"), Partition(), Scheduler(), table(), "wfp3 changes"),
        (Policy(), Partition(sharing="cores"), Scheduler(), table(), "share"),
        (Policy(), Partition(groups={"a": NodeGroup()}), Scheduler(), table(), "differ"),
        (Policy(), Partition(), Scheduler(interval_s=30.0), table(), "cycles"),
        (Policy(), Partition(), Scheduler(), table(depends_on=np.array([-1, 0], np.int32)), "wait for other jobs"),
    ],
)
def test_gives_the_reason(policy, partition, scheduler, jobs, reason):
    assert reason in (unsupported(jobs, policy, partition, scheduler) or "")
