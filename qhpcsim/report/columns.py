"""The columns of ``jobs.csv`` that figures need, as arrays: a report of 500,000 jobs never loops over them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.records import FloatArray, JobState, JobTable, Schedule

if TYPE_CHECKING:
    import pandas as pd

IntArray = NDArray[np.int64]

COLUMNS = (
    "job_id",
    "submission_time",
    "requested_number_of_resources",
    "final_state",
    "starting_time",
    "finish_time",
    "allocated_resources",
)
"""What is read from ``jobs.csv``."""

_SPACE, _DASH, _NEWLINE = b" -\n"


@dataclass(slots=True)
class JobColumns:
    """Jobs as a struct of arrays; times are seconds on the input file's own axis, NaN where there is none."""

    job_id: Sequence[object] | NDArray[np.generic]
    submit_s: FloatArray
    start_s: FloatArray
    finish_s: FloatArray
    """End, or for a job still on its nodes the last instant of the run."""
    nodes: IntArray
    rejected: NDArray[np.bool_]
    range_job: IntArray
    """(m,) job index of each allocated node range, non-decreasing."""
    range_lo: IntArray
    """(m,) first node of the range."""
    range_hi: IntArray
    """(m,) last node of the range, inclusive."""

    @property
    def n(self) -> int:
        """Number of jobs."""
        return len(self.submit_s)

    @property
    def started(self) -> NDArray[np.bool_]:
        """(n,) whether the job ever ran."""
        return ~np.isnan(self.start_s)

    @property
    def wait_s(self) -> FloatArray:
        """(n,) time in the queue, NaN for jobs that never started."""
        return self.start_s - self.submit_s

    def span_s(self) -> tuple[float, float]:
        """Return the first submission and the last thing that happened; (0, 0) without jobs."""
        if self.n == 0:
            return 0.0, 0.0
        last = np.nanmax(np.concatenate([self.submit_s, self.start_s, self.finish_s]))
        return float(self.submit_s.min()), float(last)


def job_columns(jobs: pd.DataFrame) -> JobColumns:
    """Return the arrays of a jobs table with Batsim's column names.

    Args:
        jobs: At least the columns of ``COLUMNS``; empty cells are NaN or "".
    """
    submit = _floats(jobs, "submission_time")
    start = _floats(jobs, "starting_time")
    finish = _floats(jobs, "finish_time")
    start[start < submit] = np.nan  # Batsim 1.x writes -1 for "never"
    finish[np.isnan(start) | (finish < start)] = np.nan
    job, lo, hi = node_ranges(jobs["allocated_resources"].tolist())
    return JobColumns(
        job_id=jobs["job_id"].tolist(),
        submit_s=submit,
        start_s=start,
        finish_s=_to_the_end(submit, start, finish),
        nodes=jobs["requested_number_of_resources"].to_numpy(dtype=np.int64),
        rejected=(jobs["final_state"] == "REJECTED").to_numpy(dtype=bool),
        range_job=job,
        range_lo=lo,
        range_hi=hi,
    )


def scheduled_columns(table: JobTable, schedule: Schedule) -> JobColumns:
    """Return the same arrays straight from a simulation, without making a table of it."""
    start = schedule.start_s + table.zero_s
    end = schedule.end_s + table.zero_s
    submit = table.submit_s + table.zero_s
    ranges = np.diff(schedule.offset)
    return JobColumns(
        job_id=table.job_id,
        submit_s=submit,
        start_s=start,
        finish_s=_to_the_end(submit, start, end),
        nodes=table.nodes.astype(np.int64),
        rejected=schedule.state == int(JobState.REJECTED),
        range_job=np.repeat(np.arange(table.n, dtype=np.int64), ranges),
        range_lo=schedule.lo[: int(schedule.offset[-1])].astype(np.int64),
        range_hi=schedule.hi[: int(schedule.offset[-1])].astype(np.int64),
    )


def _to_the_end(submit: FloatArray, start: FloatArray, finish: FloatArray) -> FloatArray:
    """Return finish times; a job still on its nodes ends with the last thing that happened."""
    if len(submit) == 0:
        return finish
    last = float(np.nanmax(np.concatenate([submit, start, finish])))
    return np.where(~np.isnan(start) & np.isnan(finish), last, finish)


def _floats(jobs: pd.DataFrame, name: str) -> FloatArray:
    return jobs[name].to_numpy(dtype=np.float64, na_value=np.nan, copy=True)


def node_ranges(cells: Sequence[object]) -> tuple[IntArray, IntArray, IntArray]:
    """Return (row, first node, last node) of every range in cells such as ``"0-3 7"``.

    Cells that are empty or not text hold no range.
    """
    rows = np.array([i for i, cell in enumerate(cells) if isinstance(cell, str) and cell], dtype=np.int64)
    if len(rows) == 0:
        return rows, rows.copy(), rows.copy()
    text = "\n".join([cell for cell in cells if isinstance(cell, str) and cell])
    marks = np.frombuffer(text.encode("ascii"), dtype=np.uint8)
    marks = marks[(marks == _SPACE) | (marks == _DASH) | (marks == _NEWLINE)]
    values = np.fromstring(text.replace("-", " ").replace("\n", " "), dtype=np.int64, sep=" ")
    closes = np.concatenate([[False], marks == _DASH])
    """closes[k]: number k is the upper end of the range that number k-1 opened."""
    opens = np.flatnonzero(~closes)
    lo = values[opens]
    last = np.append(opens[1:], len(values)) - 1
    line = np.concatenate([[0], np.cumsum(marks == _NEWLINE)])
    return rows[line[opens]], lo, values[last]
