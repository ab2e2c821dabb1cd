"""Distributions: percentiles over all jobs and by size class."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.records import FloatArray, IntArray
from qhpcsim.metrics.run_data import RunData
from qhpcsim.metrics.slowdown import bounded_slowdown
from qhpcsim.metrics.waiting import mean

PERCENTS = (50, 90, 95, 99)
"""Percentiles given, interpolated linearly between order statistics (numpy's default, R type 7)."""


def size_classes(nodes: IntArray) -> NDArray[np.int64]:
    """Return the (n,) size class of each job: 0 for one node, k for 4^(k-1) < nodes <= 4^k."""
    bounds = 4 ** np.arange(16, dtype=np.int64)
    return np.searchsorted(bounds, nodes, side="left")


def class_name(k: int) -> str:
    """Return the words for size class ``k``: ``1``, ``2-4``, ``5-16``, ``17-64`` and so on."""
    return "1" if k == 0 else f"{4 ** (k - 1) + 1}-{4**k}"


def percentiles(values: FloatArray, stem: str, suffix: str = "") -> dict[str, float | None]:
    """Return ``p50_<stem><suffix>`` … and ``max_<stem><suffix>``; None of nothing."""
    keys = [f"p{q}_{stem}{suffix}" for q in PERCENTS] + [f"max_{stem}{suffix}"]
    if values.size == 0:
        return dict.fromkeys(keys)
    found = [*np.percentile(values, PERCENTS).tolist(), float(values.max())]
    return dict(zip(keys, found, strict=True))


def distributions(run: RunData) -> dict[str, float | None]:
    """Return percentiles and maxima of wait (started), turnaround and bounded slowdown (finished jobs)."""
    return {
        **percentiles(run.wait_s[run.started], "wait", "_s"),
        **percentiles(run.turnaround_s[run.finished], "turnaround", "_s"),
        **percentiles(bounded_slowdown(run)[run.finished], "bounded_slowdown"),
    }


def by_size_class(run: RunData) -> dict[str, dict[str, float | int | None]]:
    """Return counts, means and percentiles of wait and bounded slowdown for every size class that has jobs."""
    classes = size_classes(run.table.nodes)
    bounded = bounded_slowdown(run)
    table: dict[str, dict[str, float | int | None]] = {}
    for k in np.unique(classes).tolist():
        members = classes == k
        wait = run.wait_s[members & run.started]
        slow = bounded[members & run.finished]
        table[class_name(k)] = {
            "n_jobs": int(members.sum()),
            "n_started": wait.size,
            "n_finished": slow.size,
            "mean_wait_s": mean(wait),
            **percentiles(wait, "wait", "_s"),
            "mean_bounded_slowdown": mean(slow),
            **percentiles(slow, "bounded_slowdown"),
        }
    return table
