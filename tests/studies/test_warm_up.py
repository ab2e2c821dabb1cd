"""MSER-5 cuts a ramp, little of a stationary series, and refuses a trend."""

import numpy as np
import pytest

from qhpcsim.studies.warm_up import LEAST, mser5


def by_definition(values):
    """The same by two loops over the definition."""
    means = [sum(values[5 * k : 5 * k + 5]) / 5 for k in range(len(values) // 5)]
    scores = []
    for cut in range(len(means) // 2 + 1):
        left = means[cut:]
        middle = sum(left) / len(left)
        scores.append(sum((y - middle) ** 2 for y in left) / len(left) ** 2)
    return 5 * scores.index(min(scores))


@pytest.mark.parametrize("seed", range(10))
def test_equals_its_definition(seed):
    values = np.random.default_rng(seed).exponential(size=203) + np.maximum(0.0, 3.0 - np.arange(203) / 20)
    found = mser5(values)
    if not found.why_not:
        assert found.n_cut == by_definition(values.tolist())


def test_a_ramp_is_cut():
    rng = np.random.default_rng(1)
    ramp = np.maximum(0.0, 1.0 - np.arange(2000) / 400) * 20
    cuts = [mser5(ramp + rng.normal(size=2000)).n_cut for _ in range(50)]
    assert all(300 <= cut <= 800 for cut in cuts)


def test_little_of_a_stationary_series_is_cut():
    rng = np.random.default_rng(2)
    found = [mser5(rng.exponential(size=2000)) for _ in range(200)]
    cuts = [each.n_cut for each in found if not each.why_not]
    assert len(cuts) >= 190
    assert np.mean(cuts) < 0.3 * 2000


@pytest.mark.parametrize("slope", [0.01, -0.01])
def test_a_trend_is_refused(slope):
    rng = np.random.default_rng(3)
    found = [mser5(slope * np.arange(2000) + rng.normal(size=2000)) for _ in range(50)]
    assert all("trend" in each.why_not for each in found)


def test_a_short_series_is_refused():
    assert "too few" in mser5(np.zeros(LEAST - 1)).why_not
    assert mser5(np.zeros(LEAST)).n_cut == 0


def test_the_waits_of_a_steady_queue_are_judged():
    """M/M/1 at 0.7 by Lindley's recursion, from empty: skewed and correlated, and yet without a trend."""
    rng = np.random.default_rng(4)
    refused = 0
    for _ in range(40):
        gaps, works = rng.exponential(1.0, 8000), rng.exponential(0.7, 8000)
        waits = np.zeros(8000)
        for k in range(1, 8000):
            waits[k] = max(0.0, waits[k - 1] + works[k - 1] - gaps[k])
        refused += bool(mser5(waits).why_not)
    assert refused <= 3
