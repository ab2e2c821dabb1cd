"""The table about applications that a run prints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qhpcsim.cli.output import table
from qhpcsim.core.wording import duration


def workflow_table(figures: Mapping[str, Any]) -> str:
    """Return the table of the applications, motif by motif.

    Args:
        figures: Key ``workflows`` of the summary.
    """
    rows = [_row("all", figures)] if len(figures["by_motif"]) > 1 else []
    rows += [_row(motif, each) for motif, each in figures["by_motif"].items()]
    return table(rows, ("motif", "applications", "completed", "mean time to solution", "95 % at most"))


def _row(name: str, figures: Mapping[str, Any]) -> list[str]:
    times = (figures["mean_time_to_solution_s"], figures["p95_time_to_solution_s"])
    counts = (figures["n_applications"], figures["n_completed"])
    return [name, *(f"{n:,}" for n in counts), *("–" if time is None else duration(time) for time in times)]
