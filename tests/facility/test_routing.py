"""Which partition takes a job, and which jobs are rejected."""

import numpy as np

from qhpcsim.core.records import Categories, JobTable
from qhpcsim.facility.routing import nodes_like_log, route, why_nowhere
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


def test_nodes_of_which_only_the_number_is_known_hold_what_any_job_of_the_log_asks_of_one():
    table = jobs(
        [1, 2, 3],
        cores_per_node=np.array([64, 16, 1], dtype=np.int32),
        gpus_per_node=np.array([0, 4, 0], dtype=np.int32),
        gpu_type=words("", "a100", ""),
        memory_per_node_bytes=np.array([1e12, 0.0, 0.0]),
        feature=words("ib", "", ""),
    )
    alone = Partition(nodes=2)
    assert route(table, {"batch": alone}).tolist() == [-1, -1, -1]
    known = nodes_like_log(table, alone)
    assert (known.nodes, known.cores_per_node, known.gpus_per_node, known.gpu_type) == (2, 64, 4, "a100")
    assert route(table, {"batch": known}).tolist() == [0, 0, -1]
    assert nodes_like_log(jobs([1]), alone) == alone


def test_why_a_job_fits_nowhere():
    table = jobs(
        [1, 99, 1, 1, 1, 1],
        partition=words("fat", "", "h100", "", "", "cpu"),
        cores_per_node=np.array([0, 0, 65, 0, 0, 64], dtype=np.int32),
        gpus_per_node=np.array([0, 0, 0, 5, 1, 1], dtype=np.int32),
        gpu_type=words("", "", "", "", "b200", ""),
    )
    assert [why_nowhere(table, CENTRE, job) for job in range(6)] == [
        "partition 'fat', and there is none of that name",
        "99 nodes, and there are 64",
        "65 cores a node, and there are 64",
        "5 GPUs a node, and there are 4",
        "GPUs 'b200', and there are none",
        "1 GPUs a node, and there are 0",
    ]
