"""Service laws: the law, its mean and its coefficient of variation are the ones asked for."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from qhpcsim.core.errors import QhpcsimError
from qhpcsim.core.rng import Rng
from qhpcsim.facility.qpu_draws import Draws
from qhpcsim.qpu_scenario import Duration
from qhpcsim.workloads.laws import ServiceLaw, checked_cv, sample

N = 100_000
ALPHA = 1e-4
SIGMA = math.log1p(1.5**2)
P = 0.5 * (1 + math.sqrt(3 / 5))


def hyperexponential_cdf(x: np.ndarray) -> np.ndarray:
    """Two phases of balanced means, mean 10, cv 2."""
    return 1 - P * np.exp(-2 * P / 10 * x) - (1 - P) * np.exp(-2 * (1 - P) / 10 * x)


LAWS: list[tuple[ServiceLaw, float, Callable[[np.ndarray], np.ndarray]]] = [
    (ServiceLaw("exponential", 10.0), 1.0, stats.expon(scale=10).cdf),
    (ServiceLaw("erlang", 10.0, 3**-0.5), 3**-0.5, stats.gamma(3, scale=10 / 3).cdf),
    (ServiceLaw("gamma", 10.0, 2.0), 2.0, stats.gamma(0.25, scale=40).cdf),
    (ServiceLaw("uniform", 10.0, 0.5), 0.5, stats.uniform(10 - 5 * 3**0.5, 10 * 3**0.5).cdf),
    (ServiceLaw("hyperexponential", 10.0, 2.0), 2.0, hyperexponential_cdf),
    (
        ServiceLaw("lognormal", 10.0, 1.5),
        1.5,
        stats.lognorm(math.sqrt(SIGMA), scale=10 * math.exp(-SIGMA / 2)).cdf,
    ),
]


@pytest.mark.parametrize(("law", "cv", "cdf"), LAWS, ids=[law.law for law, _, _ in LAWS])
def test_law_mean_and_variance(law: ServiceLaw, cv: float, cdf: Callable[[np.ndarray], np.ndarray]) -> None:
    drawn = sample(law, N, Rng(1).stream("law"))
    assert stats.kstest(drawn, cdf).pvalue > ALPHA
    assert drawn.mean() == pytest.approx(10.0, abs=4 * drawn.std() / math.sqrt(N))
    squared = (drawn - 10.0) ** 2
    assert squared.mean() == pytest.approx((10.0 * cv) ** 2, abs=4 * squared.std() / math.sqrt(N))


def test_empirical_draws_each_value_as_often() -> None:
    values = (1.0, 2.0, 5.0, 5.5, 80.0)
    drawn = sample(ServiceLaw("empirical", values_s=values), N, Rng(1).stream("law"))
    counts = [int((drawn == value).sum()) for value in values]
    assert sum(counts) == N
    assert stats.chisquare(counts).pvalue > ALPHA


@pytest.mark.parametrize(("law", "cv", "cdf"), LAWS, ids=[law.law for law, _, _ in LAWS])
def test_draws_one_by_one_follow_the_law(law: ServiceLaw, cv: float, cdf: Callable[[np.ndarray], np.ndarray]) -> None:
    """As calibrations and repairs of a QPU take them, over several blocks; and neighbours are independent."""
    draws = Draws(Duration(law.law, law.mean_s, law.cv), Rng(2).stream("law"))
    drawn = np.array([draws.next() for _ in range(20_000)])
    assert stats.kstest(drawn, cdf).pvalue > ALPHA
    levels = cdf(drawn)
    assert abs(np.corrcoef(levels[1:], levels[:-1])[0, 1]) < 4 / math.sqrt(len(drawn))


def test_constant() -> None:
    assert (sample(ServiceLaw("constant", 3.5), 5, Rng(1).stream("law")) == 3.5).all()


def test_erlang_takes_the_nearest_whole_number_of_stages() -> None:
    assert checked_cv(ServiceLaw("erlang", 1.0, 0.577)) == pytest.approx(3**-0.5, rel=1e-15)


@pytest.mark.parametrize(
    "law",
    [
        ServiceLaw("lognormal", 10.0),
        ServiceLaw("exponential", 10.0, 2.0),
        ServiceLaw("hyperexponential", 10.0, 0.5),
        ServiceLaw("uniform", 10.0, 0.9),
        ServiceLaw("erlang", 10.0, 0.65),
        ServiceLaw("constant", 0.0),
        ServiceLaw("constant", math.inf),
        ServiceLaw("weibul", 10.0, 1.0),
        ServiceLaw("gamma", 10.0, math.nan),
    ],
)
def test_impossible_laws(law: ServiceLaw) -> None:
    with pytest.raises(QhpcsimError, match=r"service\."):
        sample(law, 1, Rng(1).stream("law"))
