"""Whether a mean over seeds lies below or above a limit: confidence limits, and when to look."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

GROWTH = 1.5
"""Each look has so many times the seeds of the one before."""


@dataclass(frozen=True, slots=True)
class Limits:
    """A mean and where it lies."""

    n: int
    mean: float
    low: float
    """The true mean is above, at the level asked for; -inf for fewer than two values."""
    high: float
    """The true mean is below, at the level asked for; inf for fewer than two values."""


def limits(values: Sequence[float], error_low: float, error_high: float) -> Limits:
    """Return one-sided confidence limits of a mean, corrected for skewness.

    Model: Hall's monotone transformation of Student's statistic by the sample's skewness. Waits are skewed to the
        right; plain t limits then call a mean low two to three times as often as they say.
    Assumes: independent values; a moderate skewness (exponential: about right from 20 values on).
    Source: Hall, "On the removal of skewness by transformation", J. R. Statist. Soc. B 54 (1992) 221–228,
        https://www.jstor.org/stable/2345958

    Args:
        values: The figure, one value a seed.
        error_low: Probability that the true mean is below ``low``.
        error_high: Probability that the true mean is above ``high``.
    """
    given = np.asarray(values, np.float64)
    n = len(given)
    if n < 2:
        return Limits(n, float(given[0]) if n else math.nan, -math.inf, math.inf)
    mean, spread = float(given.mean()), float(given.std(ddof=1))
    if spread <= 1e-12 * abs(mean):
        return Limits(n, mean, mean, mean)
    skewness = _skewness(given) / math.sqrt(n)
    error = spread / math.sqrt(n)
    low = mean - error * _statistic(quantile(error_low, n - 1), skewness)
    high = mean - error * _statistic(-quantile(error_high, n - 1), skewness)
    return Limits(n, mean, low, high)


def p_value(values: Sequence[float]) -> float:
    """Return how likely a mean so far from 0 is by chance, both sides; the test that belongs to ``limits``.

    NaN for fewer than two values.
    """
    from scipy.stats import t

    given = np.asarray(values, np.float64)
    n = len(given)
    if n < 2:
        return math.nan
    mean, spread = float(given.mean()), float(given.std(ddof=1))
    if spread <= 1e-12 * abs(mean):
        return 0.0 if mean else 1.0
    statistic, a = mean / spread * math.sqrt(n), _skewness(given) / math.sqrt(n)
    transformed = statistic + a * statistic**2 / 3.0 + a**2 * statistic**3 / 27.0 + a / 6.0
    return float(2.0 * t.sf(abs(transformed), n - 1))


def looks(first: int, most: int) -> tuple[int, ...]:
    """Return the numbers of seeds at which to decide: from ``first`` up to ``most``, each about 1.5 times the last."""
    found = [min(first, most)]
    while found[-1] < most:
        found.append(min(most, max(found[-1] + 1, int(GROWTH * found[-1]))))
    return tuple(found)


@lru_cache(maxsize=4096)
def quantile(error: float, degrees: int) -> float:
    """Return Student's t that is exceeded with probability ``error``."""
    from scipy.stats import t

    return float(t.isf(error, degrees))


def _skewness(values: np.ndarray) -> float:
    """Return the sample skewness, corrected for few values; 0 for fewer than three."""
    n = len(values)
    if n < 3:
        return 0.0
    gaps = values - values.mean()
    third, second = float((gaps**3).mean()), float((gaps**2).mean())
    return math.sqrt(n * (n - 1)) / (n - 2) * third / math.pow(second, 1.5)


def _statistic(transformed: float, a: float) -> float:
    """Return Student's statistic whose transform this is, T + aT²/3 + a²T³/27 + a/6 = transformed."""
    if abs(a) < 1e-9:
        return transformed
    return 3.0 / a * (float(np.cbrt(1.0 + a * (transformed - a / 6.0))) - 1.0)
