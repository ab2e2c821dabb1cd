"""The figures of the summary as rows of text: this run, the baseline, the difference."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from qhpcsim.core.wording import MISSING, duration, energy, number
from qhpcsim.report.data import RunData
from qhpcsim.report.text import gpu_time, node_time, percent, plain, power

Format = Callable[[float], str]

GROUPS: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    (
        "Jobs",
        (
            ("n_jobs", "submitted"),
            ("n_completed", "completed"),
            ("n_failed", "failed"),
            ("n_killed", "killed at their time limit"),
            ("n_rejected", "rejected: could never fit"),
            ("n_running", "still running at the end"),
            ("n_queued", "never started"),
        ),
    ),
    (
        "Waiting",
        (
            ("mean_wait_s", "mean wait"),
            ("p50_wait_s", "median wait"),
            ("p95_wait_s", "95th percentile of wait"),
            ("max_wait_s", "longest wait"),
            ("mean_turnaround_s", "mean turnaround"),
            ("awrt_s", "mean turnaround, weighted by node-hours"),
            ("mean_bounded_slowdown", "mean bounded slowdown"),
            ("p95_bounded_slowdown", "95th percentile of bounded slowdown"),
            ("mean_pp_bounded_slowdown", "mean bounded slowdown per node"),
            ("mean_queue_length", "mean queue length (jobs)"),
            ("max_queue_length", "longest queue (jobs)"),
            ("jain_fairness", "fairness between users (1 = equal)"),
        ),
    ),
    (
        "Machine",
        (
            ("makespan_s", "first submission to last end"),
            ("throughput_jobs_per_h", "finished jobs per hour"),
            ("utilisation_frac", "utilisation"),
            ("steady_utilisation_frac", "utilisation, middle 80 % of submissions"),
            ("useful_utilisation_frac", "utilisation by jobs that completed"),
            ("energy_j", "energy"),
        ),
    ),
)
"""Rows in reading order: key of ``summary.json``, words."""
QPU_GROUPS: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    (
        "QPU jobs",
        (
            ("n_jobs", "submitted"),
            ("n_completed", "completed"),
            ("n_failed", "failed"),
            ("n_rejected", "rejected: no place in the queue, or no QPU can run it"),
            ("n_unfinished", "not finished when the run stopped"),
            ("median_wait_s", "median wait"),
            ("mean_wait_s", "mean wait"),
            ("p95_wait_s", "95th percentile of wait"),
            ("max_wait_s", "longest wait"),
            ("mean_turnaround_s", "mean turnaround"),
            ("mean_service_s", "mean time on the QPU"),
            ("mean_fidelity", "mean expected fidelity"),
            ("qpu_s", "QPU time"),
            ("billed_s", "charged time"),
            ("shots", "shots"),
            ("cost", "cost"),
            ("energy_j", "energy"),
        ),
    ),
    (
        "QPU jobs of other users",
        (
            ("n_jobs", "submitted"),
            ("median_wait_s", "median wait"),
            ("p95_wait_s", "95th percentile of wait"),
            ("qpu_s", "QPU time"),
        ),
    ),
)
"""The same for key ``qpu`` and, within it, ``background``."""
HYBRID_GROUP: tuple[tuple[str, str], ...] = (
    ("n_jobs", "submitted"),
    ("n_completed", "completed"),
    ("n_walltime", "stopped at their walltime"),
    ("n_failed", "failed"),
    ("n_unfinished", "not finished when the run stopped"),
    ("n_calls", "QPU calls"),
    ("mean_time_to_solution_s", "mean time to solution"),
    ("mean_residence_s", "mean time from first phase to end"),
    ("qpu_response_s", "mean response of a call"),
    ("loop_throughput_per_s", "calls a second"),
    ("qpu_utilisation", "QPU busy"),
    ("held_idle_frac", "held nodes idle"),
    ("held_node_s", "node time held"),
    ("used_node_s", "of it in classical phases"),
)
"""The same for key ``hybrid``."""
WORKFLOW_GROUP: tuple[tuple[str, str], ...] = (
    ("n_applications", "submitted"),
    ("n_completed", "completed"),
    ("n_with_lost_tasks", "with lost tasks"),
    ("mean_time_to_solution_s", "mean time to solution"),
    ("p95_time_to_solution_s", "95th percentile of time to solution"),
    ("n_tasks", "tasks"),
    ("n_tasks_lost", "tasks lost"),
    ("held_node_s", "node time held by pilots"),
    ("held_idle_frac", "of it with no task on the node"),
    ("held_gpu_s", "GPU time held by pilots"),
    ("gpu_duty_frac", "of it in use by tasks"),
)
"""The same for key ``workflows``."""
_LEAST_POINTS = 0.0005
_ROUNDING = 1e-12
"""Figures that differ by this share or less differ by the order in which numbers were added."""
_ONLY_IF_ANY = (
    "n_failed",
    "n_killed",
    "n_rejected",
    "n_running",
    "n_queued",
    "n_unfinished",
    "n_walltime",
    "n_with_lost_tasks",
    "n_tasks_lost",
    "held_node_s",
    "held_gpu_s",
    "cost",
)

_FORMATS: tuple[tuple[str, Format], ...] = (
    ("_node_s", node_time),
    ("_gpu_s", gpu_time),
    ("_per_s", number),
    ("_s", duration),
    ("_frac", percent),
    ("_utilisation", percent),
    ("_j", energy),
    ("_w", power),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the summary table."""

    label: str
    value: str
    baseline: str = ""
    difference: str = ""


