"""I16: the figures of ``summary.json``, computed again from the rows of ``jobs.csv``."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from qhpcsim.metrics.checks.tables import Floats, Tables, Violation
from qhpcsim.metrics.checks.totals import compare

_TAU_S = 10.0
_STATES = {
    "n_completed": ("COMPLETED_SUCCESSFULLY",),
    "n_failed": ("COMPLETED_FAILED",),
    "n_killed": ("COMPLETED_WALLTIME_REACHED", "COMPLETED_KILLED"),
    "n_rejected": ("REJECTED",),
    "n_running": ("RUNNING",),
    "n_queued": ("QUEUED",),
}


def check_figures(tables: Tables) -> Iterator[Violation]:
    """I16: counts, means, maxima and percentiles follow from the table; partitions add up."""
    for key, states in _STATES.items():
        yield from compare(tables, "I16", key, int(np.isin(tables.state.astype(str), states).sum()))
    done = tables.finished
    wait = tables.floats("waiting_time")[tables.started]
    run, width = tables.run_s[done], tables.width[done]
    response = tables.floats("turnaround_time")[done]
    bounded = np.maximum(1.0, response / np.maximum(run, _TAU_S))
    per_node = np.maximum(1.0, response / (width * np.maximum(run, _TAU_S)))
    plain = response[run > 0] / run[run > 0]
    families = [("wait", "_s", wait), ("turnaround", "_s", response), ("bounded_slowdown", "", bounded)]
    for stem, suffix, values in families:
        yield from compare(tables, "I16", f"mean_{stem}{suffix}", exact_mean(values))
        for q in (50, 90, 95, 99):
            yield from compare(tables, "I16", f"p{q}_{stem}{suffix}", exact_percentile(values, q))
        yield from compare(tables, "I16", f"max_{stem}{suffix}", max(values.tolist(), default=None))
    yield from compare(tables, "I16", "mean_slowdown", exact_mean(plain))
    yield from compare(tables, "I16", "mean_pp_bounded_slowdown", exact_mean(per_node))
    area = math.fsum((run * width).tolist())
    weighted = math.fsum((run * width * response).tolist())
    yield from compare(tables, "I16", "awrt_s", weighted / area if area > 0 else None)
    yield from _partitions(tables)


def _partitions(tables: Tables) -> Iterator[Violation]:
    parts = tables.summary.get("by_partition", {}).values()
    sent = sum(part["n_jobs"] for part in parts) + tables.summary.get("n_rejected", 0)
    if sent != len(tables.jobs):
        yield Violation("I16", "", f"partitions and rejections hold {sent} of {len(tables.jobs)} jobs")
    yield from compare(tables, "I16", "busy_node_s", math.fsum(part["busy_node_s"] for part in parts))


def exact_mean(values: Floats) -> float | None:
    """Return the mean by an exact sum, or None of nothing."""
    return math.fsum(values.tolist()) / values.size if values.size else None


def exact_percentile(values: Floats, q: int) -> float | None:
    """Return the q-th percentile by linear interpolation between order statistics."""
    if not values.size:
        return None
    ranked = sorted(values.tolist())
    place = (len(ranked) - 1) * q / 100
    low = int(place)
    high = min(low + 1, len(ranked) - 1)
    return float(ranked[low] + (place - low) * (ranked[high] - ranked[low]))
