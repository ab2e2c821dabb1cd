"""Rules about each QPU job and each session by itself: I01 cells, I02 order, I20 what is charged."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from qhpcsim.core.qpu_records import QpuJobState, QpuMode
from qhpcsim.core.records import IntArray
from qhpcsim.metrics.checks.tables import RELATIVE, Flags, Floats, Violation
from qhpcsim.metrics.qpu_data import QpuData


def tolerance_s(data: QpuData) -> float:
    """Return the allowed difference of two times: 1e-9 of the run's length, and its rounding."""
    return RELATIVE * max(1.0, data.horizon_s) + 4 * float(np.spacing(data.horizon_s))


def report(data: QpuData, rule: str, bad: Flags, text: str) -> Iterator[Violation]:
    """Yield one violation for each flagged job."""
    for job in np.flatnonzero(bad).tolist():
        yield Violation(rule, f"{data.name(job)} (qpu.csv)", text)


def check_cells(data: QpuData) -> Iterator[Violation]:
    """I01: a job has the numbers that its state calls for and no others; amounts are finite and not negative."""
    state, ran = data.state, data.started
    ended = np.isfinite(data.ended_s)
    on_qpu = (data.qpu >= 0) & (data.qpu < len(data.qpu_names))
    completed, running = state == QpuJobState.COMPLETED, state == QpuJobState.RUNNING
    rejected = state == QpuJobState.REJECTED
    waiting = rejected | (state == QpuJobState.QUEUED)
    yield from report(data, "I01", ~np.isfinite(data.submitted_s), "has no submission time")
    yield from report(data, "I01", (completed | running) & ~(ran & np.isfinite(data.queued_s)), "ran, but has no start")
    yield from report(data, "I01", completed & ~ended, "is completed, but has no end")
    yield from report(data, "I01", (running | waiting) & ended, "has not ended, but has an end")
    yield from report(data, "I01", rejected & ran, "was rejected, but has a start")
    yield from report(data, "I01", ran & ~on_qpu, "ran on no QPU of the run")
    yield from report(data, "I01", rejected & (data.qpu >= 0), "was rejected, but has a QPU")
    for name in ("used_s", "billed_s", "cost"):
        values = getattr(data, name)
        if values is not None:
            wrong = ~(np.isfinite(values) & (values >= 0.0))
            if name == "cost":
                # Nobody knows what other users pay.
                wrong &= ~(data.background & np.isnan(values))
            yield from report(data, "I01", wrong, f"{name} is not a number of at least 0")
            yield from report(data, "I01", ~ran & (values > 0.0), f"{name} is not 0, but the job never ran")
    if data.fidelity is not None:
        wrong = (data.fidelity < 0.0) | (data.fidelity > 1.0)
        yield from report(data, "I01", wrong, "fidelity is not between 0 and 1")


def check_ordered(data: QpuData) -> Iterator[Violation]:
    """I02: submitted <= queued <= started <= ended <= the run's end; intervals do not end before they start."""
    slack = tolerance_s(data)
    yield from report(data, "I02", data.queued_s < data.submitted_s - slack, "is queued before it is submitted")
    yield from report(data, "I02", data.started_s < data.queued_s - slack, "starts before it is queued")
    yield from report(data, "I02", data.ended_s < data.started_s - slack, "ends before it starts")
    yield from report(data, "I02", data.ended_s > data.horizon_s + slack, "ends after the run")
    backwards = ~(data.intervals.end_s >= data.intervals.start_s)
    for row in np.flatnonzero(backwards).tolist():
        yield Violation("I02", "", f"row {row + 1} of qpu_intervals.csv ends before it starts, or has no time")


def check_billed(data: QpuData) -> Iterator[Violation]:
    """I20: jobs are charged their time on the QPU; sessions, in sum, the time for which they held it."""
    slack = tolerance_s(data)
    inside = data.mode == QpuMode.SESSION
    plain = ~inside & (np.abs(data.billed_s - data.used_s) > slack)
    yield from report(data, "I20", plain, "is outside a session, but billed_s is not used_s")
    span_s = data.ended_s - data.started_s
    short = inside & data.finished & (data.billed_s < span_s - slack)
    yield from report(data, "I20", short, "is in a session, but billed_s is less than ended - started")
    for session, billed_s, held_s in _odd_sessions(data):
        if not _cut(data, session) or billed_s > held_s:
            yield Violation("I20", "", f"session {session} is charged {billed_s} s and held its QPU for {held_s} s")


def unbilled(data: QpuData) -> list[str]:
    """Return a sentence if the charges of some sessions cannot be checked."""
    cut = sum(_cut(data, session) and billed_s <= held_s for session, billed_s, held_s in _odd_sessions(data))
    return [f"the charges of {cut} sessions that still had their QPU when the run stopped"] if cut else []


def _odd_sessions(data: QpuData) -> list[tuple[int, float, float]]:
    """Return (session, charged, held) of the sessions whose charges are not the time for which they held a QPU."""
    inside = (data.mode == QpuMode.SESSION) & data.started
    numbers = np.unique(data.session[inside])
    held = np.isin(data.intervals.session, numbers)
    charged_s = _sums(numbers, data.session[inside], data.billed_s[inside])
    length_s = (data.intervals.end_s - data.intervals.start_s)[held]
    held_s = _sums(numbers, data.intervals.session[held], length_s)
    odd = np.abs(charged_s - held_s) > tolerance_s(data) + RELATIVE * held_s
    rows = zip(numbers[odd].tolist(), charged_s[odd].tolist(), held_s[odd].tolist(), strict=True)
    return [(int(number), charged, held) for number, charged, held in rows]


def _sums(numbers: IntArray, number: IntArray, values: Floats) -> Floats:
    """Return the sum of the values that belong to each of the numbers."""
    return np.bincount(np.searchsorted(numbers, number), weights=values, minlength=len(numbers)).astype(np.float64)


def _cut(data: QpuData, session: int) -> bool:
    """Return whether a session had its QPU when the run stopped, so that it is charged on after the tables' end."""
    reaches = np.abs(data.intervals.end_s - data.horizon_s) <= tolerance_s(data)
    return bool(np.any(reaches & (data.intervals.session == session)))
