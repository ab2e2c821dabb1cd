"""Rules about each job by itself: I01 finite, I02 ordered, I03 lengths, I06 complete, I07 clock."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from qhpcsim.core.records import JobTable
from qhpcsim.metrics.checks.tables import LEFT_NODES, OTHERS, Floats, Tables, Violation

ALWAYS = ("submission_time", "requested_number_of_resources", "requested_time", "success")
STARTED = ("starting_time", "waiting_time")
FINISHED = ("execution_time", "finish_time", "turnaround_time", "consumed_energy")


def check_finite(tables: Tables) -> Iterator[Violation]:
    """I01: a job has exactly the finite numbers that its state calls for, and no others."""
    everyone = np.ones(len(tables.jobs), dtype=np.bool_)
    stretched = tables.finished & (tables.run_s > 0)
    wanted = [(ALWAYS, everyone), (STARTED, tables.started), (FINISHED, tables.finished), (("stretch",), stretched)]
    for columns, who in wanted:
        for column in columns:
            values = tables.floats(column)
            yield from tables.report("I01", who & ~np.isfinite(values), f"{column} is missing or not finite")
            yield from tables.report("I01", ~who & ~np.isnan(values), f"{column} is given, but {column} has no meaning")


def check_ordered(tables: Tables) -> Iterator[Violation]:
    """I02: submit <= start <= end."""
    slack = tables.tolerance_s
    yield from tables.report("I02", tables.start_s < tables.submit_s - slack, "starts before it is submitted")
    yield from tables.report("I02", tables.end_s < tables.start_s - slack, "ends before it starts")


def check_lengths(tables: Tables, overrun: str, workload: JobTable | None) -> Iterator[Violation]:
    """I03: end - start is the run time or the limit; waits, turnarounds and stretches agree with the times."""
    run, wait = tables.run_s, tables.floats("waiting_time")
    turnaround, stretch = tables.floats("turnaround_time"), tables.floats("stretch")
    same = [
        (tables.end_s - tables.start_s, run, "execution_time is not finish - start"),
        (tables.start_s - tables.submit_s, wait, "waiting_time is not start - submission"),
        (tables.end_s - tables.submit_s, turnaround, "turnaround_time is not finish - submission"),
        (stretch * run, np.where(run > 0, turnaround, np.nan), "stretch is not turnaround / execution"),
    ]
    for found, expected, text in same:
        yield from tables.report("I03", _differ(tables, found, expected), text)
    success = tables.floats("success") != (tables.state == "COMPLETED_SUCCESSFULLY")
    yield from tables.report("I03", success, "success contradicts final_state")
    if overrun != "kill":
        return
    killed = tables.state == "COMPLETED_WALLTIME_REACHED"
    yield from tables.report("I03", run > tables.limit_s + tables.tolerance_s, "runs past its requested time")
    yield from tables.report("I03", killed & _differ(tables, run, tables.limit_s), "killed, but not at its limit")
    if workload is not None and workload.n == len(tables.jobs):
        exact = np.where(tables.finished, np.minimum(workload.runtime_s, workload.walltime_s), np.nan)
        own_end = tables.finished & (tables.state != "COMPLETED_KILLED")
        yield from tables.report("I03", own_end & _differ(tables, run, exact), "execution is not min(run time, limit)")


def _differ(tables: Tables, found: Floats, expected: Floats) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        return np.asarray(np.abs(found - expected) > tables.tolerance_s)


def check_complete(tables: Tables, workload: JobTable | None) -> Iterator[Violation]:
    """I06: every submitted job appears once, in one legal state, and the states add up."""
    legal = np.isin(tables.state.astype(str), (*LEFT_NODES, *OTHERS))
    yield from tables.report("I06", ~legal, "no legal final_state")
    yield from tables.report("I06", tables.jobs["job_id"].duplicated().to_numpy(), "appears twice")
    if workload is not None:
        given, found = set(map(str, workload.job_id.tolist())), set(map(str, tables.jobs["job_id"].tolist()))
        yield from (Violation("I06", job, "was submitted, but is in no row") for job in sorted(given - found))
        yield from (Violation("I06", job, "was never submitted") for job in sorted(found - given))
    if tables.summary:
        keys = ("n_completed", "n_failed", "n_killed", "n_rejected", "n_running", "n_queued")
        if sum(tables.summary[key] for key in keys) != tables.summary["n_jobs"]:
            yield Violation("I06", "", "the states of summary.json do not add up to n_jobs")
        if tables.summary["n_jobs"] != len(tables.jobs):
            yield Violation("I06", "", f"{len(tables.jobs)} rows, but n_jobs is {tables.summary['n_jobs']}")


def check_clock(tables: Tables, event_s: Floats | None) -> Iterator[Violation]:
    """I07: submissions stand in order, and the event log (if given) never goes back."""
    backwards = np.concatenate([[False], np.diff(tables.submit_s) < 0])[: len(tables.jobs)]
    yield from tables.report("I07", backwards, "submitted before the row above")
    if event_s is not None and (np.isnan(event_s).any() or (np.diff(event_s) < 0).any()):
        yield Violation("I07", "", "the clock of the event log goes back or is not a number")
