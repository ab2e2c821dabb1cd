"""Figures of a run, one row a sample: some weeks of a log, or a seed of the centre."""

from __future__ import annotations

import numpy as np

from qhpcsim import Result
from qhpcsim.metrics.fairness import jain_index
from qhpcsim.metrics.run_data import RunData
from qhpcsim.metrics.slowdown import bounded_slowdown

HOUR_S = 3600.0
WEEK_S = 7 * 24 * HOUR_S
LONG_S = HOUR_S
"""Jobs that run longer are long."""
LEAST_JOBS = 100
"""Of a sample; with fewer the machine was out of service for most of the time."""
CENTRE = {
    "wait_h": ("mean_wait_s", HOUR_S),
    "p95_wait_h": ("p95_wait_s", HOUR_S),
    "slowdown": ("mean_bounded_slowdown", 1.0),
    "jain": ("jain_fairness", 1.0),
    "used_pct": ("steady_utilisation_frac", 0.01),
    "longest_wait_h": ("max_wait_s", HOUR_S),
}
"""Figure -> name in the summary, and what to divide it by."""

Sample = dict[str, float]


def of_centre(result: Result, seed: int) -> list[Sample]:
    """Return the figures of a run of the centre."""
    summary, applications = result.summary, result.summary["workflows"]
    assert applications["n_completed"] == applications["n_applications"], (seed, applications["n_completed"])
    found = {name: summary[key] / unit for name, (key, unit) in CENTRE.items()}
    return [{"sample": seed, "solution_h": applications["mean_time_to_solution_s"] / HOUR_S, **found}]


def of_trace(result: Result, weeks: int) -> list[Sample]:
    """Return the figures of every so many whole weeks of a replay; the first are left out: the machine begins empty."""
    run = RunData(result.table, result.schedule, result.partitions)
    assert run.finished.all(), f"{(~run.finished).sum()} jobs did not finish"
    length_s = weeks * WEEK_S
    slow, wide = bounded_slowdown(run), is_wide(run.table.nodes, run.table.runtime_s)
    place = run.table.submit_s // length_s
    chosen = {k: place == k for k in range(1, int(place[-1]))}
    return [
        {"sample": k, **_piece(run, slow, wide, jobs, k * length_s, (k + 1) * length_s)}
        for k, jobs in chosen.items()
        if jobs.sum() >= LEAST_JOBS
    ]


def is_wide(nodes: np.ndarray, runtime_s: np.ndarray) -> np.ndarray:
    """Return the (n,) widest jobs that together do half of the log's work; of equal width all."""
    order = np.argsort(nodes, kind="stable")
    work = np.cumsum((nodes * runtime_s)[order])
    return nodes >= nodes[order][np.searchsorted(work, 0.5 * work[-1])]


def _piece(run: RunData, slow: np.ndarray, wide: np.ndarray, chosen: np.ndarray, from_s: float, to_s: float) -> Sample:
    """Return the figures of the jobs submitted within a piece of the log, and how far the machine was used then."""
    wait_h, wide, long = run.wait_s[chosen] / HOUR_S, wide[chosen], run.table.runtime_s[chosen] > LONG_S
    held_s = np.minimum(run.schedule.end_s, to_s) - np.maximum(run.schedule.start_s, from_s)
    return {
        **{"wait_h": wait_h.mean(), "p95_wait_h": np.percentile(wait_h, 95), "slowdown": slow[chosen].mean()},
        **{"narrow_h": _mean(wait_h[~wide]), "wide_h": _mean(wait_h[wide])},
        **{"short_h": _mean(wait_h[~long]), "long_h": _mean(wait_h[long])},
        **{"jain": _jain(run, slow, chosen), "longest_wait_h": wait_h.max()},
        "used_pct": 100 * (np.maximum(held_s, 0.0) * run.table.nodes).sum() / run.n_nodes / (to_s - from_s),
    }


def _jain(run: RunData, slow: np.ndarray, chosen: np.ndarray) -> float:
    """Return Jain's index over the users' mean bounded slowdowns; NaN if the log has no users."""
    if run.table.user is None:
        return np.nan
    user = run.table.user.code[chosen]
    n_jobs = np.bincount(user)
    return jain_index(np.bincount(user, slow[chosen])[n_jobs > 0] / n_jobs[n_jobs > 0])


def _mean(values: np.ndarray) -> float:
    """Return the mean; NaN of nothing."""
    return float(values.mean()) if values.size else np.nan
