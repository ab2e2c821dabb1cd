"""The figures of applications in a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qhpcsim.core.wording import duration


def answer(figures: Mapping[str, Any], baseline: Mapping[str, Any] | None = None) -> str:
    """Return one sentence: how long applications take, and which motif takes longest.

    Args:
        figures: Of the applications.
        baseline: Those under the scenario's baseline policy.
    """
    n, done = figures["n_applications"], figures["n_completed"]
    if not done:
        return f"None of the {n:,} applications was completed."
    words = f"{done:,} of {n:,} applications were completed, on average {duration(figures['mean_time_to_solution_s'])}"
    words += " after their submission"
    if baseline is not None and baseline["n_completed"]:
        words += f" ({duration(baseline['mean_time_to_solution_s'])} under the baseline policy)"
    took = {
        motif: each["mean_time_to_solution_s"] for motif, each in figures["by_motif"].items() if each["n_completed"]
    }
    if len(took) > 1:
        longest = max(took, key=lambda motif: took[motif])
        words += f"; {longest} took longest, {duration(took[longest])}"
    if figures["n_tasks_lost"]:
        words += f"; {figures['n_tasks_lost']:,} of {figures['n_tasks']:,} tasks were lost"
    return f"{words}."
