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


@pytest.mark.parametrize(("method", "n_trials"), [("t", 2000), ("hall", 2000), ("bca", 300)])
def test_intervals_cover(method, n_trials):
    rng = np.random.default_rng(7)
    hits = 0
    for _ in range(n_trials):
        gaps = rng.exponential(size=40) if method != "t" else rng.normal(1.0, 1.0, size=8)
        found = difference("wait", NAMES, np.zeros(len(gaps)), gaps, method=method)
        hits += found.low <= 1.0 <= found.high
    floor = 0.90 if method == "bca" else 0.95 - 4 * math.sqrt(0.95 * 0.05 / n_trials)  # BCa is an approximation
    assert floor <= hits / n_trials <= 0.95 + 4 * math.sqrt(0.95 * 0.05 / n_trials)


@pytest.mark.parametrize("method", ["hall", "both"])
@pytest.mark.parametrize("n", [2, 3, 10])
def test_test_and_interval_say_the_same(n, method):
    rng = np.random.default_rng(8)
    for _ in range(200):
        gaps = rng.exponential(size=n) - rng.uniform(0.0, 2.0)
        found = difference("wait", NAMES, np.zeros(n), gaps, method=method)
        assert (found.p < 0.05) == (not found.low <= 0.0 <= found.high)


def test_halls_of_symmetric_differences_is_students():
    gaps = [-1.0, 0.0, 1.0, 3.0, 4.0, 5.0]
    hall, student = (difference("wait", NAMES, np.zeros(6), gaps, method=method) for method in ("hall", "t"))
    assert (hall.low, hall.high, hall.p) == pytest.approx((student.low, student.high, student.p), rel=1e-9)


@pytest.mark.parametrize("method", ["hall", "t"])
def test_p_values_are_uniform_under_the_null(method):
    """S04; 2,000 tests of normal differences without an effect."""
    rng = np.random.default_rng(9)
    p = [difference("wait", NAMES, rng.normal(size=20), rng.normal(size=20), method=method).p for _ in range(2000)]
    assert stats.kstest(p, "uniform").pvalue > 1e-3


def test_ten_comparisons_together_alarm_in_one_study_of_twenty():
    """Holm: of 500 studies without any effect, at most 5 % settle something; exact bound at 1e-6."""
    rng = np.random.default_rng(10)
    alarms = 0
    for _ in range(500):
        first = rng.normal(size=12)
        found = [difference("wait", NAMES, first, rng.normal(size=12), method="t") for _ in range(10)]
        correct(found)
        alarms += any(each.settled for each in found)
    assert alarms <= stats.binom.isf(1e-6, 500, 0.05)
    assert alarms >= 5  # and it is no test that never speaks


@pytest.mark.parametrize("method", ["both", "hall", "t", "bca"])
@pytest.mark.parametrize("gaps", [[1.0, 2.0], [1.0, 1.0, 1.0, 2.0], [0.0, 0.0, 0.0, 5.0], [2.0, 2.0]])
def test_few_and_equal_differences_have_ends_that_are_numbers(method, gaps):
    found = difference("wait", NAMES, np.zeros(len(gaps)), gaps, method=method)
    assert math.isfinite(found.low) and math.isfinite(found.high) and 0.0 <= found.p <= 1.0


def test_both_is_the_wider_of_the_two_at_each_end():
    gaps = np.random.default_rng(11).exponential(size=12)
    both, hall, student = (difference("w", NAMES, np.zeros(12), gaps, method=m) for m in ("both", "hall", "t"))
    assert both.low == min(hall.low, student.low) and both.high == max(hall.high, student.high)
    assert both.p == max(hall.p, student.p) and (both.low, both.high) != (hall.low, hall.high)


def test_long_tails_on_both_sides_raise_no_alarms():
    """Hall's own does, twice as often as it says: such are differences of two rules without an effect."""
    rng = np.random.default_rng(12)
    draws = rng.standard_t(2.5, size=(600, 10))
    alarms = {
        method: sum(difference("w", NAMES, np.zeros(10), each, method=method).p < 0.05 for each in draws)
        for method in ("both", "hall")
    }
    assert alarms["both"] <= stats.binom.isf(1e-4, 600, 0.05)
    assert alarms["hall"] > stats.binom.isf(1e-2, 600, 0.05)


def test_no_interval_settles_nothing():
    found = difference("wait", NAMES, [0.0, 0.0, 0.0], [1.0, 1.1, 1.2])
    found.low = found.high = math.nan
    assert not found.settled
