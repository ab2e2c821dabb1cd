"""When a QPU may start a job, and when the job then ends: windows, opening hours, outages and reservations."""

from __future__ import annotations

import math
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
from qhpcsim.qpu_scenario import CalibrationWindow, Duration, OpenHours, QpuDevice, Reservation

_LOOK_AHEAD = 4096
"""Closures after which a job that fits into no gap is said never to fit."""
_MEASURED_PERIODS = 100
"""Longest periods over which the share of open time is measured."""


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
        reserved = self.reserved_until(INF)
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
            shut_s, open_s, mode, _ = known.next(at_s)
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
            shut_s, open_s, _, _ = self._real.next(time_s)
            if time_s < shut_s:
                return time_s
            time_s = open_s

    def expected_end(self, time_s: float, work_s: float) -> float:
        """Return when work that starts at ``time_s`` is done if it pauses over every known closure."""
        while True:
            shut_s, open_s, _, _ = self._known_to_others.next(time_s)
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
            shut_s, open_s, mode, _ = self._real.next(time_s)
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

    def reserved_until(self, time_s: float) -> list[Closure]:
        """Return the reservations that start before ``time_s``, as closures for everyone else."""
        early = (r for r in self.reservations if r.start_s < time_s)
        return [Closure(r.start_s, r.end_s, "drain", "reservation") for r in early]


def _planned(device: QpuDevice) -> list[Iterator[Closure]]:
    streams = [calibration_closures(window) for window in device.windows]
    if device.open_hours is not None:
        streams.append(closed_hours(device.open_hours))
    return streams


def open_frac(device: QpuDevice) -> float:
    """Return the long-run share of time that a busy QPU has for jobs.

    Model: the share of time outside windows and opening hours, measured over 100 of the longest period, times
        mtbf / (mtbf + mean repair), less the share that interleaved calibration takes.
    Assumes: outages come at random times.
    Not modelled: outages at known times and reservations, which do not come back; warm-up and idle calibration, which a
        busy QPU does not have; time that is lost before a drained window, and work that is lost to restarts.
    Source: renewal reward.
    """
    cycles: list[CalibrationWindow | OpenHours] = [w for w in device.windows if w.mode != "interleave"]
    if device.open_hours is not None:
        cycles.append(device.open_hours)
    closed_frac = 0.0
    if cycles:
        from_s = max(0.0, *(cycle.offset_s for cycle in cycles))
        until_s = from_s + _MEASURED_PERIODS * max(cycle.period_s for cycle in cycles)
        closures = Closures(_planned(device)).until(until_s)
        closed_s = math.fsum(max(0.0, min(c.end_s, until_s) - max(c.start_s, from_s)) for c in closures)
        closed_frac = closed_s / (until_s - from_s)
    outages = device.outages
    up_frac = outages.mtbf_s / (outages.mtbf_s + outages.repair.mean_s) if outages.mtbf_s > 0 else 1.0
    interleaved = [window for window in device.windows if window.mode == "interleave"]
    return (1.0 - closed_frac) * up_frac - math.fsum(window.duration_s / window.period_s for window in interleaved)


def has_calendar(device: QpuDevice) -> bool:
    """Return whether the QPU is ever closed to anyone."""
    fails = device.outages.mtbf_s > 0 or bool(device.outages.fixed_s)
    closes = any(window.mode != "interleave" for window in device.windows) or device.open_hours is not None
    return fails or closes or bool(device.reservations)
