"""Node ids against an allocator that keeps a set of free nodes."""

from __future__ import annotations

import numpy as np
import pytest

from qhpcsim.facility.allocation import assign_nodes, to_interval_strings


def random_log(seed: int, n: int, n_nodes: int):
    rng = np.random.default_rng(seed)
    nodes = rng.integers(1, max(2, n_nodes // rng.integers(1, 6)), n).astype(np.int32)
    log, running, free = [], [], n_nodes
    for job in range(n):
        while nodes[job] > free or (running and rng.random() < 0.4):
            gone = running.pop(rng.integers(len(running)))
            free += nodes[gone]
            log.append(~gone)
        if rng.random() < 0.9:
            running.append(job)
            free -= nodes[job]
            log.append(job)
    return np.array(log, np.int32), nodes


def by_sets(log, nodes, n_nodes, base):
    free, had = set(range(base, base + n_nodes)), {}
    for entry in log.tolist():
        if entry < 0:
            free |= set(had[~entry])
        else:
            had[entry] = sorted(free)[: nodes[entry]]
            free -= set(had[entry])
    return had


@pytest.mark.parametrize("compiled", [False, True])
def test_equals_allocator_of_sets(compiled):
    for seed in range(25):
        n_nodes, base = [4, 17, 64, 300][seed % 4], seed % 3 * 1000
        log, nodes = random_log(seed, 200, n_nodes)
        offset, lo, hi = assign_nodes(log, nodes, n_nodes, base, compiled=compiled)
        had = by_sets(log, nodes, n_nodes, base)
        texts = to_interval_strings(offset, lo, hi)
        for job in range(200):
            ranges = list(zip(lo[offset[job] : offset[job + 1]], hi[offset[job] : offset[job + 1]], strict=True))
            assert [node for a, b in ranges for node in range(a, b + 1)] == had.get(job, [])
            assert texts[job] == " ".join(f"{a}-{b}" if a < b else f"{a}" for a, b in ranges)


def test_ranges_outgrow_the_first_room():
    """Every second node is freed, then one job takes all of them: many ranges for few jobs."""
    n = 400
    nodes = np.array([1] * n + [n // 2], np.int32)
    log = np.array([*range(n), *(~j for j in range(0, n, 2)), n], np.int32)
    offset, lo, hi = assign_nodes(log, nodes, n)
    assert lo[offset[n] :].tolist() == hi[offset[n] :].tolist() == list(range(0, n, 2))


def test_texts():
    offset, lo, hi = np.array([0, 2, 2, 3]), np.array([0, 7, 5], np.int32), np.array([3, 7, 6], np.int32)
    assert to_interval_strings(offset, lo, hi) == ["0-3 7", "", "5-6"]
    assert to_interval_strings(offset[1:], lo, hi) == ["", "5-6"]
    assert to_interval_strings(np.zeros(1, np.int64), lo[:0], hi[:0]) == []
