"""The fit of CPU cards: it finds prices that are known, shrugs off disturbed rows, and states its error truly."""

from __future__ import annotations

import numpy as np
import pytest

from qhpcsim.core.records import FloatArray
from qhpcsim.models.statevector_features import Machine, counts
from qhpcsim.models.statevector_fit import PROBE, Timings, fit, fit_prices, interval
from tests.models.cpu_cards import cost_of, seconds

FAMILIES = ("efficient_su2", "qaoa", "tfim", "qft", "brickwork", "clifford_t", "iqp", "two_qubit", "dynamic")
PROBES = [
    *(f"probe:{n}:kernel={kernel},width={w}" for n in (10, 13) for kernel, w in (("matrix", 1), ("permutation", 2))),
    *(f"probe:{n}:kernel=matrix,width={w}" for n in (8, 12, 16) for w in (2, 3, 4, 5)),
    *(f"probe:{n}:kernel={kernel},width=1" for n in (4, 9, 13) for kernel in ("measure", "reset", "phase", "rotation")),
    *(f"probe:{n}:kernel={kernel},width=2" for n in (6, 13) for kernel in ("diagonal", "phase", "controlled")),
]


@pytest.fixture(scope="module")
def timings() -> Timings:
    rows = [(name, PROBE, 200) for name in PROBES]
    rows += [(f"{family}:{n}", family, 300) for family in FAMILIES for n in (3, 6, 9, 12, 14, 16, 17, 18, 19, 21, 22)]
    costs = [cost_of(name, shots) for name, _, shots in rows]
    terms = np.array([counts(cost, Machine()) for cost in costs])
    exact = np.array([seconds(cost) for cost in costs])
    return Timings(terms, exact, [group for _, group, _ in rows], np.array([float(cost.n_active) for cost in costs]))


def scattered(timings: Timings, sigma: float, seed: int = 0) -> Timings:
    factor = np.exp(np.random.default_rng(seed).normal(0.0, sigma, len(timings.seconds)))
    return Timings(timings.counts, timings.seconds * factor, timings.groups, timings.n_active)


def errors(prices: FloatArray, truth: Timings) -> FloatArray:
    return np.asarray(np.abs(truth.counts @ prices / truth.seconds - 1.0))


def test_exact_times_are_reproduced(timings: Timings) -> None:
    assert errors(fit_prices(timings.counts, timings.seconds), timings).max() < 1e-6


def test_prices_are_never_negative(timings: Timings) -> None:
    noisy = scattered(timings, 0.2)
    assert (fit_prices(noisy.counts, noisy.seconds) >= 0).all()


def test_disturbed_rows_do_not_bend_the_rest(timings: Timings) -> None:
    disturbed = timings.seconds.copy()
    disturbed[::12] *= 3.0
    assert np.median(errors(fit_prices(timings.counts, disturbed), timings)) < 0.01


def test_held_out_errors_are_those_of_the_scatter(timings: Timings) -> None:
    """With 5 % scatter the mean absolute error is 5 %·√(2/π) and what the prices' own error adds."""
    found = fit(scattered(timings, 0.05))
    assert 0.03 < found.families.mape() < 0.06
    assert found.sizes is not None
    assert found.sizes.mape() < 0.12
    assert found.draws.shape == (len(found.draws), timings.counts.shape[1])


def test_intervals_hold_nine_of_ten_circuits_that_the_fit_has_not_seen(timings: Timings) -> None:
    held = [fit(scattered(timings, 0.05, seed)).families.coverage() for seed in range(3)]
    assert 0.85 <= np.mean(held) <= 0.97


def test_interval_is_conformal() -> None:
    """Of 19 residuals, rank 1 and rank 19 bound 90 %: (n + 1) · 5 % = 1."""
    measured = np.exp(np.arange(-9.0, 10.0))
    assert interval(np.ones(19), measured) == (pytest.approx(-9.0), pytest.approx(9.0))


def test_same_rows_give_the_same_fit(timings: Timings) -> None:
    noisy = scattered(timings, 0.05)
    first, second = fit(noisy, seed=3), fit(noisy, seed=3)
    np.testing.assert_array_equal(first.draws, second.draws)
    np.testing.assert_array_equal(first.prices, second.prices)
