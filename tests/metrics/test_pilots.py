"""Node and GPU time of pilots, against sums by hand and against plain loops."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from qhpcsim.metrics.pilots import busy_nodes, pilot_table, pilot_tasks, united_by, used_gpu_s, used_node_s

PARTS = [SimpleNamespace(nodes=4, gpus_per_node=0), SimpleNamespace(nodes=8, gpus_per_node=4)]


def pilots():
    """Two pilots among three jobs: 2 nodes for 100 s on the second partition, 3 nodes for 50 s on the first."""
    return pilot_table(
        ["a/0", "rigid", "b/1", "c/0"],
        ["a", "b"],
        np.array([2, 9, 3, 1]),
        np.array([10.0, 0.0, 20.0, 0.0]),
        np.array([110.0, 5.0, 70.0, 9.0]),
        np.array([4, 6, 0, 5]),
        PARTS,
    )


def test_pilots_are_found_by_name():
    found = pilots()
    assert found.name == ["a/0", "b/1"]
    assert found.owner.tolist() == [0, 1]
    assert found.row.tolist() == [0, 2]
    assert found.partition.tolist() == [1, 0]
    assert found.held_node_s.tolist() == [200.0, 150.0]
    assert found.held_gpu_s.tolist() == [800.0, 0.0]


def test_a_pilot_that_never_started_holds_nothing():
    nan = np.array([np.nan])
    found = pilot_table(["a/0"], ["a"], np.array([2]), nan, nan, np.array([-1]), PARTS)
    assert found.partition.tolist() == [-1]
    assert found.held_node_s.tolist() == [0.0]
    assert found.gpus_per_node.tolist() == [0.0]


def test_use_by_hand():
    """Node 0: 20–60 and 50–90 overlap (70 s); node 1: 30–40 (10 s); the gang has both from 95 to its pilot's end."""
    made = pilot_tasks(
        pilots(),
        ["a/0", "a/0", "a/0", "a/0", "", "a/0", "a/0"],
        ["node0", "node0", "node1", "node0+1", "", "", "node1"],
        np.array([1.0, 0.5, 2.0, 8.0, 1.0, 1.0, 4.0]),
        np.array([20.0, 50.0, 30.0, 95.0, 0.0, np.nan, 40.0]),
        np.array([60.0, 90.0, 40.0, 400.0, 9.0, 30.0, np.nan]),
        np.array([False, False, False, False, False, False, True]),
    )
    assert made.row.tolist() == [0, 1, 2, 3]
    assert used_node_s(made, 2).tolist() == [70.0 + 10.0 + 2 * 15.0, 0.0]
    assert used_gpu_s(made, 2).tolist() == [40.0 + 0.5 * 40.0 + 2 * 10.0 + 8 * 15.0, 0.0]


def test_busy_nodes_against_plain_loops():
    rng = np.random.default_rng(3)
    m, k = 400, 2
    start_s = rng.uniform(20, 60, m)
    table = pilots()
    worker = [f"node{node}" for node in rng.integers(0, 2, m)]
    end_s = start_s + rng.exponential(0.4, m)
    made = pilot_tasks(
        table, [table.name[p] for p in rng.integers(0, k, m)], worker, np.ones(m), start_s, end_s, np.zeros(m, bool)
    )
    found = used_node_s(made, k)
    for pilot in range(k):
        total = 0.0
        for node in (0, 1):
            reach = -np.inf
            mine = (made.pilot == pilot) & (made.node == node)
            for begin, end in sorted(zip(made.start_s[mine], made.end_s[mine], strict=True)):
                total += max(0.0, end - max(begin, reach))
                reach = max(reach, end)
        assert found[pilot] == pytest.approx(total, rel=1e-12)
    assert busy_nodes(made).n_nodes.max() == 1


def test_spans_that_touch_become_one():
    key, start_s, end_s = united_by(
        np.array([1, 0, 1, 1, 0]), np.array([5.0, 0.0, 1.0, 3.0, 4.0]), np.array([6.0, 2.0, 3.0, 4.0, 4.0])
    )
    assert list(zip(key, start_s, end_s, strict=True)) == [(0, 0.0, 2.0), (1, 1.0, 4.0), (1, 5.0, 6.0)]
