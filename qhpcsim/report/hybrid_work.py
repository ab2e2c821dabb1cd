"""What hybrid jobs were doing, over time: shares of intervals and numbers of jobs."""

from __future__ import annotations

import numpy as np

from qhpcsim.core.records import FloatArray
from qhpcsim.report.held import Bars
from qhpcsim.report.hybrid_view import PHASES, Held, HybridView
from qhpcsim.report.occupancy import occupancy
from qhpcsim.report.series import interval_edges, steps

_MAX_BINS = 400


def time_shares(view: HybridView, edges_s: FloatArray) -> FloatArray:
    """Return which share of each interval each job spent in each phase, as (jobs, 5, intervals).

    Args:
        view: The jobs.
        edges_s: Edges of the intervals; all phases lie between the first and the last.
    """
    row = view.data.phase_job * len(PHASES) + view.phase
    n_rows = view.data.n * len(PHASES)
    return _mean(view, row, n_rows, edges_s).reshape(view.data.n, len(PHASES), -1)


def jobs_in_phase(view: HybridView) -> tuple[FloatArray, FloatArray, float]:
    """Return edges of intervals, the mean number of jobs in each phase in them (5, intervals), and their width.

    A width of 0: there is an edge at every change, so the numbers are exact.
    """
    data = view.data
    changes_s = np.concatenate([data.phase_start_s, data.phase_end_s])
    edges_s, width_s = interval_edges(changes_s, (view.axis.first_s, view.axis.last_s), _MAX_BINS)
    return edges_s, _mean(view, view.phase, len(PHASES), edges_s), width_s


def _mean(view: HybridView, row: np.ndarray, n_rows: int, edges_s: FloatArray) -> FloatArray:
    data = view.data
    bars = Bars(data.phase_start_s, data.phase_end_s, row, row, np.zeros(len(row), dtype=np.int64))
    return occupancy(bars, np.arange(n_rows + 1, dtype=np.float64), edges_s)


def mean_held(held: Held, edges_s: FloatArray) -> FloatArray:
    """Return how much was held in each interval, on average."""
    series = steps(held.start_s, held.end_s, held.weight, (float(edges_s[0]), float(edges_s[-1])))
    return np.asarray(np.clip(np.diff(series.integral(edges_s)) / np.diff(edges_s), 0.0, None))
