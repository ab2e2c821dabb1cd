"""How much of the beginning of a series to leave out: MSER-5."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from qhpcsim.core.records import FloatArray

BATCH = 5
PIECES, TREND_LEVEL = 10, 0.01
LEAST = 50
"""Shortest series that is judged."""


@dataclass(frozen=True, slots=True)
class WarmUp:
    """What MSER-5 says of a series."""

    n_cut: int
    """Values at the beginning to leave out."""
    why_not: str = ""
    """Why nothing can be said of a steady state; empty: it can."""


def mser5(series: ArrayLike) -> WarmUp:
    """Return how many values to cut from the beginning of a series.

    Model: means of 5 values each; of all truncations up to half of the series the one with the least
        Σ(y − ȳ)² / n_left². If the means of ten equal pieces of what is left still go up or down (Kendall's test at
        1 %), the series has a trend, or a warm-up as long as the run, and is refused.
    Assumes: one value after the other at even steps, such as the waits of jobs in order of submission; pieces long
        enough to be nearly independent.
    Not modelled: cycles longer than the series, which look like a trend.
    Source: White, Cobb & Spratt, "A comparison of five steady-state truncation heuristics for simulation", WSC 2000,
        doi:10.1109/WSC.2000.899912; trends: Kendall 1938, doi:10.1093/biomet/30.1-2.81.

    Args:
        series: (n,) finite values.
    """
    values = np.asarray(series, np.float64)
    if len(values) < LEAST:
        return WarmUp(0, f"{len(values)} values are too few, {LEAST} are needed")
    n = len(values) // BATCH
    means = values[: n * BATCH].reshape(n, BATCH).mean(axis=1)
    means = means - means.mean()  # so that the difference of sums below keeps its digits
    left = n - np.arange(n - 1)
    total = np.cumsum(means[::-1])[::-1][: n - 1]
    squares = np.cumsum(means[::-1] ** 2)[::-1][: n - 1]
    mser = np.maximum(squares - total**2 / left, 0.0) / left.astype(np.float64) ** 2
    best = int(np.argmin(mser[: n // 2 + 1]))
    if _has_trend(means[best:]):
        return WarmUp(0, "the series has a trend, or its warm-up is longer than half of it")
    return WarmUp(best * BATCH)


def _has_trend(means: FloatArray) -> bool:
    """Return whether the means of ten pieces go up or down."""
    from scipy.stats import kendalltau

    pieces = [float(piece.mean()) for piece in np.array_split(means, min(PIECES, len(means)))]
    if len(set(pieces)) < 2:
        return False
    return bool(kendalltau(np.arange(len(pieces)), pieces).pvalue < TREND_LEVEL)
