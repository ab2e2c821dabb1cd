"""Every factor of Slurm's priority against values worked out by hand from its documentation."""

import math

import numpy as np
import pytest

from qhpcsim.core.errors import ConfigError
from qhpcsim.core.records import Categories
from qhpcsim.policies.batch.fairshare import Association, Usage, classic, fair_tree
from qhpcsim.policies.batch.multifactor import MultifactorOrder, MultifactorPolicy
from qhpcsim.policies.batch.node_space import NodeSpace
from qhpcsim.scenario import Partition
from tests.job_tables import table

ONLY = {"weight_age": 0.0, "weight_fairshare": 0.0, "weight_job_size": 0.0, "weight_partition": 0.0}


def priorities(made, now_s=0.0, partition=None, **params):
    order = MultifactorOrder(made, made.walltime_s, MultifactorPolicy(**{**ONLY, "calc_period_s": 0.0, **params}), 10)
    if partition is not None:
        order.use_machine(made, partition)
    return (-order.keys(np.arange(made.n), now_s)).tolist()


def words(*column):
    names = tuple(dict.fromkeys(column))
    return Categories(np.array([names.index(word) for word in column], dtype=np.int32), names)


def test_age_grows_to_the_maximum():
    made = table([0, 500, 900], [1, 1, 1], [1, 1, 1])
    assert priorities(made, 1000.0, weight_age=1000.0, max_age_s=800.0) == [1000, 625, 125]


def test_job_size_is_the_mean_of_node_and_core_fractions():
    made = table([0, 0], [1, 8], [1, 1])
    made.cores_per_node = np.array([6, 12], dtype=np.int32)
    machine = Partition(nodes=10, cores_per_node=12, sharing="cores")
    size = {"weight_job_size": 200000.0}
    assert priorities(made, partition=machine, **size) == [15000, 160000]
    assert priorities(made, partition=machine, favor_small=True, **size) == pytest.approx([185000, 40000], abs=1)
    assert priorities(made, partition=machine, size_counts_nodes=False, **size) == [15000, 90000]


def test_qos_and_partition_relative_to_the_highest():
    made = table([0, 0], [1, 1], [1, 1])
    made.qos, made.partition = words("normal", "high"), words("slow", "quick")
    assert priorities(made, weight_qos=1000.0, qos_priority={"high": 50, "top": 100}) == [0, 500]
    assert priorities(made, weight_partition=1000.0, partition_priority={"quick": 4}) == [250, 1000]


def test_priorities_are_computed_every_period_only():
    made = table([0, 10], [1, 1], [1, 1])
    order = MultifactorOrder(
        made, made.walltime_s, MultifactorPolicy(**{**ONLY, "weight_age": 100.0, "max_age_s": 100.0}), 1
    )
    jobs = np.arange(2)
    assert (-order.keys(jobs, 299.0)).tolist() == [0, 0]
    assert (-order.keys(jobs, 301.0)).tolist() == [100, 100]


def test_usage_halves_every_half_life():
    usage = Usage(1, 3600.0)
    usage.started(0, 0, 10.0, 0.0)
    usage.ended(0, 100.0)
    at_end = 10 * 3600 / math.log(2) * (1 - 2 ** (-100 / 3600))
    assert usage.update(100.0) == pytest.approx([at_end])
    assert usage.update(3700.0) == pytest.approx([at_end / 2])


def test_running_jobs_count_whenever_one_looks():
    once, often = Usage(1, 500.0), Usage(1, 500.0)
    for usage in (once, often):
        usage.started(7, 0, 3.0, 0.0)
    for now_s in range(10, 300, 10):
        often.update(float(now_s))
    assert often.update(300.0) == pytest.approx(once.update(300.0))


TEAM = [Association("A", "a1"), Association("A", "a2"), Association("B", "b1")]


def test_classic_halves_at_the_promised_share():
    alone = [Association("A", "a"), Association("B", "b")]
    assert classic(alone, [5.0, 5.0]) == [0.5, 0.5]
    assert classic(alone, [10.0, 0.0]) == [0.25, 1.0]
    assert classic(alone, [5.0, 5.0], damping=2.0) == pytest.approx([2**-0.5] * 2)
    assert classic(alone, [5.0, 5.0], idle_shares=2.0) == [0.25, 0.25]


def test_classic_siblings_share_the_blame():
    a1, a2, b1 = classic(TEAM, [8.0, 0.0, 2.0])
    assert (a1, a2, b1) == pytest.approx((2**-3.2, 2**-1.6, 2**-0.4))


def test_fair_tree_ranks_accounts_before_users():
    assert fair_tree(TEAM, [1.0, 2.0, 9.0]) == pytest.approx([3 / 3, 2 / 3, 1 / 3])
    assert fair_tree(TEAM, [4.0, 6.0, 3.0]) == pytest.approx([2 / 3, 1 / 3, 3 / 3])


def test_fair_tree_ties_share_the_better_rank():
    assert fair_tree(TEAM, [0.0, 0.0, 0.0]) == [1.0, 1.0, 1.0]
    assert fair_tree(TEAM, [0.0, 0.0, 3.0], n_idle=2) == pytest.approx([1.0, 1.0, 1 / 5])
    assert fair_tree(TEAM, [1.0, 3.0, 0.0], n_idle=1) == pytest.approx([2 / 4, 1 / 4, 1.0])


def test_unknown_fair_share_names_the_nearest():
    made = table([0], [1], [1])
    with pytest.raises(ConfigError, match="did you mean: classic"):
        MultifactorOrder(made, made.walltime_s, MultifactorPolicy(fairshare="clasic"), 1)


def test_node_space():
    space = NodeSpace(0.0, 0b111)
    space.reserve(10.0, 20.0, 0b011)
    assert space.available(0.0, 9.0) == (0b111, 10.0)
    assert space.available(0.0, 10.0) == (0b100, 10.0)
    assert space.available(20.0, 99.0) == (0b111, math.inf)
    assert space.overlaps(15.0, 30.0, 0b001) and not space.overlaps(20.0, 30.0, 0b001)
