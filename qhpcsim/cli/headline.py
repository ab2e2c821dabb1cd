"""The table and the sentence that a run prints."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from qhpcsim.cli.output import energy, table
from qhpcsim.results.wording import duration

if TYPE_CHECKING:
    from qhpcsim.scenario import Scenario

ROWS: tuple[tuple[str, str, Callable[[float], str]], ...] = (
    ("n_jobs", "jobs", lambda n: f"{n:,.0f}"),
    ("n_rejected", "rejected (can never fit)", lambda n: f"{n:,.0f}"),
    ("mean_wait_s", "mean wait", duration),
    ("p95_wait_s", "95 % wait at most", duration),
    ("mean_bounded_slowdown", "mean bounded slowdown", lambda x: f"{x:,.2f}"),
    ("utilisation_frac", "utilisation", lambda x: f"{100 * x:.1f} %"),
    ("makespan_s", "makespan", duration),
    ("energy_j", "energy", energy),
)
"""Key of the summary, what the table calls it, how its value is written."""
OPTIONAL = frozenset({"n_rejected"})
"""Rows that are left out where every column is zero."""
MISSING = "–"


def headline(scenario: Scenario, result: Any) -> str:
    """Return the table of a result, its baseline beside it, and the sentence that answers the question."""
    columns = [(scenario.policy.name, result.summary)]
    if result.baseline is not None:
        columns.append((scenario.baseline, result.baseline.summary))
    rows = []
    for key, label, form in ROWS:
        values = [_number(summary, key) for _, summary in columns]
        if all(value is None for value in values) or (key in OPTIONAL and not any(values)):
            continue
        rows.append([label, *(MISSING if value is None else form(value) for value in values)])
    parts = [scenario.question] if scenario.question else []
    parts.append(table(rows, [scenario.name, *(name for name, _ in columns)]))
    if notes := _notes(result):
        parts.append("\n".join(notes))
    if result.answer:
        parts.append(result.answer)
    return "\n\n".join(parts)


def _notes(result: Any) -> list[str]:
    """Return what the reader of the workload changed, and why jobs were rejected, so that nothing goes silently."""
    notes = [f"cleaned: {rule}: {n:,} {_jobs(n)}" for rule, n in (result.summary.get("cleaned") or {}).items()]
    n_rejected = result.summary.get("n_rejected") or 0
    if n_rejected:
        notes.append(f"{n_rejected:,} {_jobs(n_rejected)} rejected: {_why_rejected(result)}")
    return notes


def _why_rejected(result: Any) -> str:
    """Return the width of the widest rejected job against the largest partition, if that explains it."""
    from qhpcsim.core.records import JobState

    widest = int(result.table.nodes[result.schedule.state == JobState.REJECTED].max())
    largest = max(partition.nodes for partition in result.partitions.values())
    if widest > largest:
        return f"{widest:,} > {largest:,} nodes"
    return "no partition has the nodes, cores, memory, GPUs or features they ask for"


def _jobs(n: int) -> str:
    return "job" if n == 1 else "jobs"


def _number(summary: Mapping[str, Any], key: str) -> float | None:
    """Return a figure of the summary, or None where there is none to print."""
    value = summary.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)
