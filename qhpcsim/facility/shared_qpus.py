"""QPUs that run several calls at the same time, each on a connected region of its own."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import simpy

from qhpcsim.circuits.topology import edges
from qhpcsim.core.errors import FacilityError, InvariantError, nearest, shorten
from qhpcsim.facility.clock import Clock
from qhpcsim.facility.qubit_regions import QubitRegions, Region

ADMISSIONS = ("checked", "reserved", "queued")


@dataclass(frozen=True, slots=True)
class SharedQpu:
    """One QPU whose qubits are shared out."""

    topology: str = "heavy_hex"
    """A name that ``circuits.topology`` knows."""
    n_qubits: int = 127


@dataclass(frozen=True, slots=True)
class SharingRules:
    """How calls come to their qubits."""

    admission: str = "checked"
    """``checked``, ``reserved`` or ``queued``; see ``SharedQpus``."""
    poll_s: float = 0.5
    """Time between two looks for a QPU with enough free qubits."""
    retry_s: float = 1.0
    """Time between two searches for a connected region."""


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


@dataclass(slots=True)
class _Line:
    """Calls that try again at equal intervals; whoever failed last is last, so the head is always due first."""

    period_s: float
    calls: deque[tuple[float, RegionCall]] = field(default_factory=deque)
    """(when it tries next, call)."""

    def due_s(self) -> float:
        return self.calls[0][0] if self.calls else np.inf

    def append(self, now_s: float, call: RegionCall) -> None:
        self.calls.append((now_s + self.period_s, call))


class SharedQpus:
    """Several QPUs and the calls that want parts of them.

    Model:
        ``checked``: a call looks every ``poll_s`` for the QPU with most free qubits; once that one has enough, the
        call stays with it and searches for a connected region every ``retry_s``. Nothing is set aside meanwhile, so
        more calls may search than fit. ``reserved``: the same, but from admission on its qubits count as taken, so
        that whoever searches is kept back by fragmentation only. ``queued``: nobody polls; whenever qubits become
        free, the waiting calls are tried in the order in which they asked, each on the QPU with most free qubits
        among those with a region.
    Assumes:
        A region is found in no time. Who looks at the same instant as a release finds its qubits.
    Not modelled:
        Crosstalk between regions, calibration, quality of qubits, moving running calls.
    Source:
        W. Luo et al., HybridCloudSim, https://github.com/wolfatthegate/HybridCloudSim-2026 (``checked``).

    Args:
        clock: The facility's clock.
        qpus: The devices.
        rules: How calls come to their qubits.

    Raises:
        FacilityError: for an unknown admission, an interval that is not positive, or no QPU.
        CircuitError: for an unknown topology.
    """

    def __init__(self, clock: Clock, qpus: Sequence[SharedQpu], rules: SharingRules) -> None:
        _check(qpus, rules)
        self.regions = [QubitRegions(edges(qpu.topology, qpu.n_qubits), qpu.n_qubits) for qpu in qpus]
        self.figures = RegionFigures()
        self._clock, self._admission = clock, rules.admission
        self._room = [qpu.n_qubits for qpu in qpus]
        """Qubits of each QPU that are neither taken nor set aside."""
        self._hall, self._desk = _Line(rules.poll_s), _Line(rules.retry_s)
        self._queue: list[RegionCall] = []
        self._armed_s = np.inf

    @property
    def largest_call(self) -> int:
        """Qubits of the largest call that an idle QPU can take."""
        return max(region.largest_idle for region in self.regions)

    def request(self, call: RegionCall) -> None:
        """Ask for qubits now.

        Raises:
            FacilityError: if no QPU has as many qubits in one piece.
        """
        if not 1 <= call.n_qubits <= self.largest_call:
            raise FacilityError(f"a call wants {call.n_qubits} qubits", allowed=f"1 … {self.largest_call}")
        call.asked_s = self._clock.now
        if self._admission == "queued":
            self._queue.append(call)
            self._arm(self._clock.now)
        else:
            self._admit(call)
            self._arm(self._due().due_s())

    def release(self, call: RegionCall) -> None:
        """Give the qubits of a call back."""
        self.regions[call.qpu].free(call.region)
        self._room[call.qpu] += call.n_qubits
        if self._queue:
            self._arm(self._clock.now)

    def _admit(self, call: RegionCall) -> None:
        qpu = int(max(range(len(self._room)), key=self._room.__getitem__))
        if self._room[qpu] < call.n_qubits:
            self.figures.n_polls += 1
            self._hall.append(self._clock.now, call)
            return
        call.qpu, call.admitted_s = qpu, self._clock.now
        if self._admission == "reserved":
            self._room[qpu] -= call.n_qubits
        self._place(call)

    def _place(self, call: RegionCall) -> None:
        region = self.regions[call.qpu].find(call.n_qubits)
        if region is None:
            self._count_blocked(call)
            self._desk.append(self._clock.now, call)
            return
        if self._admission == "checked":
            self._room[call.qpu] -= call.n_qubits
        self._start(call, region)

    def _start(self, call: RegionCall, region: Region) -> None:
        self.regions[call.qpu].take(region)
        call.region, call.started_s = region, self._clock.now
        call.started(call)

    def _serve(self) -> None:
        """Start the queued calls that fit, in their order."""
        waiting, self._queue = self._queue, []
        for call in waiting:
            for qpu in sorted(range(len(self._room)), key=lambda k: -self._room[k]):
                region = self.regions[qpu].find(call.n_qubits)
                if region is not None:
                    call.qpu, call.admitted_s = qpu, self._clock.now
                    self._room[qpu] -= call.n_qubits
                    self._start(call, region)
                    break
            else:
                self._queue.append(call)

    def _arm(self, time_s: float) -> None:
        """See to it that somebody looks at the lines at ``time_s``."""
        if time_s < self._armed_s:
            self._armed_s = time_s
            self._clock.call_at(time_s, self._turn)

    def _turn(self, _event: simpy.Event) -> None:
        self._armed_s = np.inf
        if self._admission == "queued":
            self._serve()
            return
        now_s = self._clock.now
        while (line := self._due()).due_s() <= now_s:
            (self._admit if line is self._hall else self._place)(line.calls.popleft()[1])
        self._skip_failures()
        self._arm(self._due().due_s())

    def _due(self) -> _Line:
        return self._desk if self._desk.due_s() <= self._hall.due_s() else self._hall

    def _skip_failures(self) -> None:
        """Let calls try in vain until somebody else's event: nothing changes before, so no event of theirs is needed.

        Raises:
            InvariantError: if nothing else is on the clock and none of them can start, ever.
        """
        until_s, room = self._clock.peek(), max(self._room)
        end_s = min(until_s, self._clock.now + 2 * max(self._hall.period_s, self._desk.period_s))
        while (time_s := (line := self._due()).due_s()) < end_s:
            call = line.calls[0][1]
            if line is self._hall:
                if call.n_qubits <= room:
                    return
                self.figures.n_polls += 1
            else:
                if self.regions[call.qpu].find(call.n_qubits) is not None:
                    return
                self._count_blocked(call)
            line.calls.popleft()
            line.append(time_s, call)
        if until_s == np.inf and (self._hall.calls or self._desk.calls):
            raise InvariantError(f"t = {self._clock.now} s: calls wait for qubits that nobody will give back")

    def _count_blocked(self, call: RegionCall) -> None:
        figures, region = self.figures, self.regions[call.qpu]
        figures.n_blocked += 1
        if region.n_free >= call.n_qubits:
            figures.n_fragmented += 1
            figures.needed_sum += call.n_qubits
            figures.free_sum += region.n_free
            figures.largest_sum += region.largest_free()


def _check(qpus: Sequence[SharedQpu], rules: SharingRules) -> None:
    if not qpus or min(qpu.n_qubits for qpu in qpus) < 1:
        raise FacilityError("sharing needs QPUs with at least one qubit", hint="give at least one SharedQpu")
    if rules.admission not in ADMISSIONS:
        raise FacilityError(
            f"unknown admission {shorten(rules.admission)!r}",
            allowed=", ".join(ADMISSIONS),
            suggestion=nearest(rules.admission, ADMISSIONS),
        )
    for name in ("poll_s", "retry_s"):
        if not 0.0 < getattr(rules, name) < np.inf:
            raise FacilityError(f"{name} = {getattr(rules, name)}", allowed="a positive number of seconds")
