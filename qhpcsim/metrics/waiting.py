"""Waiting and turnaround times."""

from __future__ import annotations

import numpy as np

from qhpcsim.core.records import FloatArray
from qhpcsim.metrics.metric import metric
from qhpcsim.metrics.run_data import RunData

BATSIM = "Batsim jobs.csv, https://batsim.readthedocs.io"


def mean(values: FloatArray) -> float | None:
    """Return the arithmetic mean, or None of nothing (numpy's pairwise sum: the same bits on every machine)."""
    return float(np.sum(values) / values.size) if values.size else None


def largest(values: FloatArray) -> float | None:
    """Return the maximum, or None of nothing."""
    return float(values.max()) if values.size else None


@metric("mean_wait_s", "s", "mean of w = b - s over started jobs", BATSIM)
def mean_wait_s(run: RunData) -> float | None:
    """Return the mean time from submission to start over started jobs, in seconds."""
    return mean(run.wait_s[run.started])


@metric("max_wait_s", "s", "max of w = b - s over started jobs", BATSIM)
def max_wait_s(run: RunData) -> float | None:
    """Return the longest wait of a started job, in seconds."""
    return largest(run.wait_s[run.started])


@metric("mean_turnaround_s", "s", "mean of r = c - s over finished jobs", BATSIM)
def mean_turnaround_s(run: RunData) -> float | None:
    """Return the mean time from submission to end over finished jobs (also response or flow time), in seconds."""
    return mean(run.turnaround_s[run.finished])


@metric("max_turnaround_s", "s", "max of r = c - s over finished jobs", BATSIM)
def max_turnaround_s(run: RunData) -> float | None:
    """Return the longest turnaround of a finished job, in seconds."""
    return largest(run.turnaround_s[run.finished])


@metric(
    "awrt_s",
    "s",
    "average weighted response time: sum(p q r) / sum(p q) over finished jobs",
    "Schwiegelshohn, Yahyapour (2000), Fairness in parallel job scheduling, J. Scheduling 3(5):297-320",
)
def awrt_s(run: RunData) -> float | None:
    """Return the response time weighted by each job's area (nodes x run time), in seconds; None if the area is 0."""
    done = run.finished
    area = run.run_s[done] * run.table.nodes[done]
    total = float(np.sum(area))
    return float(np.sum(area * run.turnaround_s[done]) / total) if total > 0 else None
