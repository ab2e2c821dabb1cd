"""The figures of hybrid jobs in a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qhpcsim.core.wording import duration


def answer(hybrid: Mapping[str, Any], baseline: Mapping[str, Any] | None = None) -> str:
    """Return one sentence: how long hybrid jobs take, and how much of what they hold lies idle.

    Args:
        hybrid: Figures of the hybrid jobs.
        baseline: Those under the scenario's baseline policy.
    """
    lost = _lost(hybrid)
    if not hybrid["n_completed"]:
        return f"No hybrid job was completed: {', '.join(lost) or 'there are none'}."
    took = duration(hybrid["mean_time_to_solution_s"])
    words = f"Under coupling {hybrid['coupling']} a hybrid job took {took} on average"
    if baseline is not None and baseline["n_completed"]:
        words += f" ({duration(baseline['mean_time_to_solution_s'])} under the baseline policy)"
    if hybrid["held_idle_frac"] is not None:
        words += f"; {100 * hybrid['held_idle_frac']:.1f} % of the node time that it held lay idle"
    if hybrid["qpu_utilisation"] is not None:
        words += f", and the QPUs were busy {100 * hybrid['qpu_utilisation']:.0f} % of the time"
    if lost:
        words += f"; of {hybrid['n_jobs']:,} jobs {' and '.join(lost)}"
    return f"{words}."


def _lost(hybrid: Mapping[str, Any]) -> list[str]:
    kinds = (("n_walltime", "stopped at their walltime"), ("n_failed", "failed"), ("n_unfinished", "not finished"))
    return [f"{hybrid[key]:,} {word}" for key, word in kinds if hybrid[key]]
