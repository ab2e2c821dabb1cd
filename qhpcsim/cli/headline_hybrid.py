"""The table about hybrid jobs that a run prints."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from qhpcsim.cli.output import number, table
from qhpcsim.core.wording import duration

ROWS: tuple[tuple[str, str, Callable[[float], str]], ...] = (
    ("n_jobs", "hybrid jobs", lambda n: f"{n:,.0f}"),
    ("n_walltime", "stopped at their walltime", lambda n: f"{n:,.0f}"),
    ("n_failed", "failed", lambda n: f"{n:,.0f}"),
    ("n_unfinished", "not finished", lambda n: f"{n:,.0f}"),
    ("n_calls", "QPU calls", lambda n: f"{n:,.0f}"),
    ("mean_time_to_solution_s", "mean time to solution", duration),
    ("mean_residence_s", "mean time from first phase to end", duration),
    ("qpu_response_s", "mean response of a call", duration),
    ("loop_throughput_per_s", "calls a second", lambda x: f"{x:.4g}"),
    ("qpu_utilisation", "QPU busy", lambda x: f"{100 * x:.1f} %"),
    ("held_idle_frac", "held nodes idle", lambda x: f"{100 * x:.1f} %"),
)
"""Key of the figures, what the table calls it, how its value is written."""
OPTIONAL = frozenset({"n_walltime", "n_failed", "n_unfinished"})


def hybrid_table(hybrid: Mapping[str, Any], baseline: Mapping[str, Any] | None, names: tuple[str, str]) -> str:
    """Return the table of the hybrid jobs, those under the baseline policy beside them.

    Args:
        hybrid: Key ``hybrid`` of the summary.
        baseline: The same of the baseline, if there is one.
        names: Of the policy and the baseline.
    """
    columns = [hybrid] if baseline is None else [hybrid, baseline]
    rows = []
    for key, label, form in ROWS:
        values = [number(figures, key) for figures in columns]
        if all(value is None for value in values) or (key in OPTIONAL and not any(values)):
            continue
        rows.append([label, *("–" if value is None else form(value) for value in values)])
    return table(rows, [f"coupling {hybrid['coupling']}", *names[: len(columns)]])
