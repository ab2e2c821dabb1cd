"""What jobs were doing, over time: shares of intervals, numbers of jobs, nodes held."""

from __future__ import annotations

import numpy as np

from qhpcsim.core.records import FloatArray
from qhpcsim.report.activity import Activity, Held
from qhpcsim.report.held import Bars
from qhpcsim.report.occupancy import occupancy
from qhpcsim.report.series import interval_edges, steps

MAX_BINS = 400
"""Intervals of a figure over time."""


def time_shares(jobs: Activity, edges_s: FloatArray) -> FloatArray:
    """Return which share of each interval each job spent in each phase, as (jobs, phases, intervals).

    Args:
        jobs: The jobs.
        edges_s: Edges of the intervals; all phases lie between the first and the last.
    """
    k = len(jobs.looks)
    return _mean(jobs, jobs.owner * k + jobs.phase, jobs.n * k, edges_s).reshape(jobs.n, k, -1)


def jobs_in_phase(jobs: Activity) -> tuple[FloatArray, FloatArray, float]:
    """Return edges of intervals, the mean number of jobs in each phase in them, and their width.

    A width of 0: there is an edge at every change, so the numbers are exact.
    """
    changes_s = np.concatenate([jobs.start_s, jobs.end_s])
    edges_s, width_s = interval_edges(changes_s, (jobs.axis.first_s, jobs.axis.last_s), MAX_BINS)
    return edges_s, _mean(jobs, jobs.phase, len(jobs.looks), edges_s), width_s


def _mean(jobs: Activity, row: np.ndarray, n_rows: int, edges_s: FloatArray) -> FloatArray:
    bars = Bars(jobs.start_s, jobs.end_s, row, row, np.zeros(len(row), dtype=np.int64))
    return occupancy(bars, np.arange(n_rows + 1, dtype=np.float64), edges_s)


def mean_held(held: Held, edges_s: FloatArray) -> FloatArray:
    """Return how much was held in each interval, on average."""
    series = steps(held.start_s, held.end_s, held.weight, (float(edges_s[0]), float(edges_s[-1])))
    return np.asarray(np.clip(np.diff(series.integral(edges_s)) / np.diff(edges_s), 0.0, None))
