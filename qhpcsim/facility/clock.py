"""The facility's clock: a SimPy environment that can be told absolute times."""

from __future__ import annotations

import math
from collections.abc import Callable
from heapq import heappush
from typing import Any

import simpy

from qhpcsim.core.errors import InvariantError

BATCH_PASS = 2
"""SimPy priority of batch passes: after every facility event (0 urgent, 1 normal) of the same instant."""


class Clock(simpy.Environment):
    """SimPy's environment plus absolute times; refuses NaN, infinity and the past, which SimPy itself accepts."""

    def at(self, time_s: float, priority: int = BATCH_PASS) -> simpy.Event:
        """Return an event that happens at exactly ``time_s``.

        ``timeout(time_s - now)`` would happen at ``now + (time_s - now)``, which is off by a rounding error.

        Raises:
            InvariantError: if the time is NaN, infinite or past.
        """
        if not self._now <= time_s < math.inf:
            raise InvariantError(f"an event at t = {time_s} s cannot be put on a clock that shows {self.now} s")
        event = simpy.Event(self)
        event._ok, event._value = True, None
        entry: Any = (time_s, priority, next(self._eid), event)
        heappush(self._queue, entry)
        return event

    def call_at(self, time_s: float, callback: Callable[[simpy.Event], None], priority: int = BATCH_PASS) -> None:
        """Call ``callback(event)`` at exactly ``time_s``."""
        callbacks = self.at(time_s, priority).callbacks
        assert callbacks is not None
        callbacks.append(callback)
