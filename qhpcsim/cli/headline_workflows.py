"""The table about applications that a run prints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qhpcsim.cli.output import table
from qhpcsim.core.wording import duration

MISSING = "–"


def workflow_table(
    figures: Mapping[str, Any], baseline: Mapping[str, Any] | None = None, names: tuple[str, str] = ("", "")
) -> str:
    """Return the table of the applications, motif by motif, with their times under the baseline policy beside them.

    Args:
        figures: Key ``workflows`` of the summary.
        baseline: The same of the baseline, if there is one.
        names: Of the policy and the baseline.
    """
    motifs = figures["by_motif"]
    lines = [*([("all", figures)] if len(motifs) > 1 else []), *motifs.items()]
    others: Mapping[str, Any] = {} if baseline is None else {"all": baseline, **baseline["by_motif"]}
    head = ["motif", "applications", "completed", "mean time to solution", "95 % at most"]
    if baseline is not None:
        head = [*head[:3], f"mean time, {names[0]}", head[4], f"mean time, {names[1]}"]
    return table([_row(name, each, others.get(name)) for name, each in lines], head)


def _row(name: str, figures: Mapping[str, Any], baseline: Mapping[str, Any] | None) -> list[str]:
    times = [figures["mean_time_to_solution_s"], figures["p95_time_to_solution_s"]]
    if baseline is not None:
        times.append(baseline["mean_time_to_solution_s"])
    counts = (figures["n_applications"], figures["n_completed"])
    return [name, *(f"{n:,}" for n in counts), *(MISSING if time is None else duration(time) for time in times)]
