"""The facility's clock: a SimPy environment that can be told absolute times."""

from __future__ import annotations

import math
from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any

import simpy
from simpy.core import EmptySchedule

from qhpcsim.core.errors import InvariantError

BATCH_PASS = 2
"""SimPy priority of batch passes: after every facility event (0 urgent, 1 normal) of the same instant."""
_INF = math.inf


class Clock(simpy.Environment):
    """SimPy's environment plus absolute times; refuses NaN, infinity and the past, which SimPy itself accepts.

    Most of what happens here is a call at a time. Such a call stands in SimPy's calendar as it is, without an event
    around it, at the place that an event would have.
    """

    def at(self, time_s: float, priority: int = BATCH_PASS) -> simpy.Event:
        """Return an event that happens at exactly ``time_s``.

        ``timeout(time_s - now)`` would happen at ``now + (time_s - now)``, which is off by a rounding error.

        Raises:
            InvariantError: if the time is NaN, infinite or past.
        """
        event = simpy.Event(self)
        event._ok, event._value = True, None
        self.call_at(time_s, event, priority)  # type: ignore[arg-type]
        return event

    def call_at(self, time_s: float, callback: Callable[[Any], object], priority: int = BATCH_PASS) -> None:
        """Call ``callback(None)`` at exactly ``time_s``.

        Raises:
            InvariantError: if the time is NaN, infinite or past.
        """
        if not self._now <= time_s < _INF:
            raise InvariantError(f"an event at t = {time_s} s cannot be put on a clock that shows {self._now} s")
        entry: Any = (time_s, priority, next(self._eid), callback)
        heappush(self._queue, entry)

    def step(self) -> None:
        """Let the next thing happen.

        Raises:
            EmptySchedule: if there is none.
        """
        self.steps(1)

    def steps(self, n: int) -> None:
        """Let the next n things happen.

        Raises:
            EmptySchedule: if there are fewer.
        """
        queue: list[Any] = self._queue
        for _ in range(n):
            if not queue:
                raise EmptySchedule
            if isinstance(queue[0][3], simpy.Event):
                super().step()
            else:
                self._now, _, _, callback = heappop(queue)
                callback(None)
