"""How well QPUs work at a given time: errors from calibration to calibration, and the fidelity that jobs can expect."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from heapq import merge
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.errors import FacilityError
from qhpcsim.core.records import FloatArray
from qhpcsim.models.drift import Drift
from qhpcsim.models.fidelity import DeviceErrors, Slope, success_probability
from qhpcsim.models.qpu import QpuModel
from qhpcsim.models.requests import Request
from qhpcsim.qpu_scenario import DAY_S, CalibrationWindow, QpuDevice

MAX_CALIBRATIONS = 1_000_000
_BLOCK = 256
"""Neighbours in the table of jobs whose fidelities are worked out together."""
_MAX_BLOCKS = 16_384
_NO_COUPLERS = "all_to_all"
"""Ions and atoms are moved to one another, or share one bus: no pair has a coupler of its own."""


class Calibrated(NamedTuple):
    """Median errors of a QPU from one calibration to the next."""

    time_s: float
    error_2q: float
    error_readout: float
    t1_s: float
    t2_s: float
    n_dead_couplers: int


def calibration_times(device: QpuDevice) -> Iterator[float]:
    """Yield when a QPU's errors change, after time 0 and without end.

    The windows of the longest period count, each at its end: shorter ones check what the longer set right. An
    interleaved calibration counts as if it were done in one piece. Without windows a calibration ends every 24 h.
    """
    longest_s = max((window.period_s for window in device.windows), default=DAY_S)
    windows = [w for w in device.windows if w.period_s == longest_s] or [CalibrationWindow(DAY_S, 0.0, 0.0)]
    last_s = 0.0
    for time_s in merge(*map(_ends, windows)):
        if time_s > last_s:
            last_s = time_s
            yield time_s


def n_couplers(model: QpuModel) -> int:
    """Return how many couplers a QPU has: the edges of its card's lattice; 0 if every qubit meets every other."""
    from qhpcsim.circuits.topology import edges

    (lattice,) = model.card.words.get("topology", (_NO_COUPLERS,))
    return 0 if lattice == _NO_COUPLERS else len(edges(lattice, int(model.number("n_qubits"))))


class ErrorHistory:
    """The errors of one QPU over time, worked out as far as anyone asks.

    Args:
        errors: The card's errors.
        device: The QPU; without ``drift`` the card's errors hold for ever.
        n_couplers: Couplers that may die.
        generator: Random stream of the drift.
    """

    def __init__(
        self, errors: DeviceErrors, device: QpuDevice, n_couplers: int, generator: np.random.Generator
    ) -> None:
        self._card = errors
        self._generator = generator
        self._times_s = [0.0]
        self._errors, self._dead = [errors], [0]
        self._next_s = math.inf
        if device.drift:
            self._drift = Drift.from_card(generator, n_couplers)
            self._errors, self._dead = [], []
            self._take()
            self._ends = calibration_times(device)
            self._next_s = next(self._ends)

    def step(self, time_s: float) -> int:
        """Return the number of the last calibration at or before a time."""
        while self._next_s <= time_s:
            self._calibrate()
        return max(bisect_right(self._times_s, time_s) - 1, 0)

    def errors(self, step: int) -> DeviceErrors:
        """Return the errors after a calibration that ``step`` has named."""
        return self._errors[step]

    def rows(self, until_s: float) -> list[Calibrated]:
        """Return what each calibration up to a time left behind, from the state at time 0 on."""
        return [
            Calibrated(time_s, found.error_2q, found.error_readout, found.t1_s, found.t2_s, dead)
            for time_s, found, dead in zip(
                self._times_s[: self.step(until_s) + 1], self._errors, self._dead, strict=False
            )
        ]

    def _calibrate(self) -> None:
        if len(self._times_s) > MAX_CALIBRATIONS:
            raise FacilityError(
                f"more than {MAX_CALIBRATIONS} calibrations until t = {self._next_s:g} s",
                where="qpu.qpus",
                hint="drift=false, or fewer calibrations",
            )
        self._drift.step(self._generator, (self._next_s - self._times_s[-1]) / DAY_S)
        self._times_s.append(self._next_s)
        self._take()
        self._next_s = next(self._ends)

    def _take(self) -> None:
        self._errors.append(self._card.scaled(**self._drift.factors()))
        self._dead.append(int(self._drift.dead.sum()))


class Quality:
    """The fidelity that each job of a workload can expect on each QPU at any time.

    Model:
        The slope of ``models.fidelity.Slope`` of the success probability at the errors of the last calibration.
    Assumes:
        A job sees the errors of its start.
    Not modelled:
        Drift between calibrations, routing around dead couplers.
    Source:
        models/fidelity.py, models/drift.py.

    Args:
        request: What the jobs ask.
        histories: Errors of each QPU, in the service's order; None where its card states none.
    """

    def __init__(self, request: Request, histories: Sequence[ErrorHistory | None]) -> None:
        self._request, self._histories = request, tuple(histories)
        self._slope = Slope.from_card()
        self._blocks: dict[tuple[int, int, int], FloatArray] = {}

    def at(self, job: int, qpu: int, time_s: float) -> float:
        """Return the expected fidelity of a job that starts then on that QPU.

        NaN where nobody knows: a job that is none of the workload's (a background job), QPU -1, a QPU whose card states
        no errors, or a time that is not finite.
        """
        if not 0 <= job < len(self._request) or qpu < 0 or not math.isfinite(time_s):
            return math.nan
        history = self._histories[qpu]
        if history is None:
            return math.nan
        return float(self._block(qpu, history.step(time_s), job // _BLOCK)[job % _BLOCK])

    def of(self, jobs: NDArray[np.integer[Any]], qpus: NDArray[np.integer[Any]], times_s: FloatArray) -> FloatArray:
        """Return ``at`` for many jobs, shape (k,)."""
        rows = zip(jobs.tolist(), qpus.tolist(), times_s.tolist(), strict=True)
        return np.array([self.at(*row) for row in rows], dtype=np.float64)

    def timeline(self, qpu: int, until_s: float) -> list[Calibrated]:
        """Return one row a calibration of a QPU from time 0 to ``until_s``; none where its card states no errors."""
        history = self._histories[qpu]
        return [] if history is None else history.rows(until_s)

    def _block(self, qpu: int, step: int, block: int) -> FloatArray:
        key = (qpu, step, block)
        found = self._blocks.get(key)
        if found is None:
            if len(self._blocks) >= _MAX_BLOCKS:
                self._blocks.clear()
            history = self._histories[qpu]
            assert history is not None
            jobs = self._request.take(slice(block * _BLOCK, (block + 1) * _BLOCK))
            found = self._slope.fidelity(success_probability(jobs, history.errors(step)))
            self._blocks[key] = found
        return found


def _ends(window: CalibrationWindow) -> Iterator[float]:
    k = 0
    while True:
        yield window.offset_s + k * window.period_s + window.duration_s
        k += 1
