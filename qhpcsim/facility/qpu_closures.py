"""Times at which a QPU is closed, as a stream of disjoint intervals that is read as far as anyone looks ahead."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from heapq import merge
from typing import NamedTuple

import numpy as np

from qhpcsim.core.errors import FacilityError
from qhpcsim.core.records import FloatArray
from qhpcsim.qpu_scenario import CalibrationWindow, OpenHours, Outages

INF = float("inf")
_MOST_UNITED = 10_000
"""Overlapping closures in a row after which the QPU is said never to open."""


class Closure(NamedTuple):
    """The QPU is closed in [start, end)."""

    start_s: float
    end_s: float
    mode: str
    """``drain``, ``resume`` or ``restart``: what it means for jobs."""
    kind: str
    """``calibration``, ``outage``, ``closed`` or ``reservation``: why."""


NEVER = Closure(INF, INF, "resume", "closed")


class Closures:
    """Disjoint closed intervals in order; those that overlap are united under the mode and kind of the first.

    Args:
        sources: Endless or finite streams of closures, each in order of start.
    """

    def __init__(self, sources: Iterable[Iterator[Closure]]) -> None:
        self._source = merge(*sources)
        self._pending = next(self._source, None)
        self._united: list[Closure] = []
        self._ends: list[float] = []
        self._parts: list[list[Closure]] = []
        """What each united interval consists of: disjoint, what came later cut to the time that it adds."""
        self._last, self._last_from_s = NEVER, INF
        """The last answer, and the earliest time that it holds for."""

    def next(self, time_s: float) -> Closure:
        """Return the first closure that ends after ``time_s``; one at infinity if there is none."""
        if self._last_from_s <= time_s < self._last.end_s:
            return self._last
        ends = self._ends
        while (not ends or ends[-1] <= time_s) and self._read():
            pass
        at = bisect_right(ends, time_s)
        self._last_from_s = ends[at - 1] if at > 0 else -INF
        self._last = self._united[at] if at < len(ends) else NEVER
        return self._last

    def until(self, time_s: float) -> list[Closure]:
        """Return all closures that start before ``time_s``, by kind: where two overlap, the first to begin counts."""
        while (not self._united or self._united[-1].start_s < time_s) and self._read():
            pass
        return [part for parts in self._parts for part in parts if part.start_s < time_s]

    def _read(self) -> bool:
        """Read one more united closure; return whether there was one."""
        united = self._pending
        if united is None:
            return False
        parts, n_united = [united], 0
        while (after := next(self._source, None)) is not None and after.start_s < united.end_s:
            if after.end_s > united.end_s:
                parts.append(after._replace(start_s=united.end_s))
                united = united._replace(end_s=after.end_s)
            n_united += 1
            if n_united > _MOST_UNITED:
                raise FacilityError(f"the QPU is closed without a gap from t = {united.start_s} s on")
        self._pending = after
        self._united.append(united)
        self._ends.append(united.end_s)
        self._parts.append(parts)
        return True


def calibration_closures(window: CalibrationWindow) -> Iterator[Closure]:
    """Yield the closures of a window that comes back for ever; none for interleaved calibration."""
    if window.mode != "interleave" and window.duration_s > 0:
        yield from _periodic(window.offset_s, window.duration_s, window.period_s, window.mode, "calibration")


def closed_hours(hours: OpenHours) -> Iterator[Closure]:
    """Yield the times between the open hours, the one before the first opening included."""
    shut_s = hours.period_s - hours.duration_s
    if shut_s > 0:
        first_s = hours.offset_s % hours.period_s + hours.duration_s
        yield from _periodic(first_s - hours.period_s, shut_s, hours.period_s, "drain", "closed")


def outage_closures(outages: Outages, up_s: Callable[[], float], repair_s: Callable[[], float]) -> Iterator[Closure]:
    """Yield failures at random from t = 0 on.

    Args:
        outages: Parameters.
        up_s: Draws a time between the end of a repair and the next failure.
        repair_s: Draws the length of a repair.
    """
    time_s = 0.0
    while outages.mtbf_s > 0:
        start_s = time_s + up_s()
        time_s = start_s + repair_s()
        yield Closure(start_s, time_s, outages.mode, "outage")


def fixed_outages(outages: Outages) -> Iterator[Closure]:
    """Yield the outages at known times."""
    for start_s, end_s in outages.fixed_s:
        yield Closure(start_s, end_s, outages.mode, "outage")


def overlaps(closures: list[Closure], start_s: FloatArray, end_s: FloatArray) -> FloatArray:
    """Return the starts of the stretches [start, end) that share time with a closure.

    Args:
        closures: Disjoint and in order.
        start_s: (k,) starts.
        end_s: (k,) ends, ≥ starts.
    """
    opens = np.array([c.end_s for c in closures])
    shuts = np.append([c.start_s for c in closures], INF)
    following = shuts[np.searchsorted(opens, start_s, side="right")]
    return start_s[(following < end_s) & (start_s < end_s)]


def _periodic(first_s: float, length_s: float, period_s: float, mode: str, kind: str) -> Iterator[Closure]:
    k = 0
    while True:
        # Multiples, not sums: the thousandth window is where it belongs.
        start_s = first_s + k * period_s
        yield Closure(start_s, start_s + length_s, mode, kind)
        k += 1
