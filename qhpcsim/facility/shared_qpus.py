"""QPUs that run several calls at the same time, each on a connected region of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import simpy

from qhpcsim.circuits.topology import edges
from qhpcsim.core.errors import FacilityError, nearest, shorten
from qhpcsim.facility.clock import Clock
from qhpcsim.facility.qubit_regions import QubitRegions, Region
from qhpcsim.facility.region_calls import CallQueue, RegionCall, RegionFigures, Tries, TryLine

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
        A region is found in no time. Who tries at the instant of a release finds its qubits; among those who try at
        one instant, calls without a QPU come first.
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
        self._hall, self._desks = TryLine(rules.poll_s), [TryLine(rules.retry_s) for _ in qpus]
        self._queue = CallQueue()
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
            self._queue.add(call)
            self._arm(self._clock.now)
        else:
            self._admit(call)

    def release(self, call: RegionCall) -> None:
        """Give the qubits of a call back."""
        self._settle(call.qpu)
        self.regions[call.qpu].free(call.region)
        self._room[call.qpu] += call.n_qubits
        if self._admission == "queued":
            self._arm(self._clock.now)
        else:
            self._arm_fit(call.qpu)

    def _admit(self, call: RegionCall) -> None:
        self._settle_hall()
        room = max(self._room)
        if room < call.n_qubits:
            self.figures.n_polls += 1
            self._hall.add(self._clock.now, call)
            return
        call.qpu, call.admitted_s = self._room.index(room), self._clock.now
        if self._admission == "reserved":
            self._room[call.qpu] -= call.n_qubits
        self._place(call)

    def _place(self, call: RegionCall) -> None:
        self._settle(call.qpu)
        regions = self.regions[call.qpu]
        region = regions.find(call.n_qubits)
        if region is None:
            enough = regions.n_free >= call.n_qubits
            self._count(regions, Tries(1, int(enough), call.n_qubits * enough))
            self._desks[call.qpu].add(self._clock.now, call)
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
        while call := self._queue.pop_first(max(regions.largest_free() for regions in self.regions)):
            able = [k for k, regions in enumerate(self.regions) if regions.largest_free() >= call.n_qubits]
            call.qpu, call.admitted_s = max(able, key=self._room.__getitem__), self._clock.now
            region = self.regions[call.qpu].find(call.n_qubits)
            assert region is not None
            self._room[call.qpu] -= call.n_qubits
            self._start(call, region)

    def _arm(self, time_s: float) -> None:
        """See to it that somebody looks at who waits at ``time_s``."""
        if time_s < self._armed_s:
            self._armed_s = time_s
            self._clock.call_at(time_s, self._turn)

    def _arm_fit(self, qpu: int) -> None:
        """Arm for the first try that finds something, in front of the QPUs or at this one, should nothing change."""
        self._settle_hall()
        self._arm(self._hall.first_fit_s(max(self._room)))
        desk, regions = self._desks[qpu], self.regions[qpu]
        if desk.smallest() <= regions.n_free:
            self._arm(desk.first_fit_s(regions.largest_free()))

    def _turn(self, _event: simpy.Event) -> None:
        now_s = self._clock.now
        if now_s != self._armed_s:
            return  # A look that has become needless since: an earlier one took its place and armed the next.
        self._armed_s = np.inf
        if self._admission == "queued":
            self._serve()
            return
        self._settle_hall()
        for qpu in range(len(self._desks)):
            self._settle(qpu)
        while call := self._hall.pop_due(now_s):
            self._admit(call)
        for desk in self._desks:
            while call := desk.pop_due(now_s):
                self._place(call)
        for qpu in range(len(self._desks)):
            self._arm_fit(qpu)

    def _settle_hall(self) -> None:
        """Count the looks in vain until now; there are no events for them."""
        self.figures.n_polls += self._hall.fail_until(self._clock.now, 0).n

    def _settle(self, qpu: int) -> None:
        """Count the tries in vain at a QPU until now; there are no events for them, and its state may change next."""
        regions = self.regions[qpu]
        self._count(regions, self._desks[qpu].fail_until(self._clock.now, regions.n_free))

    def _count(self, regions: QubitRegions, tries: Tries) -> None:
        figures = self.figures
        figures.n_blocked += tries.n
        if tries.n_enough:
            figures.n_fragmented += tries.n_enough
            figures.needed_sum += tries.needed
            figures.free_sum += regions.n_free * tries.n_enough
            figures.largest_sum += regions.largest_free() * tries.n_enough


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
