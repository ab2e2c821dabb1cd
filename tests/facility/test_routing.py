"""Which partition takes a job, and which jobs are rejected."""

import numpy as np

from qhpcsim.core.records import Categories, JobTable
from qhpcsim.facility.routing import route
from qhpcsim.scenario import NodeGroup, Partition

CENTRE = {
    "cpu": Partition(nodes=64, cores_per_node=64),
    "h100": Partition(nodes=8, cores_per_node=64, gpus_per_node=4, gpu_type="h100"),
}


def jobs(nodes, **columns):
    n = len(nodes)
    zeros = np.zeros(n)
    return JobTable(np.arange(n), zeros, zeros + 1, zeros + 1, np.array(nodes, dtype=np.int32), **columns)


def words(*names):
    known = tuple(dict.fromkeys(name for name in names if name))
    return Categories(np.array([known.index(name) if name else -1 for name in names], dtype=np.int32), known)


def test_named_partitions_are_kept_or_the_job_is_rejected():
    table = jobs([1, 1, 1, 9], partition=words("h100", "cpu", "fat", "h100"))
    assert route(table, CENTRE).tolist() == [1, 0, -1, -1]


def test_unnamed_jobs_go_to_the_first_partition_that_could_hold_them():
    table = jobs([1, 1, 65, 1], gpus_per_node=np.array([0, 4, 0, 8], dtype=np.int32))
    assert route(table, CENTRE).tolist() == [0, 1, -1, -1]


def test_gpu_type_is_a_constraint():
    table = jobs([1, 1, 1], gpu_type=words("h100", "b200", ""))
    assert route(table, CENTRE).tolist() == [1, -1, 0]


def test_a_single_partition_takes_whatever_a_trace_calls_its_partition():
    assert route(jobs([1, 3], partition=words("queue7", "queue8")), {"batch": Partition(nodes=2)}).tolist() == [0, -1]


def test_features_and_memory_of_node_groups():
    mixed = Partition(
        nodes=3,
        cores_per_node=12,
        memory_per_node_bytes=48e9,
        groups={
            "thin": NodeGroup(nodes=2, features=("ib",)),
            "fat": NodeGroup(nodes=1, features=("ib", "bigmem"), memory_per_node_bytes=512e9),
        },
    )
    table = jobs(
        [3, 1, 2, 1],
        feature=words("ib", "bigmem", "bigmem", ""),
        memory_per_node_bytes=np.array([1e9, 500e9, 1e9, 600e9]),
    )
    assert route(table, {"mixed": mixed}).tolist() == [0, 0, -1, -1]
