"""Axes of the pictures that are drawn as SVG by hand: where a value lies, and which values are labelled."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from qhpcsim.core.wording import duration, figure_text, number

_TIMES_S = (
    *(base * 10.0**power for power in range(-9, 0) for base in (1, 2, 5)),
    *(1.0, 2.0, 5.0, 10.0, 15.0, 30.0),
    *(60.0 * minutes for minutes in (1, 2, 5, 10, 15, 30)),
    *(3600.0 * hours for hours in (1, 2, 3, 6, 12)),
    *(86400.0 * days for days in (1, 2, 5, 7, 14, 30, 100, 365, 1000, 3650)),
)
"""Steps that people count time in."""
_WIDE_RANGE = 30.0
"""Values that differ by more than this factor stand on a logarithmic axis."""


@dataclass(frozen=True, slots=True)
class Axis:
    """A scale from values to a place between 0 and 1, with labelled values."""

    low: float
    high: float
    log: bool
    ticks: tuple[tuple[float, str], ...]

    def at(self, value: float) -> float:
        """Return the place of a value; values beyond an end lie at the end."""
        value = min(max(value, self.low), self.high)
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def beyond(self, value: float) -> bool:
        """Return whether a value lies outside."""
        return not self.low <= value <= self.high


def axis(values: Sequence[float], most: float, n_ticks: int, figure: str = "", from_zero: bool = True) -> Axis:
    """Return an axis that shows values.

    Args:
        values: Finite; at least one. All of them lie inside.
        most: What else is to lie inside where that costs little room, such as the end of an interval.
        n_ticks: Most labels.
        figure: Name whose ending tells the unit of the labels; empty: a number.
        from_zero: Whether the axis begins at zero where the values are not far from it.
    """
    low, high = min(values), max(values)
    high = max(high, min(most, high + 0.6 * (high - low if high > low else abs(high) or 1.0)))
    if low > 0 and high / low > _WIDE_RANGE:
        return _logarithmic(low / 1.3, high * 1.3, n_ticks, figure)
    room = 0.06 * (high - low) or 0.1 * abs(high) or 1.0
    low = 0.0 if from_zero and 0 <= low <= 0.5 * high else low - room
    return _linear(low, high + room, n_ticks, figure)


def _linear(low: float, high: float, n_ticks: int, figure: str) -> Axis:
    step = next(each for each in _steps(figure) if (high - low) / each <= n_ticks)
    first = math.ceil(low / step - 1e-9)
    places = [step * k for k in range(first, math.floor(high / step + 1e-9) + 1)]
    return Axis(low, high, False, _labelled(places, figure))


def _labelled(places: list[float], figure: str) -> tuple[tuple[float, str], ...]:
    """Return places with their labels; with all digits where short labels are the same."""
    texts = [tick_text(value, figure) for value in places]
    if len(set(texts)) < len(texts):
        unit = " s" if _is_time(figure) else " J" if figure.endswith("_j") else ""
        texts = [f"{number(value, 12)}{unit}" for value in places]
    return tuple(zip(places, texts, strict=True))


def _steps(figure: str) -> Iterator[float]:
    if _is_time(figure):
        yield from _TIMES_S
    start = 3 if _is_time(figure) else -12
    for power in count(start):
        for base in (1, 2, 5):
            yield base * 10.0**power * (86400.0 if _is_time(figure) else 1.0)


def _logarithmic(low: float, high: float, n_ticks: int, figure: str) -> Axis:
    if _is_time(figure):
        places = [value for value in _TIMES_S if low <= value <= high]
    else:
        powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        places = [base * 10.0**power for power in powers for base in (1, 2, 5) if low <= base * 10.0**power <= high]
    while len(places) > n_ticks:
        places = places[::2]
    return Axis(low, high, True, _labelled(places, figure))


def _is_time(figure: str) -> bool:
    return figure.endswith("_s") and not figure.endswith("_per_s")


def tick_text(value: float, figure: str) -> str:
    """Return the label of a place on an axis: short, whole where it is whole."""
    if abs(value) < 1e-12:
        return "0"
    if _is_time(figure):
        return duration(value)
    if figure.endswith(("_frac", "utilisation")):
        return f"{100 * value:.3g} %"
    return figure_text(value, figure) if figure else number(float(f"{value:.6g}"))
