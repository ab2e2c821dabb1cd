"""Paired differences against scipy, hand calculation and coverage."""

import math

import numpy as np
import pytest
from scipy import stats

from qhpcsim.studies.pairs import correct, difference, seeds_needed

NAMES = ("first", "other")


def test_equals_scipys_paired_t_test():
    rng = np.random.default_rng(1)
    a = rng.normal(10, 2, 12)
    b = a + rng.normal(0.5, 1, 12)
    found = difference("wait", NAMES, a, b)
    theirs = stats.ttest_rel(b, a)
    assert found.p == pytest.approx(theirs.pvalue, rel=1e-12)
    assert (found.low, found.high) == pytest.approx(tuple(theirs.confidence_interval(0.95)), rel=1e-12)
    assert found.mean == pytest.approx(found.mean_other - found.mean_first)


def test_variance_ratio_by_hand():
    found = difference("wait", NAMES, [1.0, 2.0, 3.0], [2.0, 3.0, 5.0])
    assert found.variance_ratio == pytest.approx((1.0 + 7.0 / 3.0) / (1.0 / 3.0))


def test_one_seed_has_no_interval():
    found = difference("wait", NAMES, [1.0], [2.0])
    assert found.mean == 1.0
    assert math.isnan(found.low) and math.isnan(found.p)
    assert not found.settled


def test_equal_points_are_not_settled_and_constant_shifts_are():
    same = difference("wait", NAMES, [1.0, 2.0], [1.0, 2.0])
    shift = difference("wait", NAMES, [1.0, 2.0], [2.0, 3.0])
    correct([same, shift])
    assert (same.settled, shift.settled) == (False, True)
    assert same.n_needed is None


def test_holm_by_hand():
    found = [difference("wait", NAMES, [0.0, 0.0], [0.0, 1.0]) for _ in range(4)]
    for each, p in zip(found, (0.01, 0.04, 0.03, 0.005), strict=True):
        each.p = p
    correct(found)
    assert [each.p_holm for each in found] == pytest.approx([0.03, 0.06, 0.06, 0.02])


@pytest.mark.parametrize("half_width", [3.0, 0.5, 0.1, 0.02])
def test_seeds_needed_is_the_least(half_width):
    n = seeds_needed(1.0, half_width)

    def width(n):
        return stats.t.ppf(0.975, n - 1) / math.sqrt(n)

    assert n is not None
    assert width(n) <= half_width
    assert n == 2 or width(n - 1) > half_width


def test_out_of_reach_is_none():
    assert seeds_needed(1.0, 1e-6) is None
    assert seeds_needed(1.0, 0.0) is None


@pytest.mark.parametrize(("method", "n_trials"), [("t", 2000), ("bca", 300)])
def test_intervals_cover(method, n_trials):
    rng = np.random.default_rng(7)
    hits = 0
    for _ in range(n_trials):
        gaps = rng.exponential(size=40) if method == "bca" else rng.normal(1.0, 1.0, size=8)
        found = difference("wait", NAMES, np.zeros(len(gaps)), gaps, method=method)
        hits += found.low <= 1.0 <= found.high
    floor = 0.90 if method == "bca" else 0.95 - 4 * math.sqrt(0.95 * 0.05 / n_trials)  # BCa is an approximation
    assert floor <= hits / n_trials <= 0.95 + 4 * math.sqrt(0.95 * 0.05 / n_trials)
