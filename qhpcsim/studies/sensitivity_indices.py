"""Sensitivity indices of a function of unknowns in the unit cube: Morris's screening and Sobol's variances."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from qhpcsim.core.records import FloatArray
from qhpcsim.studies.intervals import t_quantile

LEVELS = 4
"""Grid of Morris's trajectories."""
RESAMPLES = 2000
LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Index:
    """One index of each unknown with its bootstrap interval (95 %); arrays of shape (k,)."""

    value: FloatArray
    low: FloatArray
    high: FloatArray


@dataclass(frozen=True, slots=True)
class Morris:
    """Elementary effects: how much the figure moves if one unknown goes from one end to the other."""

    mean_abs: Index
    """Morris's µ*, in the figure's unit."""
    spread: FloatArray
    """Morris's σ: 0 for an effect that is the same everywhere; large where it bends or depends on other unknowns."""
    top_frac: float
    """Share of bootstrap resamples in which the unknown with the largest µ* has the largest."""


@dataclass(frozen=True, slots=True)
class Sobol:
    """Shares of the figure's variance."""

    first: Index
    """By the unknown alone."""
    total: Index
    """With all that it does together with others."""
    top_frac: float


def morris_design(n_unknowns: int, n_trajectories: int, rng: np.random.Generator) -> FloatArray:
    """Return trajectories, shape (trajectories, unknowns + 1, unknowns), each step moving one unknown by 2/3.

    Source: Morris, "Factorial sampling plans for preliminary computational experiments", Technometrics 33 (1991),
        doi:10.1080/00401706.1991.10484804; p = 4 levels, delta = p / (2 (p − 1)).
    """
    step = LEVELS / (2.0 * (LEVELS - 1))
    low = np.arange(LEVELS // 2) / (LEVELS - 1)
    found = np.empty((n_trajectories, n_unknowns + 1, n_unknowns))
    for trajectory in found:
        up = rng.random(n_unknowns) < 0.5
        trajectory[:] = np.where(up, 0.0, step) + rng.choice(low, n_unknowns)
        for k, unknown in enumerate(rng.permutation(n_unknowns)):
            trajectory[k + 1 :, unknown] += step if up[unknown] else -step
    return np.clip(found, 0.0, 1.0)


def morris(design: FloatArray, values: FloatArray, rng: np.random.Generator) -> Morris:
    """Return the elementary effects.

    Args:
        design: From ``morris_design``.
        values: (trajectories, unknowns + 1) the figure at each point.
        rng: Of the bootstrap over trajectories.

    Source: µ*: Campolongo et al., Environ. Model. Softw. 22 (2007), doi:10.1016/j.envsoft.2006.10.004
    """
    n, _, k = design.shape
    effects = np.empty((n, k))
    moves = np.diff(design, axis=1)
    for t in range(n):
        moved = np.abs(moves[t]).argmax(axis=1)
        effects[t, moved] = np.diff(values[t]) / moves[t][np.arange(k), moved]
    sizes = np.abs(effects)
    again = sizes[rng.integers(0, n, (RESAMPLES, n))].mean(axis=1)
    spread = effects.std(axis=0, ddof=1) if n > 1 else np.zeros(k)
    return Morris(_index(sizes.mean(axis=0), again, n), spread, _top_frac(sizes.mean(axis=0), again))


def sobol_design(n_unknowns: int, n: int, rng: np.random.Generator) -> FloatArray:
    """Return the points of A, B and, for each unknown, A with that column of B: shape (unknowns + 2, n, unknowns).

    Args:
        n_unknowns: Dimension.
        n: A power of two.
        rng: Scrambles the Sobol sequence.
    """
    from scipy.stats import qmc

    both = qmc.Sobol(2 * n_unknowns, scramble=True, rng=rng).random_base2(int(n).bit_length() - 1)
    first, second = both[:, :n_unknowns], both[:, n_unknowns:]
    mixed = np.repeat(first[None], n_unknowns, axis=0)
    for k in range(n_unknowns):
        mixed[k, :, k] = second[:, k]
    return np.concatenate([first[None], second[None], mixed])


def sobol(values: FloatArray, rng: np.random.Generator) -> Sobol:
    """Return first-order and total indices.

    Args:
        values: (unknowns + 2, n) the figure at the points of ``sobol_design``.
        rng: Of the bootstrap over rows.

    Source: estimators: Saltelli et al., Comput. Phys. Commun. 181 (2010), doi:10.1016/j.cpc.2009.09.018 (first),
        Jansen 1999 (total), as in ``scipy.stats.sobol_indices``
    """
    n = values.shape[1]
    first, total = _shares(values)
    picks = rng.integers(0, n, (RESAMPLES, n))
    again = [_shares(values[:, pick]) for pick in picks]
    firsts, totals = (np.array([pair[part] for pair in again]) for part in (0, 1))
    return Sobol(_index(first, firsts, n), _index(total, totals, n), _top_frac(total, totals))


def _shares(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return Saltelli's first-order and Jansen's total indices."""
    centred = values - values[:2].mean()
    a, b, mixed = centred[0], centred[1], centred[2:]
    variance = float(np.concatenate([a, b]).var())
    if variance == 0.0:
        return np.zeros(len(mixed)), np.zeros(len(mixed))
    first = (b * (mixed - a)).mean(axis=1) / variance
    total = 0.5 * ((a - mixed) ** 2).mean(axis=1) / variance
    return first, total


def _index(value: FloatArray, again: FloatArray, n: int) -> Index:
    """Return an index with the percentiles of its resamples, further out for small n, as Student's t is.

    Source: Hesterberg, "What teachers should know about the bootstrap", Am. Stat. 69 (2015),
        doi:10.1080/00031305.2015.1089789, §5.3 (expanded percentiles)
    """
    from scipy.special import ndtr

    tail = float(ndtr(-t_quantile(LEVEL, n - 1) * math.sqrt(n / (n - 1))))
    low, high = np.quantile(again, (tail, 1.0 - tail), axis=0)
    return Index(value, low, high)


def _top_frac(value: FloatArray, again: FloatArray) -> float:
    return float((again.argmax(axis=1) == int(value.argmax())).mean())
