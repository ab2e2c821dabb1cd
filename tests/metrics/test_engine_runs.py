"""The engine's own runs break no rule: random workloads, every built-in policy, both conventions of an instant."""

import numpy as np
import pytest

from qhpcsim.core.records import JobTable
from qhpcsim.metrics.invariants import check_run
from qhpcsim.results.result import Result
from qhpcsim.scenario import Partition, Policy, Scenario
from qhpcsim.simulation import simulate_table

POLICIES = [
    Policy(name=name, backfill=backfill, semantics=semantics, reservations=reservations)
    for name, backfill, reservations in (
        ("fcfs", "none", "replanned"),
        ("easy", "easy", "replanned"),
        ("conservative", "conservative", "replanned"),
        ("conservative", "conservative", "kept"),
    )
    for semantics in ("batch", "each")
]


def workload(seed):
    """Jobs with exact, generous or short estimates; whole seconds (many ties) or real ones, near zero or Unix time."""
    draw = np.random.default_rng(seed)
    n, nodes = int(draw.integers(5, 300)), int(draw.integers(4, 33))
    submit, run = np.cumsum(draw.exponential(20.0, n)), draw.lognormal(3.0, 1.2, n)
    if seed % 2:
        submit, run = np.floor(submit), np.floor(run)
    limit = run if seed % 3 == 0 else run * draw.choice([1.0, 1.0, 1.5, 3.0, 0.7], n)
    width = np.minimum(draw.geometric(0.25, n), nodes + 1).astype(np.int32)
    zero_s = 1.7e9 if seed % 4 < 2 else 0.0
    return JobTable(np.arange(n), submit - submit[0], run, np.maximum(limit, 1e-3), width, zero_s=zero_s), nodes


@pytest.mark.parametrize("overrun", ["kill", "extend"])
@pytest.mark.parametrize("seed", range(6))
def test_no_rule_is_broken(seed, overrun):
    table, nodes = workload(seed)
    partitions = {"batch": Partition(nodes=nodes, idle_w=90.0, busy_w=300.0)}
    for policy in POLICIES:
        schedule = simulate_table(table, nodes, policy, overrun=overrun)
        result = Result(Scenario(policy=policy), table, schedule, partitions)
        found = check_run(result.jobs, result.summary, partitions, policy, overrun=overrun, workload=table)
        assert found == [], policy
