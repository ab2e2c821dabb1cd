"""Fits the prices of a cutting card to measured cuts, phase by phase, and judges them on families left out.

Model:
    seconds of a phase ≈ Σ counts · prices of its terms, prices ≥ 0, by relative errors with Huber weights; a phase
    that takes little of a candidate's time counts as little, so that the total is what is fitted well.
Assumes:
    Candidates of one circuit err together: they are drawn and left out together.
Source:
    As ``statevector_fit``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.records import FloatArray
from qhpcsim.core.rng import Rng
from qhpcsim.models.cutting_terms import IN_PHASE, NAMES, PHASES
from qhpcsim.models.statevector_fit import HUBER, HeldOut, interval

N_BOOTSTRAP = 40
_N_ROUNDS = 12
_LEAST_SHARE = 0.02
"""Weight of a phase that takes next to nothing, as a share of the total."""


@dataclass(frozen=True, slots=True)
class CutTimings:
    """Measured candidates: a row each."""

    counts: FloatArray
    """Shape (rows, terms)."""
    phases_s: FloatArray
    """Shape (rows, phases)."""
    families: list[str]
    circuits: list[str]
    """Rows of one circuit have one name."""

    @property
    def total_s(self) -> FloatArray:
        """Seconds of each row."""
        found: FloatArray = self.phases_s.sum(axis=1)
        return found

    def rows(self, index: NDArray[np.intp]) -> CutTimings:
        """Return some of the rows."""
        families, circuits = [self.families[i] for i in index], [self.circuits[i] for i in index]
        return CutTimings(self.counts[index], self.phases_s[index], families, circuits)


@dataclass(frozen=True, slots=True)
class CutFit:
    """Prices in seconds, their bootstrap over circuits, and what a fit to other families predicts of each family."""

    prices: FloatArray
    draws: FloatArray
    log_low: float
    log_high: float
    families: HeldOut


def fit_prices(timings: CutTimings) -> FloatArray:
    """Return the prices of all terms."""
    prices = np.zeros(len(NAMES))
    for p, phase in enumerate(PHASES):
        prices[IN_PHASE[phase]] = _phase(timings.counts[:, IN_PHASE[phase]], timings.phases_s[:, p], timings.total_s)
    return prices


def _phase(counts: FloatArray, seconds: FloatArray, total_s: FloatArray) -> FloatArray:
    """Return the prices of one phase; residuals are relative to it, weighed by its share of the total."""
    from scipy.optimize import nnls

    relative = counts / seconds[:, None]
    size = np.maximum(np.abs(relative).max(axis=0), 1e-300)
    scaled = relative / size
    share = np.sqrt(np.maximum(seconds / total_s, _LEAST_SHARE))
    weights = np.ones(len(seconds))
    for _ in range(_N_ROUNDS):
        prices, _ = nnls(scaled * (share * weights)[:, None], share * weights)
        residuals = scaled @ prices - 1.0
        deviation = max(1.4826 * float(np.median(np.abs(residuals))), 1e-3)
        weights = np.sqrt(np.minimum(1.0, HUBER * deviation / np.maximum(np.abs(residuals), 1e-12)))
    return np.asarray(prices / size)


def fit(timings: CutTimings, seed: int = 0) -> CutFit:
    """Return prices with intervals, and how they do on families that a fit has not seen."""
    families = leave_families_out(timings)
    log_low, log_high = interval(families.predicted_s, families.measured_s)
    rng = Rng(seed).stream("cutting/bootstrap")
    draws = [fit_prices(timings.rows(_resampled(timings, rng))) for _ in range(N_BOOTSTRAP)]
    return CutFit(fit_prices(timings), np.array(draws), log_low, log_high, families)


def leave_families_out(timings: CutTimings) -> HeldOut:
    """Return what fits to all other families predict of each row, with intervals made without its family."""
    names = np.array(timings.families)
    predicted = np.zeros(len(names))
    for name in sorted(set(timings.families)):
        prices = fit_prices(timings.rows(np.flatnonzero(names != name)))
        predicted[names == name] = timings.counts[names == name] @ prices
    covered = np.zeros(len(names), dtype=bool)
    for name in sorted(set(timings.families)):
        others, own = names != name, names == name
        low, high = interval(predicted[others], timings.total_s[others])
        ratio = np.log(timings.total_s[own] / predicted[own])
        covered[own] = (ratio >= low) & (ratio <= high)
    return HeldOut(predicted, timings.total_s, list(timings.families), covered)


def right_choices(held: HeldOut, circuits: Sequence[str]) -> tuple[int, int, float]:
    """Return of how many circuits the predicted best is the measured best, of how many in all, and the mean regret."""
    regrets = []
    for name in dict.fromkeys(circuits):
        own = np.flatnonzero(np.array([each == name for each in circuits]))
        if len(own) > 1:
            chosen = own[int(np.argmin(held.predicted_s[own]))]
            regrets.append(float(held.measured_s[chosen] / held.measured_s[own].min()) - 1.0)
    n_right = sum(regret == 0.0 for regret in regrets)
    return n_right, len(regrets), float(np.mean(regrets)) if regrets else 0.0


def _resampled(timings: CutTimings, rng: np.random.Generator) -> NDArray[np.intp]:
    """Return rows of circuits drawn again, each family's among themselves."""
    of: dict[str, list[int]] = {}
    family: dict[str, str] = {}
    for i, circuit in enumerate(timings.circuits):
        of.setdefault(circuit, []).append(i)
        family[circuit] = timings.families[i]
    found: list[int] = []
    for name in sorted(set(timings.families)):
        members = [circuit for circuit in of if family[circuit] == name]
        for place in rng.choice(len(members), len(members)):
            found += of[members[int(place)]]
    return np.array(found)
