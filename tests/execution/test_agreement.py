"""The statistics of a validation, by hand and by simulation."""

import math

import numpy as np
import pytest
from scipy import stats

from qhpcsim.execution.agreement import agreement
from qhpcsim.execution.stratified import in_turns

NAN = math.nan


def test_by_hand():
    found = agreement(
        np.array([1.1, 1.8, 3.0, 5.0, NAN, 1.0]),
        np.array([0.9, 1.7, 2.0, NAN, 1.0, 0.5]),
        np.array([1.2, 1.9, 4.0, NAN, 2.0, 2.0]),
        np.array([1.0, 2.0, 3.0, 4.0, 1.0, NAN]),
    )
    assert (found.n, found.n_missing) == (4, 2)
    assert found.mape_frac == pytest.approx((0.1 + 0.1 + 0.0 + 0.25) / 4)
    assert found.bias_frac == pytest.approx((0.1 - 0.1 + 0.0 + 0.25) / 4)
    assert (found.n_interval, found.n_inside) == (3, 2)
    assert found.coverage_frac == pytest.approx(2 / 3)
    wilson = stats.binomtest(2, 3).proportion_ci(method="wilson")
    assert found.coverage_interval == pytest.approx((wilson.low, wilson.high))


def test_nothing_measured_is_nothing_said():
    found = agreement(*(np.array([1.0, 2.0]) for _ in range(3)), np.array([NAN, NAN]))
    assert (found.n, found.n_missing, found.n_interval) == (0, 2, 0)
    assert math.isnan(found.mape_frac) and math.isnan(found.coverage_frac)
    assert all(map(math.isnan, found.coverage_interval))


def test_the_interval_of_the_error_holds_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(7)
    truth, held = math.sqrt(2 / math.pi) * 0.1, 0
    for k in range(200):
        measured = rng.uniform(1.0, 5.0, 40)
        predicted = measured * (1 + rng.normal(0.0, 0.1, 40))
        found = agreement(predicted, predicted, predicted, measured, seed=k)
        held += found.mape_low <= truth <= found.mape_high
    assert 0.88 <= held / 200 <= 0.99


def test_strata_take_turns_and_repeats_come_last():
    strata = ["big"] * 90 + ["small"] * 6 + ["rare"] * 2
    alike = [k % 30 for k in range(90)] + [0] * 6 + [0, 1]
    order = list(in_turns(strata, alike, range(98), seed=3))
    assert sorted(order) == list(range(98))
    first = [strata[row] for row in order[:6]]
    assert [first.count(name) for name in ("big", "small", "rare")] == [2, 2, 2]
    big = [row for row in order if strata[row] == "big"]
    assert len({alike[row] for row in big[:30]}) == 30
    assert order == list(in_turns(strata, alike, range(98), seed=3))
    assert order != list(in_turns(strata, alike, range(98), seed=4))


def test_only_rows_that_can_be_taken_are():
    assert sorted(in_turns(["a"] * 5, [0] * 5, [1, 3], seed=0)) == [1, 3]
