"""Tasks that slow each other down on one node: one clock that all of them run by."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush

from qhpcsim.facility.clock import Clock
from qhpcsim.facility.open_jobs import NORMAL

Slowdown = Callable[[float], float]
"""Run time over run time alone, as a function of the cores in use on the node."""


class NodeClock:
    """A node's own clock, which slows down when the node fills.

    Model: with c cores in use, every task on the node proceeds at the speed 1/slowdown(c); the speed changes whenever
        a task comes or goes. With slowdown(c) = max(1, c/C) this is processor sharing on C cores.
    Assumes: all tasks on a node slow down alike.
    Not modelled: tasks of different kinds, which hinder each other in other ways.
    Source: virtual time of processor sharing: Harchol-Balter 2013, ch. 30.

    Args:
        clock: The facility's clock.
        slowdown: Slowdown as a function of the cores in use.
        on_end: Called with the key of a task when it has had its seconds.
    """

    __slots__ = (
        "_busy_cores",
        "_clock",
        "_cores",
        "_ends",
        "_on_end",
        "_since_s",
        "_slowdown",
        "_speed",
        "_turn",
        "_virtual_s",
    )

    def __init__(self, clock: Clock, slowdown: Slowdown, on_end: Callable[[int], None]) -> None:
        self._clock, self._slowdown, self._on_end = clock, slowdown, on_end
        self._busy_cores = self._virtual_s = 0.0
        self._since_s, self._speed = clock.now, 1.0
        self._ends: list[tuple[float, int]] = []
        self._cores: dict[int, float] = {}
        self._turn = 0

    def join(self, key: int, seconds: float, cores: float) -> None:
        """Let a task begin now.

        Args:
            key: Its number, unique among the tasks on the node.
            seconds: Time that it would take alone.
            cores: Cores that it uses.
        """
        self._advance()
        self._cores[key] = cores
        self._busy_cores += cores
        heappush(self._ends, (self._virtual_s + seconds, key))
        self._arm()

    def leave(self, key: int) -> None:
        """Stop a task that has not had its seconds; nothing happens if it is not on the node."""
        if key not in self._cores:
            return
        self._advance()
        self._busy_cores -= self._cores.pop(key)
        self._ends = [end for end in self._ends if end[1] != key]
        heapify(self._ends)
        self._arm()

    def _advance(self) -> None:
        """Move the node's own clock to now."""
        now_s = self._clock.now
        if self._cores:
            self._virtual_s += (now_s - self._since_s) * self._speed
        self._since_s = now_s

    def _arm(self) -> None:
        """Take the speed of those that are here now and put the next end on the calendar; earlier entries lapse."""
        self._turn += 1
        if not self._ends:
            self._busy_cores = self._virtual_s = 0.0
            return
        turn, self._speed = self._turn, 1.0 / self._slowdown(self._busy_cores)
        left_s = max(0.0, self._ends[0][0] - self._virtual_s) / self._speed
        self._clock.call_at(self._clock.now + left_s, lambda _event: self._end(turn), NORMAL)

    def _end(self, turn: int) -> None:
        if turn != self._turn:
            return
        self._advance()
        end_s, key = heappop(self._ends)
        self._virtual_s = max(self._virtual_s, end_s)
        self._busy_cores -= self._cores.pop(key)
        self._arm()
        self._on_end(key)
