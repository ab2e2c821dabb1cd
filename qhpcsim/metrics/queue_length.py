"""How many jobs waited: the time average (Little's law) and the peak."""

from __future__ import annotations

import numpy as np

from qhpcsim.core.records import JobState
from qhpcsim.metrics.metric import metric
from qhpcsim.metrics.run_data import RunData

LITTLE = "Little (1961), A proof for the queuing formula L = lambda W, doi:10.1287/opre.9.3.383"


@metric("mean_queue_length", "1", "(1/window) x integral of waiting jobs dt = sum of waits / window", LITTLE)
def mean_queue_length(run: RunData) -> float | None:
    """Return the time-averaged number of waiting jobs; a job that never started waits to the window's end.

    Rejected jobs do not wait.
    """
    if run.window_s <= 0:
        return None
    last = run.window[1]
    queued = ~run.started & (run.schedule.state != JobState.REJECTED)
    left = np.maximum(0.0, last - run.table.submit_s[queued])
    return float((np.sum(run.wait_s[run.started]) + np.sum(left)) / run.window_s)


@metric("max_queue_length", "1", "most jobs waiting at once, after the scheduling pass of an instant")
def max_queue_length(run: RunData) -> int | None:
    """Return the largest number of jobs waiting just after any instant; None of an empty workload."""
    joined = np.sort(run.table.submit_s[run.schedule.state != JobState.REJECTED])
    if joined.size == 0:
        return None
    begun = np.sort(run.schedule.start_s[run.started])
    inside = np.searchsorted(joined, joined, side="right") - np.searchsorted(begun, joined, side="right")
    return int(inside.max())
