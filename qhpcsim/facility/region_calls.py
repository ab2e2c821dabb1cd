"""Calls that want a region of qubits, and the lines in which they try again and again."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from qhpcsim.facility.qubit_regions import Region


@dataclass(slots=True)
class RegionCall:
    """One call and what it got; NaN and -1 where a thing has not happened yet."""

    n_qubits: int
    started: Callable[[RegionCall], object]
    """Called when its qubits are its own; whoever asked gives them back with ``SharedQpus.release``."""
    key: int = -1
    """Whatever tells the caller which of his calls this is."""
    asked_s: float = np.nan
    admitted_s: float = np.nan
    """A QPU with enough free qubits was there; the call stays with that QPU."""
    started_s: float = np.nan
    qpu: int = -1
    region: Region = ()


@dataclass(slots=True)
class RegionFigures:
    """What attempts in vain looked like."""

    n_polls: int = 0
    """Looks for a QPU while none had enough free qubits."""
    n_blocked: int = 0
    """Searches for a region that found none."""
    n_fragmented: int = 0
    """Those among them whose QPU had enough free qubits."""
    needed_sum: int = 0
    """Qubits wanted, free, and in the largest connected free region, summed over the fragmented ones."""
    free_sum: int = 0
    largest_sum: int = 0


class Tries(NamedTuple):
    """Attempts in vain."""

    n: int
    n_enough: int
    """Those that wanted no more qubits than were free."""
    needed: int
    """Qubits that these wanted, in sum."""


class CallQueue:
    """Waiting calls in the order in which they came, one line for each size: only its first can be the first to fit."""

    def __init__(self) -> None:
        self._lines: dict[int, deque[tuple[int, RegionCall]]] = {}
        self._n_added = 0

    def add(self, call: RegionCall) -> None:
        """Put a call at the end."""
        self._lines.setdefault(call.n_qubits, deque()).append((self._n_added, call))
        self._n_added += 1

    def pop_first(self, room: int) -> RegionCall | None:
        """Take out the first call that wants at most ``room`` qubits; None if there is none."""
        heads = [(line[0][0], size) for size, line in self._lines.items() if size <= room and line]
        return self._lines[min(heads)[1]].popleft()[1] if heads else None


class TryLine:
    """Calls that try again at equal intervals; whoever tried last is last, so the first is always due first.

    Args:
        period_s: Time between two tries of one call.
    """

    def __init__(self, period_s: float) -> None:
        self.period_s = period_s
        self._calls: deque[tuple[float, int, RegionCall]] = deque()
        self._sizes: Counter[int] = Counter()
        """How many of the calls want so many qubits."""

    def smallest(self) -> float:
        """Return how many qubits the smallest call wants; infinity if there is none."""
        return min(self._sizes, default=np.inf)

    def add(self, now_s: float, call: RegionCall) -> None:
        """Put a call that has just tried in vain at the end."""
        self._calls.append((now_s + self.period_s, call.n_qubits, call))
        self._sizes[call.n_qubits] += 1

    def pop_due(self, now_s: float) -> RegionCall | None:
        """Take the first call out if it is due; else return None."""
        if not self._calls or self._calls[0][0] > now_s:
            return None
        call = self._calls.popleft()[2]
        self._sizes[call.n_qubits] -= 1
        if not self._sizes[call.n_qubits]:
            del self._sizes[call.n_qubits]
        return call

    def first_fit_s(self, room: int) -> float:
        """Return when a call that wants at most ``room`` qubits tries next; infinity if none does."""
        if room < self.smallest():
            return np.inf
        return next(due_s for due_s, n_qubits, _ in self._calls if n_qubits <= room)

    def fail_until(self, end_s: float, free: int) -> Tries:
        """Let everybody who is due before ``end_s`` try in vain, again and again; return what they tried.

        Args:
            end_s: When the first of them might find something else.
            free: Free qubits meanwhile.
        """
        calls, n, n_enough, needed = self._calls, 0, 0, 0
        while calls and calls[0][0] < end_s:
            due_s, n_qubits, call = calls.popleft()
            calls.append((due_s + self.period_s, n_qubits, call))
            n += 1
            if n_qubits <= free:
                n_enough += 1
                needed += n_qubits
        return Tries(n, n_enough, needed)
