"""Paired differences over common seeds: how large, how sure, and how many seeds more would settle it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from qhpcsim.core.records import FloatArray
from qhpcsim.studies.intervals import t_quantile
from qhpcsim.studies.search_limits import limits, p_value

METHODS = ("both", "t", "hall", "bca")
"""Of intervals; the first is the default of comparisons."""
RESAMPLES = 9999
BCA_LEAST = 40
"""Seeds below which bootstrap intervals of skewed differences cover clearly less than they say."""
MOST_SEEDS = 100_000


@dataclass(slots=True)
class Difference:
    """One figure under two points of a study: the other minus the first."""

    metric: str
    first: str
    other: str
    n: int
    """Seeds under which both points have the figure."""
    mean_first: float
    mean_other: float
    mean: float
    low: float
    high: float
    """Ends of the confidence interval; NaN for fewer than two seeds, and where the bootstrap has none."""
    p: float
    """Of the paired test; NaN for fewer than two seeds."""
    variance_ratio: float
    """Variance with independent seeds over variance with common ones; above 1, common random numbers helped. NaN: all
    differences are equal."""
    n_needed: int | None
    """Seeds at which the interval's half-width would be the difference found; None: more than ``MOST_SEEDS``."""
    p_holm: float = field(default=math.nan)
    """Corrected for all comparisons that were made together."""

    @property
    def settled(self) -> bool:
        """Whether the sign of the difference is certain at the level asked for, all comparisons together."""
        beside_zero = self.low > 0.0 or self.high < 0.0  # neither, if there is no interval
        return self.n >= 2 and beside_zero and not self.p_holm > 1.0 - self.level

    level: float = 0.95


def difference(
    metric: str,
    names: tuple[str, str],
    first: Sequence[float],
    other: Sequence[float],
    level: float = 0.95,
    method: str = "t",
) -> Difference:
    """Return how two points differ.

    Args:
        metric: The figure.
        names: Of the two points.
        first: (n,) the figure under each seed.
        other: (n,) the same for the other point, seed by seed.
        level: Of the interval.
        method: ``t``: Student's, exact for normal differences, too narrow for skewed ones; ``hall``: corrected for
            skewness, too narrow for symmetric ones with long tails; ``both``: at each end the wider of these two, and
            the larger p value; ``bca``: bias-corrected accelerated bootstrap, which needs many seeds; with Student's p.

    Source: paired t: Law, Simulation Modeling and Analysis, 5th ed. 2015, §10.2.1; BCa: Efron 1987,
        doi:10.1080/01621459.1987.10478410; Hall: ``search_limits.limits``.
    """
    a, b = np.asarray(first, np.float64), np.asarray(other, np.float64)
    gaps = b - a
    n = len(gaps)
    mean = float(gaps.mean()) if n else math.nan
    found = Difference(
        metric, *names, n, _mean(a), _mean(b), mean, math.nan, math.nan, math.nan, math.nan, None, level=level
    )
    if n < 2:
        return found
    spread = float(gaps.std(ddof=1))
    if spread == 0.0:
        found.low = found.high = mean
        found.p, found.n_needed = (0.0, 2) if mean else (1.0, None)
        return found
    error = spread / math.sqrt(n)
    found.low, found.high = _ends(gaps, method, level)
    found.p = _p_value(gaps, mean / error, method)
    found.variance_ratio = float(a.var(ddof=1) + b.var(ddof=1)) / spread**2
    found.n_needed = seeds_needed(spread, abs(mean), level)
    return found


def seeds_needed(spread: float, half_width: float, level: float = 0.95) -> int | None:
    """Return the least number of seeds whose t interval is no wider than ``half_width``, if the spread stays.

    None: more than ``MOST_SEEDS``.
    """
    if half_width <= 0.0:
        return None
    low, high = 1, 2
    while t_quantile(level, high - 1) * spread / math.sqrt(high) > half_width:
        low, high = high, 2 * high
        if low > MOST_SEEDS:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        narrow = t_quantile(level, middle - 1) * spread / math.sqrt(middle) <= half_width
        low, high = (low, middle) if narrow else (middle, high)
    return high if high <= MOST_SEEDS else None


def correct(differences: Sequence[Difference]) -> None:
    """Fill in ``p_holm``: p values corrected for being looked at together.

    Source: Holm 1979, https://www.jstor.org/stable/4615733
    """
    tested = sorted((each for each in differences if not math.isnan(each.p)), key=lambda each: each.p)
    largest = 0.0
    for k, each in enumerate(tested):
        largest = max(largest, min(1.0, (len(tested) - k) * each.p))
        each.p_holm = largest


def _mean(values: FloatArray) -> float:
    return float(values.mean()) if len(values) else math.nan


def _ends(gaps: FloatArray, method: str, level: float) -> tuple[float, float]:
    if method == "bca":
        return _bca(gaps, level)
    half_width = t_quantile(level, len(gaps) - 1) * float(gaps.std(ddof=1)) / math.sqrt(len(gaps))
    low, high = float(gaps.mean()) - half_width, float(gaps.mean()) + half_width
    if method == "t":
        return low, high
    error = 0.5 * (1.0 - level)
    hall = limits(gaps.tolist(), error, error)
    return (hall.low, hall.high) if method == "hall" else (min(low, hall.low), max(high, hall.high))


def _bca(gaps: FloatArray, level: float) -> tuple[float, float]:
    from scipy.stats import bootstrap

    found = bootstrap(
        (gaps,), np.mean, n_resamples=RESAMPLES, confidence_level=level, method="BCa", rng=np.random.default_rng(0)
    )
    return float(found.confidence_interval.low), float(found.confidence_interval.high)


def _p_value(gaps: FloatArray, statistic: float, method: str) -> float:
    """Return the p value that belongs to an interval."""
    if method == "hall":
        return p_value(gaps.tolist())
    student = _p(statistic, len(gaps))
    return max(student, p_value(gaps.tolist())) if method == "both" else student


def _p(statistic: float, n: int) -> float:
    from scipy.stats import t

    return float(2.0 * t.sf(abs(statistic), n - 1))
