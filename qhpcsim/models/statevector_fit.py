"""Fits the prices of a state-vector card to timings, by relative error, and says how good it is where it never looked.

Model:
    seconds ≈ Σ counts · prices with prices ≥ 0; iterated weighted least squares of the relative errors with Huber
    weights, so that a disturbed measurement does not bend the rest.
Assumes:
    Timings are minima over repeats; errors of different circuits are independent.
Source:
    P. J. Huber, Ann. Math. Statist. 35 (1964), doi:10.1214/aoms/1177703732 (weights); C. L. Lawson, R. J. Hanson,
    Solving Least Squares Problems (1974) (non-negative least squares).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.records import FloatArray
from qhpcsim.core.rng import Rng

HUBER = 1.345
"""Residuals up to so many deviations count in full (95 % efficiency for normal errors)."""
N_ROUNDS = 12
N_BOOTSTRAP = 40
SMALL, LARGE = 19, 21
"""Small-to-large: fitted on up to so many qubits, judged from so many."""
LEVEL = 0.9
PROBE = "probe"
"""Group of the circuits that are never left out: they define the prices."""
PRIOR = "prior"
"""Group of rows that are no circuits: each states a price taken from elsewhere, with the weight of one circuit."""


@dataclass(frozen=True, slots=True)
class Timings:
    """Measured circuits: a row each."""

    counts: FloatArray
    """Terms of each circuit; shape (circuits, terms)."""
    seconds: FloatArray
    groups: list[str]
    n_active: FloatArray

    def rows(self, index: NDArray[np.intp]) -> Timings:
        """Return some of the circuits."""
        groups = [self.groups[i] for i in index]
        return Timings(self.counts[index], self.seconds[index], groups, self.n_active[index])

    def error(self) -> float:
        """Return the median absolute relative error of a fit to all circuits."""
        predicted = self.counts @ fit_prices(self.counts, self.seconds)
        return float(np.median(np.abs(predicted / self.seconds - 1.0)))


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Predictions of circuits by fits that did not see them."""

    predicted_s: FloatArray
    measured_s: FloatArray
    groups: list[str]
    covered: FloatArray
    """Whether the interval, itself made without the circuit's group, holds the measured time."""

    def mape(self, group: str | None = None) -> float:
        """Return the mean absolute relative error, of one group or all circuits alike."""
        chosen = np.array([group is None or each == group for each in self.groups])
        return float(np.mean(np.abs(self.predicted_s[chosen] / self.measured_s[chosen] - 1.0)))

    def coverage(self, group: str | None = None) -> float:
        """Return the share of circuits inside their interval."""
        chosen = np.array([group is None or each == group for each in self.groups])
        return float(np.mean(self.covered[chosen]))


@dataclass(frozen=True, slots=True)
class Fit:
    """Prices in seconds, their bootstrap over circuits, and the spread of held-out errors."""

    prices: FloatArray
    draws: FloatArray
    """Prices fitted to circuits drawn again; shape (draws, terms)."""
    log_low: float
    """Lower end of the interval: logarithm of its ratio to the median, before the prices' own uncertainty."""
    log_high: float
    families: HeldOut
    sizes: HeldOut | None
    """Small-to-large; None: too few circuits on one of the sides."""


def fit_prices(counts: FloatArray, seconds: FloatArray) -> FloatArray:
    """Return non-negative prices of least relative error, robustly."""
    from scipy.optimize import nnls

    relative = counts / seconds[:, None]
    size = np.maximum(np.abs(relative).max(axis=0), 1e-300)
    scaled = relative / size
    weights = np.ones(len(seconds))
    prices = np.zeros(counts.shape[1])
    for _ in range(N_ROUNDS):
        prices, _ = nnls(scaled * weights[:, None], weights)
        residuals = scaled @ prices - 1.0
        deviation = max(1.4826 * float(np.median(np.abs(residuals))), 1e-3)
        weights = np.sqrt(np.minimum(1.0, HUBER * deviation / np.maximum(np.abs(residuals), 1e-12)))
    return np.asarray(prices / size)