def summary_groups(run: RunData) -> list[tuple[str, list[Row]]]:
    """Return the groups of rows; figures that exist in neither run are left out."""
    groups = [(title, _rows(run.summary, run.baseline_summary, keys)) for title, keys in GROUPS if run.has_batch]
    if run.has_parts:
        groups = [("Batch jobs" if title == "Jobs" else title, rows) for title, rows in groups]
    if run.workflows is not None:
        groups.insert(0, ("Applications", _rows(run.workflows.summary, run.workflows.baseline, WORKFLOW_GROUP)))
    if run.hybrid is not None:
        groups.insert(0, ("Hybrid jobs", _rows(run.hybrid.summary, run.hybrid.baseline, HYBRID_GROUP)))
    if run.qpu is not None:
        sides = [run.qpu.summary, run.qpu.summary["background"] if run.qpu.has_others else {}]
        groups += [(title, _rows(side, {}, keys)) for (title, keys), side in zip(QPU_GROUPS, sides, strict=True)]
    return [(title, rows) for title, rows in groups if rows]


def _rows(mine_all: Mapping[str, Any], other_all: Mapping[str, Any], keys: tuple[tuple[str, str], ...]) -> list[Row]:
    rows = []
    for key, label in keys:
        mine, other = mine_all.get(key), other_all.get(key)
        if not _says_something(key, mine) and not _says_something(key, other):
            continue
        beside = show(key, other) if other_all else ""
        rows.append(Row(label, show(key, mine), beside, difference(key, mine, other)))
    return rows


def _says_something(key: str, value: Any) -> bool:
    return bool(value) if key in _ONLY_IF_ANY else value is not None


def show(key: str, value: Any) -> str:
    """Return a figure in words that fit its key's unit suffix."""
    if isinstance(value, Mapping):
        return money(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return MISSING if value is None else plain(value)
    return _format(key)(float(value))


def money(cost: Mapping[str, float]) -> str:
    """Return what something cost, currency by currency; currencies are never added up."""
    return " + ".join(f"{amount:,.2f} {plain(word, 12)}" for word, amount in cost.items()) or MISSING


def difference(key: str, mine: Any, other: Any) -> str:
    """Return how far this run is from the baseline, with sign, unit and per cent."""
    if not isinstance(mine, (int, float)) or not isinstance(other, (int, float)):
        return ""
    gap = float(mine) - float(other)
    if not math.isfinite(gap):
        return ""
    if abs(gap) <= _ROUNDING * abs(float(other)):
        return "same"
    mark = "+" if gap > 0 else "−"
    if _format(key) is percent:
        return f"{mark}{abs(gap) * 100:.1f} points" if abs(gap) >= _LEAST_POINTS else "under 0.1 points"
    relative = "" if key.startswith("n_") or other == 0 else f" ({mark}{number(abs(gap / other) * 100, 2)} %)"
    return f"{mark}{_format(key)(abs(gap))}{relative}"


def _format(key: str) -> Format:
    return next((shape for suffix, shape in _FORMATS if key.endswith(suffix)), number)


def table(keys: tuple[tuple[str, str], ...], rows: Mapping[str, Mapping[str, Any]]) -> list[list[str]]:
    """Return named rows as text, one cell per key."""
    return [[plain(name), *[show(key, row.get(key)) for key, _ in keys]] for name, row in rows.items()]
