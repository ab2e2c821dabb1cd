"""Rules about each application and each task by itself: I01 cells, I02 order, I03 columns that say a thing twice."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from qhpcsim.core.task_records import STATUS, TaskState
from qhpcsim.metrics.checks.tables import Flags, Floats, Violation
from qhpcsim.metrics.checks.workflow_tables import STATES, WorkflowTables

_QUEUED, _, _COMPLETED, _INCOMPLETE, _ = range(len(STATES))


def check_applications(tables: WorkflowTables) -> Iterator[Violation]:
    """I01: an application has the times that its state calls for and no others."""
    over = np.isin(tables.state, (_COMPLETED, _INCOMPLETE))
    started, ended = np.isfinite(tables.started_s), np.isfinite(tables.ended_s)
    yield from tables.report("I01", ~np.isfinite(tables.submitted_s), "has no submission time")
    yield from tables.report("I01", over & ~ended, "is over, but has no end")
    yield from tables.report("I01", ~over & ended, "is not over, but has an end")
    yield from tables.report(
        "I01", (tables.state == _QUEUED) == started, "is QUEUED and has a start, or is not and has none"
    )
    wrong = over & ((tables.state == _INCOMPLETE) != (tables.n_failed > 0))
    yield from tables.report("I01", wrong, "is COMPLETED and lost tasks, or INCOMPLETE and lost none")


def check_tasks(tables: WorkflowTables, most_attempts: int) -> Iterator[Violation]:
    """I01: a task has the times, the attempts, the place and the error that its state calls for.

    Args:
        tables: The tables.
        most_attempts: How often a task may be started.
    """
    started, ended = np.isfinite(tables.real["started_s"]), np.isfinite(tables.real["ended_s"])
    open_ = tables.is_in(TaskState.RUNNING, TaskState.QUEUED)
    yield from tables.report_tasks("I01", ~np.isfinite(tables.real["submitted_s"]), "has no submission time")
    yield from tables.report_tasks("I01", open_ & ended, "is not over, but has an end")
    yield from tables.report_tasks("I01", ~open_ & ~ended & ~tables.is_call, "is over, but has no end")
    needs_start = tables.is_in(TaskState.SUCCESS, TaskState.RUNNING)
    yield from tables.report_tasks("I01", needs_start & ~started, "runs or has run, but has no start")
    yield from tables.report_tasks("I01", tables.is_in(TaskState.SUCCESS) & ~ended, "succeeded, but has no end")
    attempts = tables.real["attempts"]
    wrong = (attempts > most_attempts) | (started & ~(attempts >= 1))
    wrong |= (tables.is_call | tables.is_step) & (attempts != 1)
    wrong |= tables.is_in(TaskState.QUEUED) & ~tables.is_call & (attempts >= most_attempts)
    yield from tables.report_tasks("I01", wrong, f"has attempts {_span(most_attempts)} by the scenario's retries")
    blank = np.array([word == "" for word in tables.word["error_msg"]], dtype=bool)
    yield from tables.report_tasks("I01", blank == tables.lost, "was lost and has no error, or was not and has one")
    yield from _check_amounts(tables)


def _span(most: int) -> str:
    return "other than 1" if most == 1 else f"other than 1 … {most}"


def _check_amounts(tables: WorkflowTables) -> Iterator[Violation]:
    """I01: ids count the rows; amounts are whole or real numbers of at least 0; widths are those of the circuits."""
    ids = np.array([word == str(row) for row, word in enumerate(tables.word["task_id"])], dtype=bool)
    yield from tables.report_tasks("I01", ~ids, "has a task_id that is not its place")
    for column in ("n_qubits", "n_circuits", "shots", "n_cores", "attempts"):
        yield from tables.report_tasks("I01", ~_whole(tables.real[column]), f"has {column} that is no whole number ≥ 0")
    gpus = tables.real["n_gpus"]
    yield from tables.report_tasks("I01", ~(np.isfinite(gpus) & (gpus >= 0)), "has n_gpus that is no number ≥ 0")
    gpu_class = np.array([word == "gpu" for word in tables.word["device_class"]], dtype=bool)
    yield from tables.report_tasks("I01", (gpus > 0) & ~gpu_class, "has GPUs, but its device class is not gpu")
    calls = np.array([word == "qpu" for word in tables.word["kind"]], dtype=bool)
    yield from tables.report_tasks("I01", calls != tables.is_call, "is of kind qpu or of class qpu, but not of both")
    slotless = (tables.is_call & (tables.real["n_cores"] != 0)) | (tables.is_step & (tables.real["n_cores"] != 1))
    yield from tables.report_tasks("I01", slotless, "has no pilot, but the cores of a task on one")
    width = np.array([_width(text) for text in tables.word["circuit"]], dtype=np.float64)
    no_match = np.isfinite(width) & (width != tables.real["n_qubits"])
    yield from tables.report_tasks("I01", no_match, "has n_qubits that is not the width of its circuit")
    aimless = (np.array(tables.word["circuit"], dtype=object) == "") & (tables.real["n_qubits"] > 0) & ~tables.is_call
    yield from tables.report_tasks("I01", np.asarray(aimless, dtype=bool), "has qubits, but no circuit")


def _whole(values: Floats) -> Flags:
    return np.asarray(np.isfinite(values) & (values >= 0) & (values == np.floor(values)))


def _width(circuit: str) -> float:
    """Return the width that ``family:n:params`` states; NaN: it is not of that form."""
    parts = circuit.split(":")
    return float(parts[1]) if len(parts) > 1 and parts[1].isdigit() else np.nan


def check_ordered(tables: WorkflowTables, waits: bool) -> Iterator[Violation]:
    """I02: submitted <= started <= ended, tasks within their application's life, rows in order of submission.

    Args:
        tables: The tables.
        waits: Whether applications begin when their first pilot runs; False: when they are submitted.
    """
    slack, owner = tables.tolerance_s, tables.owner
    submitted_s, started_s, ended_s = (tables.real[each] for each in ("submitted_s", "started_s", "ended_s"))
    yield from tables.report("I02", _falls(tables.submitted_s), "is submitted before the one above it")
    yield from tables.report("I02", tables.started_s < tables.submitted_s - slack, "starts before it is submitted")
    yield from tables.report("I02", tables.ended_s < tables.started_s - slack, "ends before it starts")
    late = (not waits) & (tables.started_s > np.maximum(tables.submitted_s, 0.0) + slack)
    yield from tables.report("I02", np.asarray(late), "starts later than it is submitted, but waits for nothing")
    yield from tables.report_tasks("I02", _falls(submitted_s), "is submitted before the one above it")
    early = ~(submitted_s >= tables.started_s[owner] - slack)
    yield from tables.report_tasks("I02", early, "is submitted before its application starts")
    yield from tables.report_tasks("I02", started_s < submitted_s - slack, "starts before it is submitted")
    yield from tables.report_tasks("I02", ended_s < np.fmax(started_s, submitted_s) - slack, "ends before it starts")
    yield from tables.report_tasks("I02", ended_s > tables.ended_s[owner] + slack, "ends after its application")
    open_ = np.isfinite(tables.ended_s)[owner] & tables.is_in(TaskState.RUNNING, TaskState.QUEUED)
    yield from tables.report_tasks("I02", open_, "is not over, but its application is")


def _falls(times_s: Floats) -> Flags:
    return np.concatenate([np.zeros(1, bool), times_s[1:] < times_s[:-1]])[: len(times_s)]


def check_columns(tables: WorkflowTables) -> Iterator[Violation]:
    """I03: what the columns of Pilot-Quantum repeat is the same; the interval of a prediction is that of its model."""
    real, word = tables.real, tables.word
    same = {
        "submit_time": real["submitted_s"],
        "completion_time": real["ended_s"],
        "wait_time_secs": real["started_s"] - real["submitted_s"],
        "execution_secs": real["ended_s"] - real["started_s"],
        "staging_time_secs": np.zeros(tables.m),
        "input_staging_data_size_bytes": np.zeros(tables.m),
    }
    for column, expected in same.items():
        differs = ~_close(real[column], expected)
        yield from tables.report_tasks("I03", differs, f"has another {column} than its other columns tell")
    status = [STATUS[state] for state in tables.task_state.tolist()]
    for column, texts in (("status", status), ("pilot_scheduled", word["pilot"])):
        differs = np.array([a != b for a, b in zip(word[column], texts, strict=True)], dtype=bool)
        yield from tables.report_tasks("I03", differs, f"has another {column} than its other columns tell")
    motif = np.array([a != tables.motif[k] for a, k in zip(word["motif"], tables.owner, strict=True)], dtype=bool)
    yield from tables.report_tasks("I03", motif, "has another motif than its application")
    middle, low, high = (real[each] for each in ("predicted_s", "p5_s", "p95_s"))
    yield from tables.report_tasks("I03", ~(middle >= 0) & ~np.isnan(middle), "has a prediction below 0")
    took_s = real["ended_s"] - real["started_s"]
    off = tables.is_step & np.isfinite(took_s) & ~(np.abs(took_s - middle) <= 4 * np.spacing(real["ended_s"]))
    yield from tables.report_tasks("I03", off, "is its application's own work, but took another time than predicted")
    apart = (low > high) | ~_close(low * high, np.where(np.isnan(low * high), np.nan, middle * middle))
    yield from tables.report_tasks("I03", apart, "has a predicted_s that is not midway between p5_s and p95_s")
    yield from tables.report_tasks("I03", np.isnan(low) != np.isnan(high), "has p5_s or p95_s, but not both")


def _close(found: Floats, expected: Floats) -> Flags:
    """Return (m,) whether cells are equal but for the last digits, or both empty."""
    both_empty = np.isnan(found) & np.isnan(expected)
    return np.asarray(both_empty | (np.abs(found - expected) <= 1e-12 * np.abs(expected)))
