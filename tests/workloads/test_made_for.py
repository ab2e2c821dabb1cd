"""`workload.made_for`: the same generated jobs on machines of any size."""

import numpy as np
import pytest

from qhpcsim import load, simulate
from qhpcsim.core.errors import ConfigError
from qhpcsim.simulation import build

LUBLIN = ["workload=lublin", "workload.n_jobs=100"]


def jobs(*overrides):
    return build(load("replay", [*LUBLIN, *overrides]))


def test_jobs_do_not_follow_the_machine():
    (own, _), (fixed, partitions) = jobs("facility.nodes=16"), jobs("facility.nodes=64", "workload.made_for.batch=16")
    for name in ("submit_s", "runtime_s", "nodes"):
        assert np.array_equal(getattr(own, name), getattr(fixed, name))
    assert partitions["batch"].nodes == 64
    following, _ = jobs("facility.nodes=64")
    assert following.submit_s[-1] < 0.5 * own.submit_s[-1]  # without it, four times the nodes get four times the work


def test_jobs_that_do_not_fit_are_rejected_in_plain_sight():
    small = simulate(load("replay", [*LUBLIN, "facility.nodes=4", "workload.made_for.batch=16"]))
    assert small.summary["n_rejected"] > 0


def test_rigid_jobs_beside_hybrid_ones_too():
    words = ["workload.rigid.load=0.3", "workload.rigid.n_jobs=50", "policy=easy"]
    tables = [
        build(load("hybrid_loop", [*words, f"facility.nodes={nodes}", "workload.made_for.batch=10"]))[0].table
        for nodes in (10, 40)
    ]
    assert np.array_equal(tables[0].submit_s, tables[1].submit_s)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["facility.nodes=16", "workload.made_for.bach=16"], "did you mean: batch"),
        (["facility.nodes=16", "workload.made_for.batch=0"], "at least 1 node"),
        (["workload=trace", "workload.path=jobs.csv", "workload.made_for.batch=16"], "is for generated jobs"),
    ],
)
def test_mistakes(words, complaint):
    with pytest.raises(ConfigError, match=complaint):
        jobs(*words) if "workload=trace" not in words else build(load("replay", words))
