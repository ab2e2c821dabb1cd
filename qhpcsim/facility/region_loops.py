"""Jobs that go round between a region of a shared QPU and a classical phase, and what became of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.errors import InvariantError, WorkloadError
from qhpcsim.core.records import FloatArray, IntArray
from qhpcsim.facility.clock import Clock
from qhpcsim.facility.region_calls import RegionCall, RegionFigures
from qhpcsim.facility.shared_qpus import SharedQpu, SharedQpus, SharingRules

PHASE_END = 1
"""SimPy priority of the end of a call or a classical phase: before whoever looks for free qubits at that instant."""


@dataclass(slots=True)
class RegionLoops:
    """n jobs; call c of job j is row ``offset[j] + c`` of the flat columns."""

    submit_s: FloatArray
    """(n,) time of the first request."""
    n_qubits: IntArray
    """(n,) qubits of each of its calls."""
    offset: NDArray[np.int64]
    """(n + 1,) first call of each job, and the number of calls m at the end."""
    qpu_s: FloatArray
    """(m,) or (m, q) time of each call on its qubits, on each of the q QPUs."""
    cpu_s: FloatArray
    """(m,) classical phase after each call."""


@dataclass(slots=True)
class SharedRun:
    """What became of the calls; all calls have ended."""

    asked_s: FloatArray
    """(m,) each call wanted a QPU."""
    admitted_s: FloatArray
    """(m,) it was admitted to one."""
    started_s: FloatArray
    """(m,) its qubits were its own."""
    ended_s: FloatArray
    """(m,) it gave them back."""
    qpu: IntArray
    """(m,) index of its QPU."""
    job_ended_s: FloatArray
    """(n,) end of the last classical phase of each job."""
    qubit: IntArray
    """Qubits of the calls one behind the other, ``region_offset`` says where each begins; by number of the QPU's."""
    region_offset: NDArray[np.int64]
    """(m + 1,)"""
    figures: RegionFigures


def share_qpus(loops: RegionLoops, qpus: Sequence[SharedQpu], rules: SharingRules | None = None) -> SharedRun:
    """Return what became of jobs whose calls share QPUs by regions of qubits.

    Model:
        A job is submitted, then takes turns between a call, which holds a region while it runs, and a classical phase.
    Assumes:
        Nodes for the classical phases are always free.
    Not modelled:
        A batch system in front; access modes of a QPU service.
    Source:
        W. Luo et al., HybridCloudSim, https://github.com/wolfatthegate/HybridCloudSim-2026.

    Args:
        loops: The jobs.
        qpus: The devices.
        rules: How calls come to their qubits; None: the defaults of ``SharingRules``.

    Raises:
        WorkloadError: if columns do not fit together, a time is negative, NaN or infinite, or a job wants more qubits
            than any QPU has in one piece.
        FacilityError: as ``SharedQpus``.
    """
    return _Run(loops, qpus, rules or SharingRules()).run()


class _Run:
    """One simulation."""

    def __init__(self, loops: RegionLoops, qpus: Sequence[SharedQpu], rules: SharingRules) -> None:
        self._clock = Clock()
        self._service = SharedQpus(self._clock, qpus, rules)
        _check(loops, len(qpus), self._service.largest_call)
        self._loops = loops
        self._next = loops.offset[:-1].tolist()
        self._last = loops.offset[1:].tolist()
        self._calls: list[RegionCall | None] = [None] * len(loops.qpu_s)
        self._ended_s = np.full(len(loops.qpu_s), np.nan)
        self._job_ended_s = loops.submit_s.astype(np.float64)
        self._n_qubits, self._cpu_s = loops.n_qubits.tolist(), loops.cpu_s.tolist()
        on_each = loops.qpu_s if loops.qpu_s.ndim == 2 else np.repeat(loops.qpu_s[:, None], len(qpus), axis=1)
        self._qpu_s = on_each.T.tolist()
        self._job = np.repeat(np.arange(len(loops.submit_s)), np.diff(loops.offset)).tolist()

    def run(self) -> SharedRun:
        for job, time_s in enumerate(self._loops.submit_s.tolist()):
            if self._next[job] < self._last[job]:
                self._clock.call_at(time_s, lambda _, job=job: self._ask(job), PHASE_END)  # type: ignore[misc]
        self._clock.run()
        if bool(np.isnan(self._ended_s).any()):
            raise InvariantError(f"call {int(np.flatnonzero(np.isnan(self._ended_s))[0])} never ended")
        calls = [call for call in self._calls if call is not None]
        region_offset = np.concatenate([[0], np.cumsum([call.n_qubits for call in calls])]).astype(np.int64)
        return SharedRun(
            asked_s=np.array([call.asked_s for call in calls]),
            admitted_s=np.array([call.admitted_s for call in calls]),
            started_s=np.array([call.started_s for call in calls]),
            ended_s=self._ended_s,
            qpu=np.array([call.qpu for call in calls], np.int32),
            job_ended_s=self._job_ended_s,
            qubit=np.array([qubit for call in calls for qubit in call.region], np.int32),
            region_offset=region_offset,
            figures=self._service.figures,
        )

    def _ask(self, job: int) -> None:
        row = self._next[job]
        self._next[job] = row + 1
        call = self._calls[row] = RegionCall(self._n_qubits[job], self._started, row)
        self._service.request(call)

    def _started(self, call: RegionCall) -> None:
        end_s = self._clock.now + self._qpu_s[call.qpu][call.key]
        self._clock.call_at(end_s, lambda _: self._call_ended(call), PHASE_END)

    def _call_ended(self, call: RegionCall) -> None:
        row, now_s = call.key, self._clock.now
        self._service.release(call)
        self._ended_s[row] = now_s
        job, end_s = self._job[row], now_s + self._cpu_s[row]
        if row + 1 < self._last[job]:
            self._clock.call_at(end_s, lambda _: self._ask(job), PHASE_END)
        else:
            self._job_ended_s[job] = end_s


def _check(loops: RegionLoops, n_qpus: int, largest_call: int) -> None:
    n, m = len(loops.submit_s), len(loops.qpu_s)
    offset = loops.offset
    if len(loops.n_qubits) != n or len(offset) != n + 1 or len(loops.cpu_s) != m:
        raise WorkloadError(f"columns of {n} jobs and {m} calls have other lengths")
    if loops.qpu_s.shape not in ((m,), (m, n_qpus)):
        raise WorkloadError(f"qpu_s has shape {loops.qpu_s.shape}", allowed=f"({m},) or ({m}, {n_qpus})")
    if offset[0] != 0 or offset[-1] != m or bool((np.diff(offset) < 0).any()):
        raise WorkloadError(f"offset does not cut {m} calls into {n} jobs", allowed="0 … m, never decreasing")
    for name in ("submit_s", "qpu_s", "cpu_s"):
        column = getattr(loops, name)
        if not bool((np.isfinite(column) & (column >= 0)).all()):
            raise WorkloadError(f"{name} has a time that is negative or no number", allowed="seconds, at least 0")
    wrong = np.flatnonzero((loops.n_qubits < 1) | (loops.n_qubits > largest_call))
    if len(wrong):
        raise WorkloadError(
            f"job {wrong[0]} wants {loops.n_qubits[wrong[0]]} qubits", allowed=f"1 … {largest_call} in one piece"
        )
