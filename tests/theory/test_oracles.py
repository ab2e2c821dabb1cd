"""The formulas themselves, against published values and against each other."""

from __future__ import annotations

import numpy as np
import pytest

from tests.theory import oracles


def test_published_values() -> None:
    assert oracles.mm1_wait(0.8) == pytest.approx(4.0)
    assert oracles.mmc_wait(3.4, 1.0, 4) == pytest.approx(1.148860, abs=1e-6)
    assert oracles.erlang_c(4, 3.4) == pytest.approx(0.689316, abs=1e-6)
    assert oracles.md1_wait(0.8) == pytest.approx(2.0)
    mean, second = 0.9 * 0.5 + 0.1 * 5.5, 2 * (0.9 * 0.5**2 + 0.1 * 5.5**2)
    assert oracles.mg1_wait(0.7, mean, second) == pytest.approx(7.583333, abs=1e-6)


@pytest.mark.parametrize("t", [0.0, 0.5, 3.0, 10.0])
def test_general_tail_is_that_of_special_cases(t: float) -> None:
    """The transform gives M/M/1 for exponential service, and close to M/D/1 for Erlang service of many stages."""
    tail = oracles.mg1_tail(0.7, 1.0, np.array([1.0]), np.array([1.0, 1.0]), t)
    assert tail == pytest.approx(oracles.mm1_tail(0.7, t), rel=1e-12)
    assert oracles.mmc_tail(0.7, 1.0, 1, t) == pytest.approx(oracles.mm1_tail(0.7, t), rel=1e-12)


def test_tails_integrate_to_means() -> None:
    t = np.linspace(0.0, 120.0, 2401)
    (p, q), (a, b) = oracles.hyperexponential_phases(1.0, 2.0)
    top, bottom = np.polyadd(p * a * np.array([1.0, b]), q * b * np.array([1.0, a])), np.polymul([1, a], [1, b])
    tail = [oracles.mg1_tail(0.6, 1.0, top, bottom, x) for x in t]
    assert np.trapezoid(tail, t) == pytest.approx(oracles.mg1_wait(0.6, 1.0, 5.0), rel=1e-3)
    t = np.linspace(0.0, 12.0, 1201)
    tail = [oracles.md1_tail(0.5, x) for x in t]
    assert np.trapezoid(tail, t) == pytest.approx(oracles.md1_wait(0.5), rel=1e-3)


def test_verdicts() -> None:
    noise = np.random.default_rng(0).exponential(1.0, 400_000)
    assert oracles.agree(noise, 1.0, 0.7).agrees
    assert oracles.agree(noise, 1.05, 0.7).wrong
    assert oracles.agree(noise[:2000], 1.0, 0.7).underpowered
    assert oracles.agree(np.repeat(np.cumsum(noise[:330]), 1000), 160.0, 0.7).underpowered
