"""A time axis in the unit people would use, on the input file's own zero."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qhpcsim.core.records import FloatArray
from qhpcsim.core.wording import number
from qhpcsim.report.style import ONE_LINE_IN, TWO_LINES_IN, Sheet

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_HOUR, _DAY = 3600.0, 86400.0
UNITS = ((180.0, 1.0, "s"), (3 * _HOUR, 60.0, "min"), (4 * _DAY, _HOUR, "h"), (float("inf"), _DAY, "days"))
"""Longest span, seconds of its unit, the unit."""
_STEPS_IN = {
    "s": (1, 2, 5, 10, 20, 30, 60),
    "min": (1, 2, 5, 10, 15, 30, 60),
    "h": (1, 2, 3, 6, 12, 24),
    "days": (1, 2, 5, 7, 14, 20, 30, 50, 100, 200, 365),
}
_CLOCK = "time on the workload's own clock"
_CLOSE = 0.05
"""Axes begin at zero if the first submission comes within this part of the span."""
_FAR = 20.0
"""A zero further away than this many spans is not shown; the axis then counts from the first submission."""


@dataclass(frozen=True, slots=True)
class TimeAxis:
    """How seconds of the input file become positions along the x axis."""

    first_s: float
    last_s: float
    zero_s: float
    unit_s: float
    unit: str
    clock: str = _CLOCK
    """What is measured, where the axis counts from the clock's own zero."""

    @property
    def label(self) -> str:
        """Axis label with the unit and the zero."""
        if self.zero_s == 0.0:
            return f"{self.clock} ({self.unit})"
        return f"time since the first submission, at {number(self.zero_s, 12)} s ({self.unit})"

    def bottom_in(self, sheet: Sheet) -> float:
        """Return the room that the label needs below the axes."""
        return ONE_LINE_IN if sheet.beside or self.zero_s == 0.0 else TWO_LINES_IN

    def at(self, seconds: FloatArray) -> FloatArray:
        """Return positions of instants given in seconds."""
        return (seconds - self.zero_s) / self.unit_s

    def dress(self, axes: Axes, sheet: Sheet, labelled: bool = True) -> None:
        """Set limits, ticks and label of an x axis."""
        from matplotlib.ticker import MaxNLocator, MultipleLocator

        left, right = (self.first_s - self.zero_s) / self.unit_s, (self.last_s - self.zero_s) / self.unit_s
        if right <= left:
            right = left + 1.0
        axes.set_xlim(left, right)
        step = next((s for s in _STEPS_IN[self.unit] if (right - left) / s <= sheet.n_ticks), None)
        axes.xaxis.set_major_locator(MultipleLocator(step) if step else MaxNLocator(sheet.n_ticks - 1))
        if labelled:
            axes.set_xlabel(self.label if sheet.beside else self.label.replace(", at ", ",\nat "))
        else:
            axes.tick_params(labelbottom=False)


def time_axis(first_s: float, last_s: float, clock: str = _CLOCK) -> TimeAxis:
    """Return the axis for a span, starting at zero where zero is near."""
    span = max(last_s - first_s, 1e-9)
    near = abs(first_s) <= _FAR * span
    zero = 0.0 if near else first_s
    if 0 < first_s <= _CLOSE * span:
        first_s = 0.0
    unit_s, unit = next((size, name) for limit, size, name in UNITS if span <= limit)
    return TimeAxis(first_s, last_s, zero, unit_s, unit, clock)
