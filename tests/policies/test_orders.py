"""Queue orders against their formulas, computed by hand."""

import math

import numpy as np
import pytest

from qhpcsim.core.records import JobTable
from qhpcsim.core.registry import lookup
from qhpcsim.scenario import Policy
from qhpcsim.simulation import simulate_table

SUBMIT_S, REQUESTED_S, NODES = [0.0, 100.0, 400.0], [3600.0, 60.0, 600.0], [4, 1, 16]
NOW_S = 1000.0
WAIT_S = [1000.0, 900.0, 600.0]
EXPECTED = {
    "fcfs": SUBMIT_S,
    "sjf": REQUESTED_S,
    "ljf": [-r for r in REQUESTED_S],
    "smallest_first": NODES,
    "largest_first": [-n for n in NODES],
    "wfp3": [-((w / r) ** 3) * n for w, r, n in zip(WAIT_S, REQUESTED_S, NODES, strict=True)],
    "unicef": [-1000 / (2 * 3600), -900 / (1e-15 * 60), -600 / (4 * 600)],
    "f1": [math.log10(3600) * 4, math.log10(60) + 870 * 2, math.log10(600) * 16 + 870 * math.log10(400)],
    "f2": [60 * 4, math.sqrt(60) + 25600 * 2, math.sqrt(600) * 16 + 25600 * math.log10(400)],
    "f3": [3600 * 4, 60 + 6860000 * 2, 600 * 16 + 6860000 * math.log10(400)],
    "f4": [3600 * 2, 60 + 530000 * 2, 600 * 4 + 530000 * math.log10(400)],
}


def table(runtime_s=None):
    return JobTable(
        job_id=np.arange(3),
        submit_s=np.array(SUBMIT_S),
        runtime_s=np.array(runtime_s or REQUESTED_S),
        walltime_s=np.array(REQUESTED_S),
        nodes=np.array(NODES, dtype=np.int32),
    )


@pytest.mark.parametrize("name", EXPECTED)
def test_formula(name):
    jobs = table()
    order = lookup("order", name).target(jobs, jobs.walltime_s, Policy(order=name), 16)
    assert order.keys(np.arange(3), NOW_S).tolist() == pytest.approx(EXPECTED[name])


def test_order_decides_who_goes_first():
    """One node, three jobs that arrive while it is busy: each order starts them in its own sequence."""
    runs = [10.0, 5.0, 7.0, 3.0]
    jobs = JobTable(
        job_id=np.arange(4),
        submit_s=np.array([0.0, 1.0, 2.0, 3.0]),
        runtime_s=np.array(runs),
        walltime_s=np.array(runs),
        nodes=np.ones(4, dtype=np.int32),
    )
    starts = {name: simulate_table(jobs, 1, Policy(order=name)).start_s.tolist() for name in ("fcfs", "sjf", "ljf")}
    assert starts["fcfs"] == [0, 10, 15, 22]
    assert starts["sjf"] == [0, 13, 18, 10]
    assert starts["ljf"] == [0, 17, 10, 22]


def test_dynamic_order_is_evaluated_at_every_pass():
    """WFP3: the long job's (w/r)^3 n overtakes the short one's only after it has waited."""
    jobs = JobTable(
        job_id=np.arange(3),
        submit_s=np.array([0.0, 1.0, 99.0]),
        runtime_s=np.array([100.0, 50.0, 10.0]),
        walltime_s=np.array([100.0, 50.0, 10.0]),
        nodes=np.array([2, 2, 1], dtype=np.int32),
    )
    assert simulate_table(jobs, 2, Policy(order="wfp3")).start_s.tolist() == [0, 100, 150]
