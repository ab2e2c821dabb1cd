"""When a QPU may start a job, and when the job then ends: windows, opening hours, outages and reservations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from qhpcsim.core.rng import Rng
from qhpcsim.facility.qpu_closures import (
    INF,
    Closure,
    Closures,
    calibration_closures,
    closed_hours,
    fixed_outages,
    outage_closures,
)
from qhpcsim.facility.qpu_draws import Draws
from qhpcsim.qpu_scenario import Duration, QpuDevice, Reservation

_LOOK_AHEAD = 4096
"""Closures after which a job that fits into no gap is said never to fit."""


class Piece(NamedTuple):
    """A stretch of one job on the QPU."""

    start_s: float
    end_s: float
    left_s: float
    """Work that was left to do at its start."""


class Run(NamedTuple):
    """What becomes of a job that starts now."""

    end_s: float
    pieces: list[Piece]
    done: bool
    """False: interrupted with restart too often."""


class QpuCalendar:
    """Times at which one QPU is closed, as the service knows them and as they really come.

    Args:
        device: The QPU.
        name: Its name; names the random streams.
        rng: Streams ``qpu/<name>/outages/…`` are used.
    """

    def __init__(self, device: QpuDevice, name: str, rng: Rng) -> None:
        self.reservations = sorted(device.reservations, key=lambda r: r.start_s)
        outages = device.outages
        up = Draws(Duration("exponential", outages.mtbf_s or 1.0), rng.stream(f"qpu/{name}/outages/up"))
        repair = Draws(outages.repair, rng.stream(f"qpu/{name}/outages/repair"))
        unplanned = [fixed_outages(outages), outage_closures(outages, up.next, repair.next)]
        reserved: list[Closure] = [Closure(r.start_s, r.end_s, "drain") for r in self.reservations]
        self._real = Closures([*_planned(device), *unplanned])
        self._known = Closures(_planned(device))
        self._known_to_others = Closures([*_planned(device), iter(reserved)]) if reserved else self._known

    def earliest_start(self, time_s: float, need_s: float, *, holder: bool = False) -> float:
        """Return when a job may start, at ``time_s`` or later, as far as the service can know; inf: never.

        Args:
            time_s: Now.
            need_s: The job's predicted time.
            holder: True for the dedicated jobs of the reservation that is on.
        """
        known = self._known if holder else self._known_to_others
        start_s = at_s = time_s
        left_s = need_s
        for _ in range(_LOOK_AHEAD):
            shut_s, open_s, mode = known.next(at_s)
            if at_s + left_s <= shut_s and at_s < shut_s:
                return start_s
            if at_s == start_s and at_s >= shut_s:
                start_s = open_s
            elif mode == "drain":
                start_s, left_s = open_s, need_s
            elif at_s < shut_s:
                left_s = need_s if mode == "restart" else left_s - (shut_s - at_s)
            at_s = open_s
        return INF

    def open_s(self, time_s: float) -> float:
        """Return the first time, ``time_s`` or later, at which the QPU is really open."""
        while True:
            shut_s, open_s, _ = self._real.next(time_s)
            if time_s < shut_s:
                return time_s
            time_s = open_s

    def expected_end(self, time_s: float, work_s: float) -> float:
        """Return when work that starts at ``time_s`` is done if it pauses over every known closure."""
        while True:
            shut_s, open_s, _ = self._known_to_others.next(time_s)
            if time_s < shut_s:
                if time_s + work_s <= shut_s:
                    return time_s + work_s
                work_s -= shut_s - time_s
            time_s = open_s

    def run(self, time_s: float, work_s: float, max_attempts: int) -> Run:
        """Return the stretches on the QPU of a job that starts at ``time_s``, when the QPU is open."""
        pieces: list[Piece] = []
        left_s, attempts = work_s, 1
        while True:
            shut_s, open_s, mode = self._real.next(time_s)
            if time_s < shut_s and time_s + left_s <= shut_s:
                pieces.append(Piece(time_s, time_s + left_s, left_s))
                return Run(time_s + left_s, pieces, True)
            if time_s < shut_s:
                pieces.append(Piece(time_s, shut_s, left_s))
                if mode == "restart":
                    left_s, attempts = work_s, attempts + 1
                    if attempts > max_attempts:
                        return Run(shut_s, pieces, False)
                else:
                    left_s -= shut_s - time_s
            time_s = open_s

    def reservation(self, time_s: float) -> Reservation | None:
        """Return the reservation that is on."""
        return next((r for r in self.reservations if r.start_s <= time_s < r.end_s), None)

    def reserved_later(self, user: str, time_s: float) -> bool:
        """Return whether ``user`` has a reservation that has not ended."""
        return any(r.user == user and r.end_s > time_s for r in self.reservations)

    def closed_until(self, time_s: float) -> list[Closure]:
        """Return the real closures that start before ``time_s``, reservations not among them."""
        return self._real.until(time_s)


def _planned(device: QpuDevice) -> list[Iterator[Closure]]:
    streams = [calibration_closures(window) for window in device.windows]
    if device.open_hours is not None:
        streams.append(closed_hours(device.open_hours))
    return streams


def has_calendar(device: QpuDevice) -> bool:
    """Return whether the QPU is ever closed to anyone."""
    fails = device.outages.mtbf_s > 0 or bool(device.outages.fixed_s)
    closes = any(window.mode != "interleave" for window in device.windows) or device.open_hours is not None
    return fails or closes or bool(device.reservations)
