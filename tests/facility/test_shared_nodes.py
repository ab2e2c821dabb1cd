"""The pool of shared nodes: who gets which nodes, and nothing is lost."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qhpcsim.core.errors import InvariantError
from qhpcsim.core.records import Categories
from qhpcsim.facility.replay import replay
from qhpcsim.facility.shared_nodes import SharedPool
from qhpcsim.policies.batch.multifactor import SlurmPolicy
from qhpcsim.scenario import NodeGroup, Partition, Policy, Scheduler
from tests.job_tables import table

SHARED = Partition(
    nodes=5,
    cores_per_node=4,
    memory_per_node_bytes=8.0,
    sharing="cores",
    groups={
        "a": NodeGroup(3, ("fast",), switch="s1"),
        "b": NodeGroup(1, ("big",), memory_per_node_bytes=32.0, switch="s2"),
        "g": NodeGroup(1, gpus_per_node=2, switch="s2"),
    },
)


def wants(nodes, cores, gpus=None, memory=None, feature=None):
    n = len(nodes)
    made = table([0] * n, nodes, [1] * n)
    made.cores_per_node = np.array(cores, dtype=np.int32)
    made.gpus_per_node = None if gpus is None else np.array(gpus, dtype=np.int32)
    made.memory_per_node_bytes = None if memory is None else np.array(memory, dtype=float)
    if feature is not None:
        names = ("fast", "big", "none")
        made.feature = Categories(np.array([names.index(f) if f else -1 for f in feature], dtype=np.int32), names)
    return made


def placed(pool, job):
    nodes = pool.place(job)
    if nodes is not None:
        pool.take(job, nodes)
    return nodes


def test_leaf_with_fewest_nodes_that_suffices():
    pool = SharedPool(wants([1, 2, 1, 4], [4, 4, 4, 1]), SHARED)
    assert placed(pool, 0) == (3,)
    assert placed(pool, 1) == (0, 1)
    assert placed(pool, 2) == (2,)
    assert placed(pool, 3) is None
    pool.release(1)
    assert placed(pool, 3) is None
    pool.release(2)
    assert placed(pool, 3) == (0, 1, 2, 4)


def test_gpus_memory_and_features():
    pool = SharedPool(
        wants([1, 1, 1, 1, 1], [1] * 5, [2, 1, 0, 0, 0], [0, 0, 30, 9, 0], ["", "", "", "fast", "none"]), SHARED
    )
    assert placed(pool, 0) == (4,)
    assert placed(pool, 1) is None
    assert placed(pool, 2) == (3,)
    assert [pool.can_ever_fit(job) for job in range(5)] == [True, True, True, False, False]


def test_no_cores_means_the_whole_node():
    pool = SharedPool(wants([1, 1, 5], [1, 0, 0]), SHARED)
    assert placed(pool, 0) == (3,)
    assert placed(pool, 1) == (4,)
    assert pool.idle_nodes == 3
    assert pool.place(2) is None
    with pytest.raises(InvariantError, match="no room"):
        pool.take(2, (0, 1, 2, 3, 4))


def test_a_copy_is_independent():
    pool = SharedPool(wants([5], [4]), SHARED)
    twin = pool.copy()
    twin.take(0, (0, 1, 2, 3, 4))
    assert pool.idle_nodes == 5 and not pool.holding


JOB = st.tuples(
    st.integers(0, 30), st.integers(1, 3), st.integers(0, 10), st.integers(1, 10), st.integers(0, 4), st.integers(0, 1),
    st.sampled_from([0.0, 4.0, 20.0]),
)  # fmt: skip
RULES = [
    (Policy(), Scheduler()),
    (Policy(backfill="easy"), Scheduler()),
    (Policy(backfill="conservative"), Scheduler()),
    (Policy(backfill="easy"), Scheduler(interval_s=7)),
    (SlurmPolicy(), Scheduler()),
    (SlurmPolicy(), Scheduler(interval_s=6, bf_interval_s=4, bf_resolution_s=2)),
]


@settings(max_examples=60, deadline=None)
@given(st.lists(JOB, min_size=1, max_size=30), st.sampled_from(RULES))
def test_no_node_is_ever_overcommitted(rows, rule):
    submit, nodes, run, asked, cores, gpus, memory = zip(*sorted(rows), strict=True)
    made = table(submit, nodes, run, asked)
    made.cores_per_node = np.array(cores, dtype=np.int32)
    made.gpus_per_node = np.array(gpus, dtype=np.int32)
    made.memory_per_node_bytes = np.array(memory)
    schedule = replay(made, {"p": SHARED}, *rule)
    check = SharedPool(made, SHARED)
    for entry in schedule.order.tolist():
        if entry < 0:
            check.release(~entry)
            continue
        spans = range(schedule.offset[entry], schedule.offset[entry + 1])
        check.take(entry, [k for s in spans for k in range(schedule.lo[s], schedule.hi[s] + 1)])
    assert not check.holding and check.idle_nodes == 5
    fits = np.array([check.can_ever_fit(job) for job in range(made.n)])
    assert (np.isfinite(schedule.start_s) == fits).all()
    assert (schedule.start_s[fits] >= made.submit_s[fits]).all()


def test_a_single_cycle_starts_jobs_on_its_timetable_only():
    """A job that arrives between two cycles waits for the next one, even with the machine empty."""
    made = table([0, 24], [1, 2], [3, 9], [3, 9])
    partition = dataclasses.replace(SHARED, nodes=2, groups={}, memory_per_node_bytes=0.0)
    schedule = replay(made, {"p": partition}, Policy(backfill="easy"), Scheduler(interval_s=7))
    assert schedule.start_s.tolist() == [7, 28]


def test_main_cycle_waits_for_its_turn_and_backfill_respects_the_head():
    made = table([0, 1, 2, 3], [1, 2, 1, 1], [10, 5, 3, 30], [10, 5, 3, 30])
    partition = dataclasses.replace(SHARED, nodes=2, groups={}, memory_per_node_bytes=0.0)
    policy = SlurmPolicy(weight_fairshare=0.0, weight_age=0.0, batch_sched_delay_s=0.0)
    schedule = replay(made, {"p": partition}, policy, Scheduler(interval_s=60, bf_interval_s=4))
    assert schedule.start_s.tolist() == [0, 10, 4, 15]