def fit(timings: Timings, seed: int = 0, progress: Callable[[float], None] | None = None) -> Fit:
    """Return prices with intervals, and how they do on families and sizes that a fit has not seen."""
    families = _leave_one_out(timings)
    log_low, log_high = interval(families.predicted_s, families.measured_s)
    rng = Rng(seed).stream("bootstrap")
    draws = []
    for i in range(N_BOOTSTRAP):
        drawn = timings.rows(_resampled(timings, rng))
        draws.append(fit_prices(drawn.counts, drawn.seconds))
        if progress is not None:
            progress((i + 1) / N_BOOTSTRAP)
    prices = fit_prices(timings.counts, timings.seconds)
    return Fit(prices, np.array(draws), log_low, log_high, families, _small_to_large(timings))


def interval(predicted_s: FloatArray, measured_s: FloatArray) -> tuple[float, float]:
    """Return the logarithms of measured over predicted between which ``LEVEL`` of new circuits lie.

    The ranks are those of conformal prediction, which count the new circuit in.
    """
    ratios = np.sort(np.log(measured_s / predicted_s))
    n = len(ratios)
    tail = (1.0 - LEVEL) / 2.0
    low = max(0, int(np.floor(tail * (n + 1))) - 1)
    high = min(n - 1, int(np.ceil((1.0 - tail) * (n + 1))) - 1)
    return float(min(ratios[low], 0.0)), float(max(ratios[high], 0.0))


def _resampled(timings: Timings, rng: np.random.Generator) -> NDArray[np.intp]:
    """Return circuits drawn again, the probes and the others each among themselves; prior rows stay."""
    groups = np.array(timings.groups)
    probes, circuits = np.flatnonzero(groups == PROBE), np.flatnonzero(~np.isin(groups, (PROBE, PRIOR)))
    drawn = [rng.choice(part, len(part)) for part in (probes, circuits) if len(part)]
    return np.concatenate([*drawn, np.flatnonzero(groups == PRIOR)])


def _leave_one_out(timings: Timings) -> HeldOut:
    names = sorted(set(timings.groups) - {PROBE, PRIOR})
    groups = np.array(timings.groups)
    predicted = np.zeros(len(groups))
    for name in names:
        train = timings.rows(np.flatnonzero(groups != name))
        predicted[groups == name] = timings.counts[groups == name] @ fit_prices(train.counts, train.seconds)
    kept = ~np.isin(groups, (PROBE, PRIOR))
    return _judged(predicted[kept], timings.seconds[kept], [str(group) for group in groups[kept]])


def _judged(predicted: FloatArray, measured: FloatArray, groups: list[str]) -> HeldOut:
    """Return held-out predictions with, for each group, an interval made from the others."""
    names = np.array(groups)
    covered = np.zeros(len(groups), dtype=bool)
    for name in sorted(set(groups)):
        others, own = names != name, names == name
        low, high = interval(predicted[others], measured[others]) if others.any() else (0.0, 0.0)
        ratio = np.log(measured[own] / predicted[own])
        covered[own] = (ratio >= low) & (ratio <= high)
    return HeldOut(predicted, measured, groups, covered)


def _small_to_large(timings: Timings) -> HeldOut | None:
    small, large = timings.n_active <= SMALL, timings.n_active >= LARGE
    large &= ~np.isin(np.array(timings.groups), (PROBE, PRIOR))
    if small.sum() < timings.counts.shape[1] // 2 or not large.any():
        return None
    train, test = timings.rows(np.flatnonzero(small)), timings.rows(np.flatnonzero(large))
    predicted = test.counts @ fit_prices(train.counts, train.seconds)
    return _judged(predicted, test.seconds, test.groups)
