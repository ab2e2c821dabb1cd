"""The backlog that the users of a QPU put up with: a level that rises and falls in turns of days."""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class LevelLaw:
    """How the tolerated backlog moves.

    Model:
        L(t) = Q(u(t)), Q the quantile function of the backlog, linear between knots; u climbs from 0 to 1 in the
        first ``rise_frac`` of a turn and falls back to 0 evenly in the rest, so that it spends equal time at every
        height. Lengths of turns are independent lognormal draws; time 0 falls anywhere in a turn.
    Assumes:
        Every turn goes through the whole range.
    Not modelled:
        Hours of the day, days of the week, turns of unequal height.
    Source:
        Fitted by calibration/qpu_background/fit_background.py.
    """

    probabilities: tuple[float, ...]
    """Knots of Q, rising from 0 to 1."""
    jobs: tuple[float, ...]
    """Q at the knots, jobs, never falling."""
    turn_s: float
    """Mean length of a turn."""
    turn_cv: float
    """Coefficient of variation of the lengths of turns."""
    rise_frac: float
    """Share of a turn in which the level rises, between 0 and 1."""


class BacklogLevel:
    """One realisation of the level; turns are drawn as far ahead as someone asks.

    Args:
        law: How the level moves.
        generator: Draws the lengths of the turns and nothing else.
    """

    def __init__(self, law: LevelLaw, generator: np.random.Generator) -> None:
        self.law = law
        self._generator = generator
        self._sigma = math.sqrt(math.log1p(law.turn_cv**2))
        first_s = self._draw_turn_s()
        start_s = -float(generator.random()) * first_s
        self._starts_s = [start_s, start_s + first_s]
        widths = np.diff(np.asarray(law.probabilities))
        self._slopes = [float(s) for s in np.diff(np.asarray(law.jobs)) / widths]

    def turn(self, time_s: float) -> int:
        """Return the number of the turn that holds an instant, 0 for the one that holds time 0."""
        starts = self._starts_s
        while starts[-1] <= time_s:
            starts.append(starts[-1] + self._draw_turn_s())
        return bisect_right(starts, time_s) - 1

    def rising(self, time_s: float) -> bool:
        """Return whether the level rises at an instant."""
        return self._phase(time_s)[0] < self.law.rise_frac

    def jobs(self, time_s: float) -> float:
        """Return the tolerated backlog at an instant, in jobs."""
        phase, _ = self._phase(time_s)
        rise = self.law.rise_frac
        u = phase / rise if phase < rise else (1.0 - phase) / (1.0 - rise)
        piece = self._piece(u)
        return self.law.jobs[piece] + self._slopes[piece] * (u - self.law.probabilities[piece])

    def fall_hz(self, time_s: float) -> float:
        """Return how fast the level falls at an instant, jobs per second; 0 while it rises."""
        phase, length_s = self._phase(time_s)
        rest = 1.0 - self.law.rise_frac
        if phase < self.law.rise_frac:
            return 0.0
        return self._slopes[self._piece((1.0 - phase) / rest)] / (rest * length_s)

    def _phase(self, time_s: float) -> tuple[float, float]:
        """Return how far a turn has come, from 0 to 1, and the length of the turn in seconds."""
        turn = self.turn(time_s)
        start_s = self._starts_s[turn]
        length_s = self._starts_s[turn + 1] - start_s
        return (time_s - start_s) / length_s, length_s

    def _piece(self, u: float) -> int:
        return min(max(bisect_right(self.law.probabilities, u) - 1, 0), len(self._slopes) - 1)

    def _draw_turn_s(self) -> float:
        return self.law.turn_s * math.exp(self._sigma * float(self._generator.standard_normal()) - self._sigma**2 / 2)
