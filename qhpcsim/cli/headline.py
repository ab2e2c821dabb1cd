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
    if result.answer:
        parts.append(result.answer)
    return "\n\n".join(parts)


def _number(summary: Mapping[str, Any], key: str) -> float | None:
    """Return a figure of the summary, or None where there is none to print."""
    value = summary.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)
