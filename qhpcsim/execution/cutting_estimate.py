"""Expectation values of a cut circuit and their standard errors, from the counts of its different circuits.

The estimator is that of ``qiskit_addon_cutting.reconstruct_expectation_values``: ``E_k = sum_t c_t prod_p e[d(t,p),k]``
with ``e`` the mean sign of the shots of experiment d. Terms share experiments; partitions do not.

Model: the means of different experiments are independent and a term holds one of each partition, so ``E_k`` is linear
in the means of each partition. For a set S of partitions let ``A_S[u]`` be the derivative of ``E_k`` by the means of
the experiments ``u``, one of each partition in S. Then ``Var(E_k)`` is the sum over S of ``sum_u A_S[u]^2 prod_S v[u]``
with ``v`` the variance of a mean; covariances of observables follow with their covariance for ``v``. Derivatives and
variances are those of the counts. |S| = 1 is the usual propagation of errors; |S| = 2 and 3 matter where values are
small beside their noise in several partitions, and are counted more than once there, since noise makes measured
derivatives too large: by up to a factor of 3 in the variance for two partitions where nothing but noise is left.
A set counts for the observables that have noise in each of its partitions; the others have none from it.
A partition that takes the same experiment in all terms is a factor of the whole sum: its sets need not be listed, for
``prod (m_k m_l + x v_kl)`` over such partitions has their part in its powers of x.
Assumes: shots are independent. Drawn terms add the variance of drawing them.
Not modelled: |S| > 3.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from qhpcsim.circuits.cut_work import NOISE_ORDER
from qhpcsim.circuits.cutting_plan import Plan, masks_of
from qhpcsim.core.records import FloatArray

_ORDER = NOISE_ORDER
"""Most partitions in a set that is summed over."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What a run of an experiment gave: ``numbers[i]`` shots with outcome ``keys[i]``.

    Without shots, the exact mean sign of the parity of the bits in ``keys[i]``.
    """

    keys: NDArray[np.uint64]
    numbers: FloatArray
    shots: int
    """0: exact values."""


@dataclass(frozen=True, slots=True)
class Moments:
    """Mean signs of an experiment's shots for its m different parities, and the covariance of these means."""

    mean: FloatArray
    """(m,)"""
    covariance: FloatArray
    """(m, m)"""


@dataclass(frozen=True, slots=True)
class Estimate:
    """K expectation values."""

    values: FloatArray
    """(K,)"""
    covariance: FloatArray
    """(K, K) of the values."""

    @property
    def stderr(self) -> FloatArray:
        """Return the (K,) standard errors."""
        return np.sqrt(np.diagonal(self.covariance))


def moments(counts: Counts | None, masks: Sequence[int]) -> Moments:
    """Return the mean signs for each mask of bits; without counts there are no bits and all is +1.

    The covariance is that of the counts with one shot more of either sign of each product, so that equal outcomes of
    a few shots are not taken for certainty.
    """
    n = len(masks)
    if counts is None:
        return Moments(np.ones(n), np.zeros((n, n)))
    wanted = np.array(masks, dtype=np.uint64)
    if not counts.shots:
        order = np.argsort(counts.keys)
        return Moments(counts.numbers[order][np.searchsorted(counts.keys[order], wanted)], np.zeros((n, n)))
    signs = 1.0 - 2.0 * (np.bitwise_count(counts.keys[:, None] & wanted[None, :]) & 1)
    mean = counts.numbers @ signs / counts.shots
    products = (signs.T * counts.numbers) @ signs
    weight = 1.0 / (counts.shots + 1.0)
    shrunk = mean * counts.shots * weight
    covariance = ((products + np.eye(n)) * weight - np.outer(shrunk, shrunk)) / counts.shots
    covariance[wanted == 0, :] = covariance[:, wanted == 0] = 0.0
    return Moments(mean, covariance)


def estimate(plan: Plan, counts: Sequence[Counts | None]) -> Estimate:
    """Return the expectation values of a plan's observables.

    Args:
        plan: The sum.
        counts: Of each of its experiments; None for one without bits.
    """
    return _Reconstruction(plan, counts).estimate()


def variance_shares(plan: Plan, counts: Sequence[Counts | None], weights: FloatArray) -> FloatArray:
    """Return the (S, D) first-order part that each experiment has in the variance of S sums of observables.

    Args:
        plan: The sum.
        counts: Of each of its experiments; None for one without bits.
        weights: Of each observable in each sum, shape (S, K).
    """
    return _Reconstruction(plan, counts).shares(weights)


