"""Calibration without a fixed window: when the queue is empty, or in turns with user jobs.

An idle QPU puts nothing on the clock. What it has calibrated meanwhile is worked out when somebody needs it, so a
simulation ends when its jobs have ended.
"""

from __future__ import annotations

import math
from collections import deque

from qhpcsim.core.qpu_records import QpuInterval
from qhpcsim.core.rng import Rng
from qhpcsim.facility.qpu_closures import INF
from qhpcsim.facility.qpu_draws import Draws
from qhpcsim.qpu_scenario import CalibrationWindow, QpuDevice


class IdleWork:
    """Calibration that takes whatever time jobs leave.

    Model: ``repeat``: calibrations follow each other while no job waits (multiple vacations). ``once``: one at the
        beginning of each idle period (single vacation). Interleaved: at each due time, pieces are added to a
        backlog; pieces and user jobs take turns while both wait, and an idle QPU works the backlog off.
    Assumes: a piece that has begun is never interrupted.
    Not modelled: calibration that is itself hit by an outage or a window.
    Source: IBM Quantum documentation (daily calibration interleaved one for one); H. Takagi, Queueing Analysis 1,
        North-Holland 1991 (vacations).
    """

    def __init__(self, device: QpuDevice, name: str, rng: Rng, log: list[QpuInterval], qpu: int) -> None:
        self._mode = device.idle_calibration.mode
        self._draws = Draws(device.idle_calibration.duration, rng.stream(f"qpu/{name}/idle_calibration"))
        self._windows = [window for window in device.windows if window.mode == "interleave"]
        self._due_s = [window.offset_s for window in self._windows]
        self._n_due = [0] * len(self._windows)
        self._backlog: deque[float] = deque()
        self._log, self._qpu = log, qpu
        self._users_turn = True
        self._once_due = True

    def user_job_ended(self) -> None:
        """Note that it is the calibration's turn, and that the next idle period is a new one."""
        self._users_turn = False
        self._once_due = True

    def turn(self, now_s: float) -> float:
        """Return when an interleaved piece that starts now ends; ``now_s`` if it is the user's turn."""
        self._collect(now_s)
        if self._users_turn or not self._backlog:
            return now_s
        self._users_turn = True
        return self._work(now_s, self._backlog.popleft())

    def settle(self, idle_since_s: float, now_s: float) -> float:
        """Work off what an idle QPU has calibrated; return the end of what is going on now, else ``now_s``."""
        time_s = busy_s = idle_since_s
        while time_s < now_s:
            self._collect(time_s)
            if self._backlog:
                time_s = busy_s = self._work(time_s, self._backlog.popleft())
            elif self._mode == "repeat" or (self._mode == "once" and self._once_due):
                self._once_due = False
                time_s = busy_s = self._work(time_s, self._draws.next())
            else:
                time_s = min(self._due_s, default=INF)
        if busy_s > now_s:
            self._users_turn = True
        return max(busy_s, now_s)

    def _work(self, start_s: float, length_s: float) -> float:
        self._log.append(QpuInterval(self._qpu, start_s, start_s + length_s, "calibration"))
        return start_s + length_s

    def _collect(self, now_s: float) -> None:
        """Add the pieces of all calibrations that are due to the backlog."""
        for k, window in enumerate(self._windows):
            while self._due_s[k] <= now_s:
                self._backlog.extend(_pieces(window))
                self._n_due[k] += 1
                self._due_s[k] = window.offset_s + self._n_due[k] * window.period_s


def has_idle_work(device: QpuDevice) -> bool:
    """Return whether the QPU calibrates outside fixed windows."""
    return device.idle_calibration.mode != "none" or any(window.mode == "interleave" for window in device.windows)


def _pieces(window: CalibrationWindow) -> list[float]:
    n = max(1, math.ceil(window.duration_s / window.piece_s - 1e-9))
    return [window.piece_s] * (n - 1) + [window.duration_s - (n - 1) * window.piece_s]
