"""Means over replications with their confidence intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean over independent replications."""

    n: int
    """Replications that have the figure."""
    mean: float
    """NaN if none has."""
    half_width: float
    """Of the confidence interval; NaN for fewer than two replications."""
    level: float = 0.95


def mean_of(values: Sequence[float | int | None], level: float = 0.95) -> Mean:
    """Return the mean and Student's t interval of independent replications; None values are left out and not counted.

    Source: Law, Simulation Modeling and Analysis, 5th ed. 2015, eq. 4.12.
    """
    there = np.array([value for value in values if value is not None], np.float64)
    if not there.size:
        return Mean(0, math.nan, math.nan, level)
    if there.size == 1:
        return Mean(1, float(there[0]), math.nan, level)
    error = float(there.std(ddof=1)) / math.sqrt(there.size)
    return Mean(int(there.size), float(there.mean()), t_quantile(level, int(there.size) - 1) * error, level)


@lru_cache(maxsize=1024)
def t_quantile(level: float, degrees: int) -> float:
    """Return the factor by which a two-sided interval of this level exceeds the standard error."""
    from scipy.special import stdtrit  # what scipy.stats.t.ppf calls, without half a second of imports

    return float(stdtrit(degrees, 0.5 + 0.5 * level))
