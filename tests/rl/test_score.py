"""Rewards that add up to the last bit."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from qhpcsim.rl.score import Score

FIGURES = st.lists(st.floats(0.0, 4e9), min_size=1, max_size=50)


def rewards(figures):
    score = Score()
    made = [*map(score.step, figures[:-1]), score.last(figures[-1])]
    assert score.total == sum(made)
    return made


@settings(max_examples=1000)
@given(FIGURES)
def test_the_sum_is_minus_a_figure_that_grows_to_the_last_bit_in_any_order(figures):
    made = rewards(sorted(figures))
    assert sum(made) == sum(sorted(made[:-1])) + made[-1] == -max(figures)


@given(FIGURES)
def test_the_sum_is_minus_any_figure_but_for_rounding(figures):
    assert abs(sum(rewards(figures)) + figures[-1]) <= 4e-16 * max(figures)


def test_each_reward_is_the_growth_but_for_a_millionth():
    figures = [0.1 * k**2 for k in range(100)]
    for reward, before, after in zip(rewards(figures)[1:], figures, figures[1:], strict=False):
        assert abs(-reward - (after - before)) < 2e-6
