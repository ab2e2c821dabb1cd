"""How much of the beginning of a series to leave out: MSER-5, with the other runs of a point as the judges of each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from qhpcsim.core.records import FloatArray

BATCH = 5
PIECES, TREND_LEVEL = 10, 0.002
"""One in 500 points without a trend is refused."""
LEAST = 50
"""Shortest series that is judged, in values."""
TREND = "the series has a trend, or its warm-up is longer than half of it"


def cuts_of(runs: Sequence[FloatArray]) -> tuple[list[int], str]:
    """Return how many batches to cut off each run of a point, and why nothing can be said of a steady state, if so.

    Model: the cut of a run is what MSER finds in the average of the other runs' batch means, up to the shortest run;
        a run alone is its own judge. The point is refused if the average of all runs would be cut by half, the most
        that is tried, or still goes up or down behind the middle one of the cuts (Kendall's test on ten pieces).
    Assumes: batches of the same number are at the same stage of every run; pieces long enough to be nearly independent.
    Not modelled: what is left of the warm-up behind the cut; cycles longer than the series, which look like a trend.
    Source: MSER-5: White, Cobb & Spratt, "A comparison of five steady-state truncation heuristics for simulation", WSC
        2000, doi:10.1109/WSC.2000.899912; on averages over replications: Hoad, Robinson & Davies, J. Oper. Res. Soc.
        61 (2010), doi:10.1057/jors.2009.121; trends: Kendall 1938, doi:10.1093/biomet/30.1-2.81. That no run has a
        say in its own cut is ours: a cut chosen on the series that is then averaged leaves out what happens to be high.

    Args:
        runs: Batch means of each run, in order; at least one run of at least two batches.
    """
    shortest = min(len(run) for run in runs)
    table = np.array([run[:shortest] for run in runs])
    total = table.sum(axis=0)
    alone = len(table) == 1
    cuts = [truncation(run if alone else (total - run) / (len(table) - 1)) for run in table]
    middle = sorted(cuts)[len(cuts) // 2]
    never_ends = truncation(total) == shortest // 2
    return cuts, TREND if never_ends or has_trend(total[middle:]) else ""


def truncation(means: FloatArray) -> int:
    """Return how many batch means to leave out at the beginning.

    Of all truncations up to half of the series it is the one with the least Σ(y − ȳ)² / n_left².
    """
    n = len(means)
    if n < 2:
        return 0
    means = means - means.mean()  # so that the difference of sums below keeps its digits
    left = n - np.arange(n - 1)
    total = np.cumsum(means[::-1])[::-1][: n - 1]
    squares = np.cumsum(means[::-1] ** 2)[::-1][: n - 1]
    mser = np.maximum(squares - total**2 / left, 0.0) / left.astype(np.float64) ** 2
    return int(np.argmin(mser[: n // 2 + 1]))


def has_trend(means: FloatArray) -> bool:
    """Return whether the means of ten pieces go up or down, by Kendall's test."""
    from scipy.stats import kendalltau

    pieces = [float(piece.mean()) for piece in np.array_split(means, min(PIECES, len(means)))]
    if len(set(pieces)) < 2:
        return False
    return bool(kendalltau(np.arange(len(pieces)), pieces).pvalue < TREND_LEVEL)
