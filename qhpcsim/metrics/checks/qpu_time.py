"""Rules about time on QPUs: I03 lengths, I04 one job at a time, I17 closed QPUs, I19 sessions alone."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import numpy as np

from qhpcsim.core.qpu_records import QpuJobState, QpuMode
from qhpcsim.metrics.checks.qpu_rows import report, tolerance_s
from qhpcsim.metrics.checks.tables import Flags, Floats, Integers, Violation
from qhpcsim.metrics.qpu_data import CLOSURES, KINDS, QpuData
from qhpcsim.metrics.qpu_spans import united, without


class Stretches:
    """When each job was on its QPU, as far as the tables tell.

    ``qpu.csv`` has a job's first start, its end and its time on the QPU. Where the last is shorter than the span
    between the others, the job was interrupted: by closures of its QPU, whose times are in ``qpu_intervals.csv``, or
    under a preemptive discipline by other jobs, whose turns are in no table.

    Args:
        data: The tables.
        preemptive: Whether jobs may interrupt each other.
    """

    def __init__(self, data: QpuData, preemptive: bool) -> None:
        self.data, self.preemptive = data, preemptive
        self.slack_s = tolerance_s(data)

    @cached_property
    def span_s(self) -> Floats:
        """(n,) from first start to end; NaN if it never started."""
        return self.data.until_s - self.data.started_s

    @cached_property
    def open_s(self) -> Floats:
        """(n,) how much of its span its QPU was open; NaN if it never started."""
        data = self.data
        open_s = self.span_s.copy()
        for qpu in range(len(data.qpu_names)):
            closed = united(data.intervals.spans(qpu, *CLOSURES))
            here = data.started & (data.qpu == qpu)
            if len(closed):
                open_s[here] -= _inside(closed, data.started_s[here], data.until_s[here])
        return open_s

    @cached_property
    def unknown(self) -> Flags:
        """(n,) whether it was interrupted at times that no table has."""
        short = self.data.started & (self.data.used_s < self.open_s - self.slack_s)
        protected = (self.data.session >= 0) | (self.data.mode == QpuMode.DEDICATED)
        return np.asarray(short & ~protected & self.preemptive)

    @cached_property
    def known(self) -> tuple[Integers, Floats]:
        """Job of each stretch that is known, and its (k, 2) start and end."""
        data = self.data
        whole = data.started & ~self.unknown & (self.open_s >= self.span_s - self.slack_s)
        jobs = [np.flatnonzero(whole)]
        parts = [np.column_stack([data.started_s[whole], data.until_s[whole]])]
        for job in np.flatnonzero(data.started & ~self.unknown & ~whole).tolist():
            closed = data.intervals.spans(int(data.qpu[job]), *CLOSURES)
            pieces = without(np.array([[data.started_s[job], data.until_s[job]]]), closed)
            jobs.append(np.full(len(pieces), job))
            parts.append(pieces)
        return np.concatenate(jobs).astype(np.int64), np.concatenate(parts)

    def skipped(self) -> list[str]:
        """Return a sentence if some stretches are not known."""
        n = int(self.unknown.sum())
        why = "jobs that others interrupted: the tables do not have the times of their turns on the QPU"
        return [f"capacity and sessions against {n} {why}"] if n else []


def check_lengths(stretches: Stretches) -> Iterator[Violation]:
    """I03: a job has no more time on its QPU than its span, all of its span but closures, and enough to be done."""
    data, slack = stretches.data, stretches.slack_s
    yield from report(data, "I03", data.used_s > stretches.span_s + slack, "used_s is more than ended - started")
    short = data.started & (data.used_s < stretches.open_s - slack) & ~stretches.unknown
    yield from report(data, "I03", short, "used_s is less than its QPU was open between start and end")
    if data.drawn_s is not None:
        hurried = (data.state == QpuJobState.COMPLETED) & (data.used_s < data.drawn_s - slack)
        yield from report(data, "I03", hurried, "is completed, but used_s is less than drawn_s")


def check_closed(stretches: Stretches) -> Iterator[Violation]:
    """I17: no job has more time on its QPU than the QPU was open between the job's start and end."""
    data, slack = stretches.data, stretches.slack_s
    inside = (data.used_s > stretches.open_s + slack) & (data.used_s <= stretches.span_s + slack)
    yield from report(data, "I17", inside, "was on its QPU while the QPU was closed")


