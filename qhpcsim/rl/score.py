"""Rewards whose sum over an episode is minus a figure of the run."""

from __future__ import annotations

import math

GRAIN = 2.0**-20
"""Figures on the way are cut to a multiple of this, about a millionth of a second."""


class Score:
    """Turns the figure so far into rewards.

    Model: the reward of a step is minus the growth of the figure during it, so the rewards add up to minus the figure.
        On the way the figure is cut to a multiple of ``GRAIN``: then every sum of rewards below 2^32 s is exact, in any
        order, and so is the whole, to the last bit, if the figure only grows. If it ever shrinks, the sum is right but
        for one rounding.
    """

    def __init__(self) -> None:
        self.total = 0.0
        """Sum of the rewards so far."""

    def step(self, figure: float) -> float:
        """Return the reward of a step after which the figure so far is ``figure``."""
        return self.last(math.floor(figure / GRAIN) * GRAIN)

    def last(self, figure: float) -> float:
        """Return the reward of the last step, after which the figure is ``figure``."""
        reward = -figure - self.total
        self.total += reward
        return reward