class _Reconstruction:
    """The tables that the sums run over."""

    def __init__(self, plan: Plan, counts: Sequence[Counts | None]) -> None:
        self.plan = plan
        self.n_observables = len(plan.known)
        means, covariances = [], []
        for experiment, found in zip(plan.experiments, counts, strict=True):
            column, masks = masks_of(plan.parts[experiment.partition], experiment)
            one = moments(found, masks)
            means.append(one.mean[column])
            covariances.append(one.covariance[np.ix_(column, column)])
        self.mean = np.array(means)
        """(D, K)"""
        self.spread = np.array(covariances)
        """(D, K, K) covariances of the means"""
        parts, rows = range(len(plan.parts)), range(self.n_observables)
        self.noisy = np.array([[self._is_noisy(part, k) for k in rows] for part in parts])
        """(P, K) whether an observable has noise in a partition"""
        self.factors = [part for part in parts if (plan.parts[part].experiment == plan.parts[part].experiment[0]).all()]
        """Partitions that take one experiment for each group of observables, whatever the term."""
        self.others = [part for part in parts if part not in self.factors]

    def _is_noisy(self, part: int, observable: int) -> bool:
        return bool((self.spread[self.plan.places(part, observable), observable, observable] > 0.0).any())

    def estimate(self) -> Estimate:
        """Return values and covariance."""
        terms = np.array([self._product(k, range(len(self.plan.parts))) for k in range(self.n_observables)])
        values = terms @ self.plan.terms.coefficients * self.plan.known
        covariance = self._shot_covariance() + self._drawing_covariance(terms)
        return Estimate(values, covariance * np.outer(self.plan.known, self.plan.known))

    def shares(self, weights: FloatArray) -> FloatArray:
        """Return the part of each experiment in the variance of each sum, shape (S, D)."""
        found = np.zeros((len(weights), len(self.mean)))
        signed, rows = weights * self.plan.known, np.arange(self.n_observables)
        for part in range(len(self.plan.parts)):
            rest = [other for other in range(len(self.plan.parts)) if other != part]
            slopes, (experiment,) = self._derivatives((part,), rest, rows)
            spread = self.spread[experiment]
            for total, row in zip(found, signed, strict=True):
                each = row[:, None] * slopes
                total += np.bincount(experiment, np.einsum("kn,nkl,ln->n", each, spread, each), len(total))
        return found

    def _product(self, observable: int, parts: Sequence[int]) -> FloatArray:
        """Return the (T,) product of the means of some partitions."""
        found = np.ones(self.plan.terms.n)
        for part in parts:
            found *= self.mean[self.plan.places(part, observable), observable]
        return found

    def _shot_covariance(self) -> FloatArray:
        orders = self._covariances_of_the_others()
        for part in self.factors:
            experiment = self.plan.parts[part].experiment[0, self.plan.parts[part].group]
            means = self.mean[experiment, np.arange(self.n_observables)]
            spread = np.where(experiment[:, None] == experiment, self.spread[experiment, np.arange(len(means))], 0.0)
            higher = orders * np.outer(means, means)
            higher[1:] += orders[:-1] * spread
            orders = higher
        total: FloatArray = orders[1:].sum(axis=0)
        return total

    def _covariances_of_the_others(self) -> FloatArray:
        """Return their sum over the sets of each size, shape (_ORDER + 1, K, K); for none, products of values."""
        terms = np.array([self._product(k, self.others) for k in range(self.n_observables)])
        values = terms @ self.plan.terms.coefficients
        found = np.zeros((_ORDER + 1, self.n_observables, self.n_observables))
        found[0] = np.outer(values, values)
        for chosen in _sets(self.others):
            rows = np.flatnonzero(self.noisy[list(chosen)].all(axis=0))
            if not rows.size:
                continue
            rest = [part for part in self.others if part not in chosen]
            slopes, experiments = self._derivatives(chosen, rest, rows)
            for slope, k in zip(slopes, rows, strict=True):
                both = slopes * slope
                for place in experiments:
                    both *= self.spread[place, k][:, rows].T
                found[len(chosen), k, rows] += both.sum(axis=1)
        return found

    def _derivatives(
        self, chosen: tuple[int, ...], rest: Sequence[int], rows: NDArray[np.int64]
    ) -> tuple[FloatArray, list[NDArray[np.int64]]]:
        """Return the (rows, N) derivatives of the sum over products of some partitions and the rest of those meant.

        They are those by the N tuples of experiments of the chosen partitions; the tuples come with them.
        """
        plan = self.plan
        signatures: dict[tuple[int, ...], int] = {}
        row_of = []
        for k in rows.tolist():
            signature = tuple(int(plan.parts[part].group[k]) for part in chosen)
            row_of.append(signatures.setdefault(signature, len(signatures)))
        columns = [
            np.concatenate([plan.parts[part].experiment[:, signature[i]] for signature in signatures])
            for i, part in enumerate(chosen)
        ]
        place, first = _numbered(columns)
        place = place.reshape(len(signatures), plan.terms.n)
        slopes = np.empty((len(rows), len(first)))
        for slope, k, row in zip(slopes, rows.tolist(), row_of, strict=True):
            weight = plan.terms.coefficients * self._product(k, rest)
            slope[:] = np.bincount(place[row], weights=weight, minlength=len(first))
        return slopes, [column[first] for column in columns]

    def _drawing_covariance(self, products: FloatArray) -> FloatArray:
        """Return the (K, K) covariance from drawing terms.

        It is that of the draws with one more, as far from their mean as a product can be: few draws may look alike.
        Products have shot noise, so it is a little too large.
        """
        terms = self.plan.terms
        drawn = terms.n_draws > 0
        n = int(terms.n_draws.sum())
        if not n:
            return np.zeros((self.n_observables, self.n_observables))
        draws = terms.n_draws[drawn]
        signed = products[:, drawn] * np.sign(terms.coefficients[drawn])
        from_mean = signed - (signed @ draws / n)[:, None]
        squares = (from_mean * draws) @ from_mean.T + np.eye(self.n_observables)
        found: FloatArray = squares * (terms.drawn_weight() / n) ** 2
        return found


def _sets(parts: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Yield the sets of partitions that are summed over."""
    for size in range(1, min(len(parts), _ORDER) + 1):
        yield from combinations(parts, size)


def _numbered(columns: Sequence[NDArray[np.int64]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the number of each row among the different rows, and where each of these first stands."""
    place, first = np.zeros(len(columns[0]), np.int64), np.zeros(1, np.int64)
    for column in columns:
        _, first, place = np.unique(place * (int(column.max()) + 1) + column, return_index=True, return_inverse=True)
    return place, first
