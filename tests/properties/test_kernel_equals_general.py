"""The compiled kernel and the SimPy path give identical schedules for every order x backfill that they share."""

import numpy as np
import pytest

from qhpcsim.core.records import JobTable
from qhpcsim.core.registry import entries
from qhpcsim.scenario import Policy
from qhpcsim.simulation import simulate_table

STATIC = [name for name, entry in entries("order").items() if not entry.target.dynamic]
BACKFILLS = [
    {"backfill": "none"},
    {"backfill": "easy"},
    {"backfill": "easy", "candidates": "sjf"},
    {"backfill": "easy", "depth": 3},
    {"backfill": "conservative"},
    {"backfill": "conservative", "depth": 2},
    {"backfill": "conservative", "reservations": "kept"},
]


def workload(seed: int, n: int, grid: bool) -> JobTable:
    """Return random jobs; on a grid of whole seconds many events coincide, off it none do."""
    rng = np.random.default_rng(seed)
    nodes = int(rng.integers(2, 40))
    runtime = rng.integers(0, 60, n).astype(float) if grid else rng.lognormal(3, 1.2, n)
    stretch = rng.choice([0.5, 1.0, 1.0, 2.0, 5.0], n)
    walltime = np.maximum(1.0, np.floor(runtime * stretch) if grid else runtime * stretch)
    submit = np.sort(rng.integers(0, int(n * rng.uniform(2, 30)), n)).astype(float)
    if not grid:
        submit = np.sort(submit + rng.random(n))
    sizes = rng.integers(1, nodes + 1, n) if seed % 2 else np.minimum(nodes, 2 ** rng.integers(0, 4, n))
    table = JobTable(np.arange(n), submit, runtime, walltime, sizes.astype(np.int32))
    table.machine_nodes = nodes
    return table


@pytest.mark.parametrize("order", STATIC)
@pytest.mark.parametrize("rules", BACKFILLS, ids=lambda rules: "-".join(map(str, rules.values())))
def test_same_schedule(order, rules):
    for seed in range(12):
        table = workload(seed, 120, grid=seed % 3 != 0)
        policy = Policy(order=order, **rules)
        assert table.machine_nodes is not None
        general = simulate_table(table, table.machine_nodes, policy, engine="general")
        kernel = simulate_table(table, table.machine_nodes, policy, engine="kernel")
        assert np.array_equal(general.start_s, kernel.start_s), seed
        assert np.array_equal(general.lo, kernel.lo), seed
        assert sorted(general.order.tolist()) == sorted(kernel.order.tolist()), seed
