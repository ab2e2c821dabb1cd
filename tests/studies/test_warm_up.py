"""MSER-5 cuts a ramp, little of a stationary series, and refuses a trend: alone and over several runs (S02)."""

import numpy as np
import pytest
from scipy.signal import lfilter

from qhpcsim.studies.warm_up import BATCH, TREND, cuts_of, has_trend, truncation

N = 2000


def batches(values):
    return np.asarray(values).reshape(-1, BATCH).mean(axis=1)


def noise(kind, rng, n=N):
    """Stationary series of mean 0 and variance about 1."""
    if kind == "independent":
        return rng.normal(size=n)
    if kind == "skewed":
        return rng.exponential(size=n) - 1.0
    ar, ma, scale = {
        "AR(1) 0.5": ([1, -0.5], [1], 0.866),
        "AR(1) 0.9": ([1, -0.9], [1], 0.436),
        "ARMA(2,1)": ([1, -1.2, 0.4], [1, 0.5], 0.26),
    }[kind]
    return scale * lfilter(ma, ar, rng.normal(size=n + 500))[500:]


KINDS = ["independent", "skewed", "AR(1) 0.5", "AR(1) 0.9", "ARMA(2,1)"]


def by_definition(means):
    """The same by two loops over the definition."""
    scores = []
    for cut in range(len(means) // 2 + 1):
        left = means[cut:]
        middle = sum(left) / len(left)
        scores.append(sum((y - middle) ** 2 for y in left) / len(left) ** 2)
    return scores.index(min(scores))


@pytest.mark.parametrize("seed", range(10))
def test_equals_its_definition(seed):
    values = np.random.default_rng(seed).exponential(size=40) + np.maximum(0.0, 3.0 - np.arange(40) / 4)
    assert truncation(values) == by_definition(values.tolist())


@pytest.mark.parametrize("n_runs", [1, 2, 10])
@pytest.mark.parametrize("kind", KINDS)
def test_a_ramp_is_cut(kind, n_runs):
    """From 20 standard deviations down to 0 over the first fifth: nearly all of it goes, and no run is refused."""
    rng = np.random.default_rng(1)
    ramp = np.maximum(0.0, 1.0 - np.arange(N) / 400) * 20
    for _ in range(20):
        cuts, why_not = cuts_of([batches(ramp + noise(kind, rng)) for _ in range(n_runs)])
        assert not why_not
        assert all(300 <= BATCH * cut <= 800 for cut in cuts)


@pytest.mark.parametrize("n_runs", [1, 5])
@pytest.mark.parametrize("kind", KINDS)
def test_little_of_a_stationary_series_is_cut(kind, n_runs):
    rng = np.random.default_rng(2)
    found = [cuts_of([batches(noise(kind, rng)) for _ in range(n_runs)]) for _ in range(200)]
    refused = sum(bool(why_not) for _, why_not in found)
    assert refused <= 6  # one in 500 by the level; correlated pieces, more often: P(more than 6 | 1 %) < 0.5 %
    assert np.mean([cut for cuts, _ in found for cut in cuts]) * BATCH < 0.3 * N


@pytest.mark.parametrize("n_runs", [1, 5])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("slope", [0.01, -0.01])
def test_a_trend_is_refused(slope, kind, n_runs):
    rng = np.random.default_rng(3)
    trend = slope * np.arange(N)
    found = [cuts_of([batches(trend + noise(kind, rng)) for _ in range(n_runs)])[1] for _ in range(20)]
    assert found == [TREND] * 20


def test_more_runs_see_a_smaller_trend():
    """A rise by half a standard deviation over the run: lost in one run, seen in twenty."""
    rng = np.random.default_rng(4)
    trend = 0.5 * np.arange(N) / N
    refused = [
        np.mean([bool(cuts_of([batches(trend + noise("AR(1) 0.5", rng)) for _ in range(n)])[1]) for _ in range(30)])
        for n in (1, 20)
    ]
    assert refused[0] < 0.9 < refused[1]


def test_a_ramp_longer_than_half_is_refused():
    rng = np.random.default_rng(5)
    ramp = np.maximum(0.0, 1.0 - np.arange(N) / 1600) * 20
    assert all(cuts_of([batches(ramp + noise("AR(1) 0.5", rng))])[1] == TREND for _ in range(20))


def test_no_run_has_a_say_in_its_own_cut():
    rng = np.random.default_rng(6)
    runs = [batches(noise("AR(1) 0.9", rng)) for _ in range(4)]
    before = cuts_of(runs)[0]
    for k in range(4):
        changed = list(runs)
        changed[k] = batches(10.0 + 5.0 * noise("skewed", rng))
        assert cuts_of(changed)[0][k] == before[k]


def test_runs_of_unequal_length_are_judged_up_to_the_shortest():
    rng = np.random.default_rng(7)
    runs = [batches(noise("independent", rng)) for _ in range(3)]
    longer = [runs[0], np.concatenate([runs[1], np.full(50, 99.0)]), runs[2]]
    assert cuts_of(longer) == cuts_of(runs)


def test_a_constant_series_has_no_trend_and_no_warm_up():
    assert cuts_of([np.zeros(10)]) == ([0], "")
    assert not has_trend(np.zeros(10))
    assert truncation(np.zeros(1)) == 0
