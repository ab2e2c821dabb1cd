"""A plan of which hosts are free when, for rules that reserve concrete hosts."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import NamedTuple


class Reservation(NamedTuple):
    """Hosts held from ``begin_s`` up to, not including, ``end_s``."""

    begin_s: float
    end_s: float
    hosts: int
    """Bitmap: bit i stands for host i."""


class HostSchedule:
    """Free hosts as a step function of time, from now on for ever.

    Slice k covers ``begin_s[k]`` to ``begin_s[k + 1]``; the last one has no end. A set of hosts is an int
    whose bit i stands for host i: intersections and counts of thousands of hosts are single operations.

    Args:
        n_hosts: Hosts of the machine, ids 0 to n - 1.
    """

    __slots__ = ("begin_s", "free")

    def __init__(self, n_hosts: int) -> None:
        self.begin_s: list[float] = [-math.inf]
        self.free: list[int] = [(1 << n_hosts) - 1]

    def advance(self, now_s: float) -> None:
        """Forget everything before ``now_s``; the first slice then begins there."""
        at = bisect_right(self.begin_s, now_s) - 1
        del self.begin_s[:at], self.free[:at]
        self.begin_s[0] = now_s

    def hold(self, booked: Reservation) -> None:
        """Take the reservation's hosts out of the free ones for its time."""
        for k in self._span(booked):
            self.free[k] &= ~booked.hosts

    def release(self, booked: Reservation) -> None:
        """Give the reservation's hosts back for what is left of its time."""
        span = self._span(booked)
        for k in span:
            self.free[k] |= booked.hosts
        for k in range(min(span.stop, len(self.free) - 1), max(span.start, 1) - 1, -1):
            if self.free[k] == self.free[k - 1]:
                del self.begin_s[k], self.free[k]

    def fit_now(self, need: int, duration_s: float, barred: int = 0) -> Reservation | None:
        """Return the lowest ``need`` hosts free from now for ``duration_s``, or None.

        Args:
            need: Hosts wanted.
            duration_s: How long; inf for ever.
            barred: Hosts that cannot start anything now, whatever the plan says.
        """
        return self._fit_at(0, need, duration_s, ~barred)

    def first_fit(self, need: int, duration_s: float, barred: int = 0) -> Reservation | None:
        """Return the earliest reservation of ``need`` hosts for ``duration_s``, lowest ids first.

        The same hosts must be free over the whole interval. None if no slice has room for ever after, which
        only happens while ``barred`` hosts overrun their plan.
        """
        later = (self._fit_at(k, need, duration_s, -1) for k in range(1, len(self.free)))
        return self.fit_now(need, duration_s, barred) or next((found for found in later if found), None)

    def _fit_at(self, first: int, need: int, duration_s: float, allowed: int) -> Reservation | None:
        """Return a reservation from the beginning of slice ``first``, or None if too few hosts stay free."""
        hosts = self.free[first] & allowed
        begin_s = self.begin_s[first]
        end_s = max(begin_s + duration_s, math.nextafter(begin_s, math.inf))
        for k in range(first, bisect_left(self.begin_s, end_s)):
            hosts &= self.free[k]
            if hosts.bit_count() < need:
                return None
        return Reservation(begin_s, end_s, lowest(hosts, need))

    def _span(self, booked: Reservation) -> range:
        """Return the slices of a reservation, cutting slices at its ends where needed."""
        first = self._cut(max(booked.begin_s, self.begin_s[0]))
        return range(first, max(first, self._cut(booked.end_s)))

    def _cut(self, time_s: float) -> int:
        """Return the index of the slice that begins at ``time_s``, made if there is none."""
        at = bisect_left(self.begin_s, time_s)
        is_cut = at < len(self.begin_s) and self.begin_s[at] == time_s
        if at > 0 and not is_cut and time_s < math.inf:
            self.begin_s.insert(at, time_s)
            self.free.insert(at, self.free[at - 1])
        return at


def lowest(hosts: int, count: int) -> int:
    """Return the ``count`` lowest hosts of a bitmap that holds at least as many."""
    low, high = count, hosts.bit_length()
    while low < high:
        middle = (low + high) // 2
        if (hosts & ((1 << middle) - 1)).bit_count() < count:
            low = middle + 1
        else:
            high = middle
    return hosts & ((1 << low) - 1)


def host_ids(hosts: int) -> Iterator[int]:
    """Yield the ids in a bitmap, lowest first."""
    while hosts:
        lowest_bit = hosts & -hosts
        yield lowest_bit.bit_length() - 1
        hosts ^= lowest_bit