def check_alone(stretches: Stretches) -> Iterator[Violation]:
    """I04: no two jobs, and no job and a calibration or warm-up, are on one QPU at the same time."""
    data = stretches.data
    jobs, spans = stretches.known
    for qpu, name in enumerate(data.qpu_names):
        mine = data.qpu[jobs] == qpu
        own = united(data.intervals.spans(qpu, "warm_up"))
        rows = np.concatenate([spans[mine], own])
        who = np.concatenate([jobs[mine], np.full(len(own), -1)])
        order = np.lexsort((rows[:, 1], rows[:, 0]))
        rows, who = rows[order], who[order]
        until_s = np.maximum.accumulate(rows[:, 1])[:-1] if len(rows) else rows[:, 1]
        for at in np.flatnonzero(rows[1:, 0] < np.minimum(until_s, rows[1:, 1]) - stretches.slack_s).tolist():
            job = int(who[at + 1]) if who[at + 1] >= 0 else int(who[at])
            yield Violation(
                "I04",
                f"{data.name(job)} (qpu.csv)",
                f"shares {name} at t = {rows[at + 1, 0]} s with another job or warm-up",
            )


def check_reservations(data: QpuData) -> Iterator[Violation]:
    """I17: dedicated jobs start inside a reservation of their QPU, and no other job does."""
    for qpu, name in enumerate(data.qpu_names):
        reserved = united(data.intervals.spans(qpu, "reservation"))
        here = data.started & (data.qpu == qpu)
        at = np.searchsorted(reserved[:, 0], data.started_s, side="right") - 1
        inside = np.zeros(data.n, dtype=np.bool_)
        if len(reserved):
            inside = here & (at >= 0) & (data.started_s < reserved[at, 1])
        dedicated = data.mode == QpuMode.DEDICATED
        outside = here & dedicated & ~inside
        yield from report(data, "I17", outside, f"is dedicated, but starts in no reservation of {name}")
        yield from report(data, "I17", inside & ~dedicated, f"starts inside a reservation of {name}")


def check_sessions(stretches: Stretches) -> Iterator[Violation]:
    """I19: jobs of a session or batch run while it has the QPU, and nobody else does then."""
    data, slack = stretches.data, stretches.slack_s
    intervals = data.intervals
    for qpu, name in enumerate(data.qpu_names):
        rows = np.flatnonzero((intervals.qpu == qpu) & (intervals.kind == KINDS.index("session")))
        rows = rows[np.lexsort((intervals.end_s[rows], intervals.start_s[rows]))]
        start_s, end_s, number = intervals.start_s[rows], intervals.end_s[rows], intervals.session[rows]
        for at in np.flatnonzero(start_s[1:] < np.maximum.accumulate(end_s)[:-1] - slack).tolist():
            yield Violation("I19", "", f"sessions {number[at]} and {number[at + 1]} both hold {name}")
        here = data.started & (data.qpu == qpu) & (stretches.span_s > slack)
        members = np.flatnonzero(here & (data.session >= 0))
        away = np.zeros(data.n, dtype=np.bool_)
        away[members] = True
        if len(rows):
            last = np.maximum(np.searchsorted(start_s, data.started_s[members] + slack, side="right") - 1, 0)
            late = data.until_s[members] > end_s[last] + slack
            early = data.started_s[members] < start_s[last] - slack
            away[members] = late | early | (number[last] != data.session[members])
        yield from report(data, "I19", away, f"runs on {name} while its session does not have it")
        others = np.flatnonzero(here & (data.session < 0) & ~stretches.unknown)
        held_s = _inside(united(np.column_stack([start_s, end_s])), data.started_s[others], data.until_s[others])
        shared = np.zeros(data.n, dtype=np.bool_)
        shared[others] = held_s > slack
        yield from report(data, "I19", shared, f"runs on {name} while a session has it to itself")


def _inside(spans: Floats, start_s: Floats, end_s: Floats) -> Floats:
    """Return how much of each [start, end) lies in disjoint, ordered spans."""
    if not len(spans):
        return np.zeros(len(start_s))
    upto_s = np.cumsum(np.column_stack([np.zeros(len(spans)), spans[:, 1] - spans[:, 0]]).ravel())
    edges = spans.ravel()
    return np.asarray(np.interp(end_s, edges, upto_s) - np.interp(start_s, edges, upto_s))
