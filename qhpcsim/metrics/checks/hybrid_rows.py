"""Rules about each hybrid job and its phases: I01 cells, I02 order, I03 lengths."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from qhpcsim.metrics.checks.hybrid_tables import HybridTables
from qhpcsim.metrics.checks.tables import RELATIVE, Flags, Violation
from qhpcsim.metrics.hybrid_data import KINDS, HybridData

CPU, QPU = KINDS.index("cpu"), KINDS.index("qpu")

OVER = ("COMPLETED", "WALLTIME", "FAILED")
"""States of a job that has come to an end."""


def tolerance_s(data: HybridData) -> float:
    """Return the allowed difference of two times: 1e-9 of the run's length, and its rounding."""
    return RELATIVE * max(1.0, data.horizon_s) + 4 * float(np.spacing(data.horizon_s))


def report(data: HybridData, rule: str, bad: Flags, text: str) -> Iterator[Violation]:
    """Yield one violation for each flagged job."""
    for job in np.flatnonzero(bad).tolist():
        yield Violation(rule, f"{data.name[job]} (hybrid.csv)", text)


def report_phases(data: HybridData, rule: str, bad: Flags, text: str) -> Iterator[Violation]:
    """Yield one violation for each flagged phase."""
    for row in np.flatnonzero(bad).tolist():
        yield Violation(rule, data.name[data.phase_job[row]], f"row {row + 1} of phases.csv {text}")


def check_cells(tables: HybridTables) -> Iterator[Violation]:
    """I01: a job has the times that its state calls for and no others; amounts are finite and not negative."""
    data = tables.data
    over = np.isin(data.state, OVER)
    never_began: Flags = np.isin(data.state, ["QUEUED"])
    ended, started = np.isfinite(data.ended_s), np.isfinite(data.started_s)
    yield from report(data, "I01", ~np.isfinite(data.submitted_s), "has no submission time")
    yield from report(data, "I01", over & ~ended, "is over, but has no end")
    yield from report(data, "I01", ~over & ended, "is not over, but has an end")
    yield from report(data, "I01", data.completed & ~started, "is completed, but has no start")
    yield from report(data, "I01", never_began & started, "never began, but has a start")
    yield from report(data, "I01", data.nodes < 1, "has no nodes")
    amounts = np.column_stack([tables.stated_s, data.held_node_s])
    wrong = np.asarray(~(np.isfinite(amounts) & (amounts >= 0.0)).all(axis=1))
    yield from report(data, "I01", wrong, "has a time or node time that is not a number of at least 0")
    known = np.isfinite(data.phase_start_s) & np.isfinite(data.phase_end_s)
    yield from report_phases(data, "I01", ~known, "has no start or no end")


def check_ordered(tables: HybridTables) -> Iterator[Violation]:
    """I02: submitted <= started <= ended; a job's phases follow one another and lie between its submission and end."""
    data, slack = tables.data, tolerance_s(tables.data)
    yield from report(data, "I02", data.started_s < data.submitted_s - slack, "starts before it is submitted")
    yield from report(data, "I02", data.ended_s < data.started_s - slack, "ends before it starts")
    job, start_s, end_s = data.phase_job, data.phase_start_s, data.phase_end_s
    yield from report_phases(data, "I02", end_s < start_s, "ends before it starts")
    yield from report_phases(data, "I02", start_s < data.submitted_s[job] - slack, "starts before its job is submitted")
    yield from report_phases(data, "I02", end_s > data.ended_s[job] + slack, "ends after its job")
    same = np.concatenate([np.zeros(1, bool), job[1:] == job[:-1]])[: len(job)]
    before_s = np.concatenate([[0.0], end_s[:-1]])[: len(job)]
    yield from report_phases(data, "I02", same & (start_s < before_s - slack), "starts before the one above it ends")
    out_of_place = np.concatenate([np.zeros(1, bool), job[1:] < job[:-1]])[: len(job)]
    yield from report_phases(data, "I02", out_of_place, "is not among the phases of its job")
    early = (data.phase_kind == CPU) & ~(start_s >= data.started_s[job] - slack)
    yield from report_phases(data, "I02", early, "computes before its job has started")
    yield from _check_whole(data, slack)


def _check_whole(data: HybridData, slack: float) -> Iterator[Violation]:
    """A job's phases follow one another from its submission to its end, but for an answer on its way back.

    All answers take the same time, the network's; that of a job which was stopped may not have come.
    """
    if not len(data.phase_job):
        return
    job, start_s, end_s = data.phase_job, data.phase_start_s, data.phase_end_s
    first = np.concatenate([[True], job[1:] != job[:-1]])
    last = np.concatenate([first[1:], [True]])
    over = np.isin(data.state, OVER)[job]
    yield from report_phases(
        data, "I02", first & over & (start_s > data.submitted_s[job] + slack), "does not begin as its job is submitted"
    )
    next_s = np.where(last, data.ended_s[job], np.concatenate([start_s[1:], [np.nan]]))
    gap_s = np.where(over, next_s - end_s, 0.0)
    back = (data.phase_kind == QPU) & over
    answered_s = gap_s[back & ~data.unanswered]
    latency_s = float(np.median(answered_s)) if len(answered_s) else np.inf
    differs = np.where(data.unanswered, gap_s > latency_s + slack, np.abs(gap_s - latency_s) > slack)
    yield from report_phases(data, "I02", back & differs, "is not followed by the next after the time of an answer")
    yield from report_phases(data, "I02", ~back & (gap_s > slack), "is not followed by the next, or its job's end")


def check_lengths(tables: HybridTables) -> Iterator[Violation]:
    """I03: times and calls of ``hybrid.csv`` are the sums and counts of ``phases.csv``."""
    data = tables.data
    slack = tolerance_s(data)
    for kind, word in enumerate(KINDS):
        differs = np.abs(tables.stated_s[:, kind] - data.spent_s[:, kind]) > slack
        yield from report(data, "I03", differs, f"{word}_s is not the sum of its phases {word}")
    yield from report(data, "I03", tables.stated_calls != data.n_calls, "n_calls is not the number of its phases qpu")
