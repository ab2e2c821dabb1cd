"""The replay kernel against brute force, against itself as plain Python, and in steps against straight through."""

from __future__ import annotations

import math

import numpy as np
import pytest

from qhpcsim.facility.kernel import KernelReplay, is_ready
from tests import refsched

RULES = {
    "none": ({"backfill": "none"}, refsched.fcfs, {}),
    "easy": ({"backfill": "easy"}, refsched.easy, {}),
    "easy-sjf": ({"backfill": "easy", "candidates": "sjf"}, refsched.easy, {"sjf": True}),
    "easy-depth": ({"backfill": "easy", "depth": 2}, refsched.easy, {"depth": 2}),
    "easy-sjf-depth": (
        {"backfill": "easy", "candidates": "sjf", "depth": 3},
        refsched.easy,
        {"sjf": True, "depth": 3},
    ),
    "replanned": ({"backfill": "conservative"}, refsched.conservative, {}),
    "replanned-depth": ({"backfill": "conservative", "depth": 2}, refsched.conservative, {"depth": 2}),
    "kept": (
        {"backfill": "conservative", "reservations": "kept"},
        refsched.conservative,
        {"reservations": "kept"},
    ),
}
ORDERS = ("fcfs", "sjf", "largest_first")


def workload(seed: int, n: int, *, overrun: bool = False, zero_est: bool = False):
    """Return a small random workload on 8 nodes with many ties and jobs of length zero."""
    rng = np.random.default_rng(seed)
    coarse = float(rng.choice([1.0, 1.0, 0.1]))
    submit = np.sort(rng.integers(0, max(1, int(n * rng.choice([1, 3, 5]))), n)) * coarse
    est = rng.integers(1, 12, n) * coarse
    hold = np.where(rng.random(n) < 0.3, est, np.minimum(est, rng.integers(0, 12, n) * coarse))
    if overrun:
        hold = np.where(rng.random(n) < 0.3, hold + rng.integers(0, 6, n) * coarse, hold)
    if zero_est:
        est = np.where(rng.random(n) < 0.2, hold, est)
    nodes = np.minimum(8, 2 ** rng.integers(0, 4, n) + rng.integers(0, 2, n)).astype(np.int32)
    return submit, hold, est, nodes, 8


def rank_of(order: str, est, nodes):
    """Return a static queue order as the kernel takes it."""
    if order == "fcfs":
        return None
    keys = est if order == "sjf" else -nodes
    rank = np.empty(len(est), np.int32)
    rank[np.lexsort((np.arange(len(est)), keys))] = np.arange(len(est), dtype=np.int32)
    return rank


def kernel(jobs, rank, options, **more) -> KernelReplay:
    return KernelReplay(*jobs[:4], rank, jobs[4], **options, **more)


def expected(rule, jobs, rank):
    _, reference, options = RULES[rule]
    key = (lambda j: int(rank[j])) if rank is not None else (lambda j: j)
    return reference(*(column.tolist() for column in jobs[:4]), jobs[4], key=key, **options)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("rule", RULES)
def test_equals_brute_force(rule, order):
    for seed in range(60):
        overrun = "easy" in rule and seed % 2 == 0
        jobs = workload(seed, 5 + seed, overrun=overrun, zero_est=rule != "kept" and seed % 3 == 0)
        rank = rank_of(order, jobs[2], jobs[3])
        replay = kernel(jobs, rank, RULES[rule][0])
        assert replay.advance() == math.inf
        start_s, log = expected(rule, jobs, rank)
        assert replay.start_s.tolist() == start_s, f"seed {seed}"
        assert replay.order.tolist() == log, f"seed {seed}"


@pytest.mark.parametrize("rule", RULES)
def test_compiled_equals_plain_python(rule):
    for seed in range(6):
        jobs = workload(100 + seed, 60)
        rank = rank_of(ORDERS[seed % 3], jobs[2], jobs[3])
        fast, plain = kernel(jobs, rank, RULES[rule][0]), kernel(jobs, rank, RULES[rule][0], compiled=False)
        fast.advance()
        plain.advance()
        assert fast.order.tolist() == plain.order.tolist()
        assert np.array_equal(fast.start_s, plain.start_s)
        assert fast.n_passes == plain.n_passes


@pytest.mark.parametrize("rule", RULES)
def test_stepping_equals_straight_through(rule):
    jobs = workload(7, 400)
    rank = rank_of("sjf", jobs[2], jobs[3])
    straight, stepped = kernel(jobs, rank, RULES[rule][0]), kernel(jobs, rank, RULES[rule][0])
    straight.advance()
    next_s, steps = stepped.advance(float(jobs[0][0])), 0
    assert next_s == jobs[0][0] and not len(stepped.order)
    while next_s < math.inf:
        later_s = stepped.advance(math.nextafter(next_s, math.inf))
        assert later_s > next_s
        next_s, steps = later_s, steps + 1
    assert stepped.order.tolist() == straight.order.tolist()
    assert np.array_equal(stepped.start_s, straight.start_s)
    assert steps > 100


def test_many_running_jobs_at_once():
    """The list of running jobs splits and packs its blocks; brute force agrees all the same."""
    rng = np.random.default_rng(3)
    n = 600
    submit = np.sort(rng.integers(0, 300, n)).astype(float)
    est = rng.integers(50, 400, n).astype(float)
    jobs = (submit, np.minimum(est, rng.integers(1, 400, n)), est, rng.integers(1, 3, n).astype(np.int32), 500)
    for rule in ("easy", "replanned"):
        replay = kernel(jobs, None, RULES[rule][0])
        replay.advance()
        if rule == "easy":
            assert replay.start_s.tolist() == expected(rule, jobs, None)[0]
        plain = kernel(jobs, None, RULES[rule][0], compiled=False)
        plain.advance()
        assert plain.order.tolist() == replay.order.tolist()


def test_no_jobs_and_one_job():
    empty = np.empty(0)
    for options, _, _ in RULES.values():
        assert KernelReplay(empty, empty, empty, empty.astype(np.int32), None, 4, **options).advance() == math.inf
        one = KernelReplay(*np.ones((3, 1)), np.array([4], np.int32), None, 4, **options)
        assert one.advance() == math.inf
        assert one.order.tolist() == [0, -1]


def test_refuses_what_it_would_replay_wrongly():
    one = np.ones(1)
    nodes = np.array([5], np.int32)
    with pytest.raises(ValueError, match="1 to 4 nodes"):
        KernelReplay(one, one, one, nodes, None, 4)
    with pytest.raises(ValueError, match="outrun"):
        KernelReplay(one, 2 * one, one, nodes, None, 8, backfill="conservative")
    with pytest.raises(ValueError, match="expected times"):
        KernelReplay(one, 0 * one, 0 * one, nodes, None, 8, backfill="conservative", reservations="kept")


def test_knows_what_is_compiled(tmp_path, monkeypatch):
    assert kernel(workload(1, 5), None, {"backfill": "easy"}).advance() == math.inf
    assert is_ready("easy") and is_ready("none")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert not is_ready("easy") and not is_ready("conservative", "kept")


def test_memory_per_job():
    jobs = workload(1, 20_000)
    for options, _, _ in RULES.values():
        replay = kernel(jobs, None, options)
        replay.advance(0.0)
        assert replay.n_bytes / 20_000 <= 100
