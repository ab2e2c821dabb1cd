"""Requested times: popular values, long enough, and the share of jobs that ask for too little."""

from __future__ import annotations

import numpy as np
import pytest

from qhpcsim.core.errors import QhpcsimError
from qhpcsim.core.rng import Rng
from qhpcsim.workloads import modal_estimates
from qhpcsim.workloads.estimates import Estimates, draw

N = 20_000
RUN = np.minimum(np.random.default_rng(3).lognormal(6.0, 2.0, N), 160_000.0)


def test_most_jobs_use_twenty_round_values() -> None:
    """The paper: 20 values hold 89 % of the jobs; the largest one is the most popular."""
    asked = draw(Estimates(overrun_frac=0.0), RUN, Rng(1), "a")
    assert (asked >= RUN).all()
    values, jobs = np.unique(asked, return_counts=True)
    assert np.sort(jobs)[-20:].sum() / N == pytest.approx(0.89, abs=0.02)
    assert values[np.argmax(jobs)] == 172800.0
    assert set(values[np.argsort(jobs)[-10:]] % 300.0) == {0.0}
    assert len(values) == pytest.approx(np.interp(N, [10_000, 70_000], [90, 340]), rel=0.05)


def test_head_sizes_follow_the_published_curve() -> None:
    popular, values, jobs = modal_estimates.histogram(100_000, 64800.0, np.random.default_rng(1))
    assert len(popular) == 20
    assert popular[-1] == 64800.0
    assert jobs.sum() == 100_000
    head = np.sort(jobs[np.isin(values, popular)])[::-1] / 1000.0
    rank = np.arange(2, 21)
    np.testing.assert_allclose(head[1:], 14.0491 * np.exp(-0.177531 * rank) + 0.462513, atol=0.01)
    assert head.sum() == pytest.approx(89.0, abs=0.01)


@pytest.mark.parametrize("max_s", [3600.0, 5400.0, 14400.0, 86400.0, 604800.0])
@pytest.mark.parametrize("n", [1, 5, 300])
def test_small_workloads_and_limits(n: int, max_s: float) -> None:
    run = np.minimum(RUN[:n], max_s)
    asked = draw(Estimates(max_s=max_s, overrun_frac=0.0), run, Rng(2), "a")
    assert ((asked >= run) & (asked <= max_s) & (asked > 0)).all()


def test_when_all_jobs_are_long_they_ask_for_the_next_popular_value() -> None:
    asked = draw(Estimates(overrun_frac=0.0), np.full(200, 100_000.0), Rng(1), "a")
    assert (asked >= 100_000.0).all()


@pytest.mark.parametrize("model", ["tsafrir", "factor"])
def test_share_that_overruns(model: str) -> None:
    asked = draw(Estimates(model=model, overrun_frac=0.05), RUN, Rng(1), "a")
    assert (asked < RUN).mean() == pytest.approx(0.05, abs=0.007)
    assert (asked > 0).all()


def test_simple_models() -> None:
    assert (draw(Estimates(model="exact"), RUN, Rng(1), "a") == RUN).all()
    ratio = draw(Estimates(model="factor", factor=4.0, overrun_frac=0.0), RUN, Rng(1), "a") / RUN
    assert 1.0 <= ratio.min() < 1.01
    assert 4.99 < ratio.max() <= 5.0
    assert ratio.mean() == pytest.approx(3.0, abs=0.04)
    assert draw(Estimates(model="exact"), np.zeros(3), Rng(1), "a").tolist() == [1.0, 1.0, 1.0]
    assert draw(Estimates(), np.empty(0), Rng(1), "a").size == 0


@pytest.mark.parametrize(
    ("params", "words"),
    [
        (Estimates(model="tsafir"), "did you mean: tsafrir"),
        (Estimates(max_s=60.0), "at least 1 h"),
        (Estimates(max_s=7200.0), "raise max_s"),
        (Estimates(overrun_frac=1.5), "overrun_frac"),
        (Estimates(model="factor", factor=-1.0), "factor"),
    ],
)
def test_mistakes(params: Estimates, words: str) -> None:
    with pytest.raises(QhpcsimError, match=words):
        draw(params, RUN, Rng(1), "a")
