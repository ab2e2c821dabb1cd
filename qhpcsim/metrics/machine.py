"""How well the machine was used: makespan, utilisation, throughput.

The *window* runs from the first submission to the last end (or the last start, if that is later). The *steady window*
leaves out the empty machine at the beginning and the drain at the end: it is the middle 80 % of the submission span,
from s_min + 0.1 S to s_min + 0.9 S with S = s_max - s_min.
"""

from __future__ import annotations

import numpy as np

from qhpcsim.core.records import FloatArray
from qhpcsim.metrics.metric import metric
from qhpcsim.metrics.run_data import RunData

STEADY_FRACTION = 0.1
"""Part of the submission span left out at either end of the steady window."""
BATSIM = "Batsim schedule.csv, https://batsim.readthedocs.io"


def busy_node_s(run: RunData) -> FloatArray:
    """Return the (n,) node-seconds each job held within the window: node share x time on the nodes, lost runs too."""
    held = np.asarray(run.share_nodes * run.hold_s)
    return held if run.schedule.lost is None else held + run.lost_node_s


def steady_window(run: RunData) -> tuple[float, float] | None:
    """Return the steady window in seconds since the table's zero, or None if all jobs came at one instant."""
    submit = run.table.submit_s
    if submit.size == 0:
        return None
    first, last = float(submit.min()), float(submit.max())
    margin = STEADY_FRACTION * (last - first)
    return (first + margin, last - margin) if last - margin > first + margin else None


@metric("makespan_s", "s", "max c - min s, over finished and over all jobs", BATSIM)
def makespan_s(run: RunData) -> float | None:
    """Return the time from the first submission to the last end, in seconds."""
    if not run.finished.any():
        return None
    return float(run.schedule.end_s[run.finished].max() - run.table.submit_s.min())


@metric("utilisation_frac", "1", "held node-seconds / (m x window), first submission to last end")
def utilisation_frac(run: RunData) -> float | None:
    """Return the share of the machine that was allocated over the whole window."""
    capacity = run.n_nodes * run.window_s
    return float(np.sum(busy_node_s(run)) / capacity) if capacity > 0 else None


@metric("useful_utilisation_frac", "1", "as utilisation_frac, only jobs that completed successfully")
def useful_utilisation_frac(run: RunData) -> float | None:
    """Return the share of the machine that went to jobs which were not killed and did not fail."""
    capacity = run.n_nodes * run.window_s
    return float(np.sum((run.share_nodes * run.hold_s)[run.useful]) / capacity) if capacity > 0 else None


@metric("steady_utilisation_frac", "1", "held node-seconds / (m x window), middle 80 % of the submission span")
def steady_utilisation_frac(run: RunData) -> float | None:
    """Return the share of the machine that was allocated within the steady window."""
    window = steady_window(run)
    if window is None or run.n_nodes == 0:
        return None
    low, high = window
    start = run.schedule.start_s[run.started]
    end = start + run.hold_s[run.started]
    overlap = np.maximum(0.0, np.minimum(end, high) - np.maximum(start, low))
    held = float(np.sum(overlap * run.share_nodes[run.started]))
    if run.schedule.lost is not None:
        lost = run.schedule.lost
        overlap = np.maximum(0.0, np.minimum(lost.end_s, high) - np.maximum(lost.start_s, low))
        held += float(np.sum(overlap * run.table.nodes[lost.job]))
    return held / (run.n_nodes * (high - low))


@metric("throughput_jobs_per_h", "1/h", "finished jobs / makespan")
def throughput_jobs_per_h(run: RunData) -> float | None:
    """Return the finished jobs per hour of makespan."""
    span = makespan_s(run)
    return int(run.finished.sum()) / span * 3600.0 if span else None
