"""What disturbs a measurement: other work on this machine, and work of others on the same cores.

The second shows in no counter, but slows everything for seconds: a fixed loop tells.
"""

from __future__ import annotations

import math
import time

import psutil

CALM = 1.2
"""A fixed loop that takes longer than its least time by more than this ratio says that the machine is not calm."""
N_LOOP, STEP_S = 25_000, 0.05


class Others:
    """Cores that other work on this machine takes, mean since the start."""

    def __init__(self, processes: list[psutil.Process]) -> None:
        self.processes = processes
        self.start = self._now()

    def _now(self) -> tuple[float, float, float]:
        cpu = psutil.cpu_times()
        mine = sum(sum(each.cpu_times()[:2]) for each in self.processes)
        return time.monotonic(), cpu.user + cpu.system + cpu.nice, mine

    def cores(self) -> float:
        """Return the cores taken by others."""
        elapsed, busy, mine = (now - then for now, then in zip(self._now(), self.start, strict=True))
        return max(0.0, busy - mine) / max(elapsed, 1e-3)


class Pace:
    """A fixed loop of about a millisecond, and its least time so far."""

    def __init__(self) -> None:
        self.least_s = math.inf
        for _ in range(200):
            self.slowness()

    def slowness(self) -> float:
        """Return the time of the loop just now, the least of three, over its least time so far."""
        now_s = min(_loop_s() for _ in range(3))
        self.least_s = min(self.least_s, now_s)
        return now_s / self.least_s

    def wait(self, most_s: float) -> float:
        """Return the slowness once the machine is calm, or when the time is over."""
        end_s = time.monotonic() + most_s
        while (slowness := self.slowness()) > CALM and time.monotonic() < end_s:
            time.sleep(STEP_S)
        return slowness


def _loop_s() -> float:
    began_s = time.perf_counter()
    total = 0
    for i in range(N_LOOP):
        total += i * i
    return time.perf_counter() - began_s
