"""How well predictions agree with measurements: error, bias, and how often the interval holds."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from qhpcsim.core.records import FloatArray
from qhpcsim.core.rng import Rng

_RESAMPLES = 2000
_Z = 1.959963984540054
"""Normal quantile of a two-sided 95 % interval."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement of a group of tasks; fractions of the measured time, NaN where there is nothing to say.

    Model: error of task i is e_i = (predicted_i − measured_i) / measured_i; MAPE = mean |e_i|, bias = mean e_i.
    Its interval is a percentile bootstrap over tasks, that of the coverage is Wilson's.
    Source: Efron, Tibshirani (1993), An Introduction to the Bootstrap, ch. 13;
        Wilson (1927), doi:10.1080/01621459.1927.10502953.
    """

    n: int
    """Tasks that were measured and have a prediction."""
    n_missing: int
    """Tasks without a measurement, or without a prediction."""
    mape_frac: float
    mape_low: float
    """Lower end of its 95 % interval; NaN for fewer than three tasks."""
    mape_high: float
    bias_frac: float
    """Above zero: predictions are too long."""
    n_interval: int
    """Measured tasks whose prediction has a 90 % interval."""
    n_inside: int
    """Those that fell into it."""

    @property
    def coverage_frac(self) -> float:
        """Part of the measurements inside their 90 % interval."""
        return self.n_inside / self.n_interval if self.n_interval else math.nan

    @property
    def coverage_interval(self) -> tuple[float, float]:
        """95 % interval of the true coverage, given so few tasks."""
        n, p = self.n_interval, self.coverage_frac
        if not n:
            return math.nan, math.nan
        middle, spread = p + _Z**2 / (2 * n), _Z * math.sqrt(p * (1 - p) / n + _Z**2 / (4 * n**2))
        return (middle - spread) / (1 + _Z**2 / n), (middle + spread) / (1 + _Z**2 / n)


def agreement(
    predicted_s: FloatArray, p5_s: FloatArray, p95_s: FloatArray, measured_s: FloatArray, seed: int = 0
) -> Agreement:
    """Return the agreement of n tasks; a NaN stands for a prediction, bound or measurement that is not there."""
    known = np.isfinite(predicted_s) & np.isfinite(measured_s) & (measured_s > 0)
    n = int(known.sum())
    bounded = known & np.isfinite(p5_s) & np.isfinite(p95_s)
    inside = bounded & (p5_s <= measured_s) & (measured_s <= p95_s)
    counts = {"n": n, "n_missing": len(known) - n, "n_interval": int(bounded.sum()), "n_inside": int(inside.sum())}
    if not n:
        return Agreement(mape_frac=math.nan, mape_low=math.nan, mape_high=math.nan, bias_frac=math.nan, **counts)
    error = predicted_s[known] / measured_s[known] - 1.0
    low, high = _bootstrap(np.abs(error), seed)
    return Agreement(
        mape_frac=float(np.abs(error).mean()), mape_low=low, mape_high=high, bias_frac=float(error.mean()), **counts
    )


def _bootstrap(values: FloatArray, seed: int) -> tuple[float, float]:
    """Return a 95 % interval of the mean."""
    if len(values) < 3:
        return math.nan, math.nan
    draws = Rng(seed).stream("agreement").integers(0, len(values), (_RESAMPLES, len(values)))
    low, high = np.quantile(values[draws].mean(axis=1), [0.025, 0.975])
    return float(low), float(high)
