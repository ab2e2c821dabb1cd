"""I06 and I16 of hybrid jobs: counts add up, and every figure of key ``hybrid`` follows from the tables.

Everything is computed again from the rows, in other words and with exact sums; node time from ``jobs.csv``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from qhpcsim.metrics.checks.figures import exact_mean
from qhpcsim.metrics.checks.hybrid_rows import CPU, QPU, tolerance_s
from qhpcsim.metrics.checks.hybrid_tables import HybridTables
from qhpcsim.metrics.checks.tables import RELATIVE, Floats, Violation
from qhpcsim.metrics.hybrid_data import KINDS, HybridData

Figures = Mapping[str, Any]
_STATES = {
    "n_completed": ("COMPLETED",),
    "n_walltime": ("WALLTIME",),
    "n_failed": ("FAILED",),
    "n_unfinished": ("QUEUED", "RUNNING"),
}
_WAIT = KINDS.index("qpu_wait")


def check_conserved(tables: HybridTables, summary: Figures) -> Iterator[Violation]:
    """I06: no job is lost: rows are the summary's jobs, and each is in exactly one state."""
    if summary["n_jobs"] != tables.data.n:
        text = f"hybrid.csv has {tables.data.n} rows, the summary {summary['n_jobs']} jobs"
        yield Violation("I06", "", text)
    if sum(summary[key] for key in _STATES) != summary["n_jobs"]:
        yield Violation("I06", "", "hybrid: completed, walltime, failed and unfinished do not add up to n_jobs")


def check_figures(tables: HybridTables, summary: Figures, n_qpus: int) -> Iterator[Violation]:
    """I16: counts, means, rates and shares follow from the tables."""
    data = tables.data
    expected = {**_counts(data), **_means(data), **_node_time(tables), **_rates(tables, n_qpus)}
    for key, value in expected.items():
        yield from _same(data, f"hybrid.{key}", summary.get(key), value, key in summary)
    means = summary["mean_phase_s"]
    for kind, word in enumerate(KINDS):
        total_s = math.fsum(_length_s(data)[data.phase_kind == kind].tolist())
        there = bool((data.phase_kind == kind).any())
        mean_s = total_s / data.n if there else None
        yield from _same(data, f"hybrid.mean_phase_s.{word}", means.get(word), mean_s, (word in means) or not there)


def _same(
    data: HybridData, path: str, found: float | None, expected: float | None, stated: bool
) -> Iterator[Violation]:
    if found is None or expected is None:
        close = stated and found is expected
    else:
        close = math.isclose(found, expected, rel_tol=10 * RELATIVE, abs_tol=_slack(data, path))
    if not close:
        yield Violation("I16", "", f"{path} is {found}, the tables say {expected}")


def _slack(data: HybridData, path: str) -> float:
    """Return the allowed difference of a figure that may be close to 0."""
    return RELATIVE if path.endswith(("_frac", "_per_s", "_utilisation")) else tolerance_s(data)


def _length_s(data: HybridData) -> Floats:
    return data.phase_end_s - data.phase_start_s


def _counts(data: HybridData) -> dict[str, float | None]:
    counts: dict[str, float | None] = {key: int(np.isin(data.state, states).sum()) for key, states in _STATES.items()}
    return {**counts, "n_calls": int(((data.phase_kind == QPU) & ~data.unanswered).sum())}


def _means(data: HybridData) -> dict[str, float | None]:
    done = data.completed
    return {
        "mean_time_to_solution_s": exact_mean((data.ended_s - data.submitted_s)[done]),
        "mean_residence_s": exact_mean((data.ended_s - data.started_s)[done]),
    }


def _node_time(tables: HybridTables) -> dict[str, float | None]:
    data = tables.data
    used = (_length_s(data) * data.nodes[data.phase_job])[data.phase_kind == CPU]
    return {"held_node_s": _held_node_s(tables, -np.inf, np.inf), "used_node_s": math.fsum(used.tolist())}


def _rates(tables: HybridTables, n_qpus: int) -> dict[str, float | None]:
    """Return what is taken over the time with as many jobs running as ever."""
    data = tables.data
    low_s, high_s = window(data)
    span_s = high_s - low_s
    start_s, end_s, kind = data.phase_start_s, data.phase_end_s, data.phase_kind
    inside_s = np.maximum(0.0, np.minimum(end_s, high_s) - np.maximum(start_s, low_s))
    ended_here = (end_s > low_s) & (end_s <= high_s) & ~data.unanswered
    n_answered = int((ended_here & (kind == QPU)).sum())
    answered_s = math.fsum((end_s - start_s)[ended_here & np.isin(kind, (QPU, _WAIT))].tolist())
    busy_s = math.fsum(inside_s[kind == QPU].tolist())
    used = math.fsum((inside_s * data.nodes[data.phase_job])[kind == CPU].tolist())
    held = _held_node_s(tables, low_s, high_s)
    return {
        "loop_throughput_per_s": n_answered / span_s if span_s > 0 else None,
        "qpu_response_s": answered_s / n_answered if n_answered else None,
        "qpu_utilisation": busy_s / (span_s * n_qpus) if span_s > 0 and n_qpus else None,
        "held_idle_frac": 1.0 - used / held if held > 0 else None,
    }


def _held_node_s(tables: HybridTables, low_s: float, high_s: float) -> float:
    known = tables.parts.are_nodes & np.isfinite(tables.part_end_s)
    start_s = np.maximum(tables.part_start_s[known], low_s)
    length_s = np.maximum(0.0, np.minimum(tables.part_end_s[known], high_s) - start_s)
    return math.fsum((length_s * tables.part_nodes[known]).tolist())


def window(data: HybridData) -> tuple[float, float]:
    """Return the time from the first to the last instant with as many running jobs as ever.

    Where that is less than half of the time in which jobs ran, it is all of that time.
    """
    ran = np.isfinite(data.started_s) & np.isfinite(data.ended_s)
    if not ran.any():
        return 0.0, 0.0
    start_s, end_s = np.sort(data.started_s[ran]), np.sort(data.ended_s[ran])
    times = np.unique(np.concatenate([start_s, end_s]))
    level = np.searchsorted(start_s, times, side="right") - np.searchsorted(end_s, times, side="right")
    most = np.flatnonzero(level == level.max())
    low_s, high_s = float(times[most[0]]), float(times[min(most[-1] + 1, len(times) - 1)])
    first_s, last_s = float(start_s[0]), float(end_s[-1])
    return (low_s, high_s) if high_s - low_s >= 0.5 * (last_s - first_s) else (first_s, last_s)
