"""The figures of applications in a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qhpcsim.core.wording import duration
from qhpcsim.results.wording import SAME, change, policy_words
from qhpcsim.scenario import Policy


def answer(policy: Policy, summary: Mapping[str, Any], baseline: tuple[Policy, Mapping[str, Any]] | None = None) -> str:
    """Return one sentence: how long applications take, against the baseline policy if there is one.

    Args:
        policy: Batch policy of the run.
        summary: Of the run, with key ``workflows``.
        baseline: Policy and summary of the run under the scenario's baseline.
    """
    figures = summary["workflows"]
    n, done = figures["n_applications"], figures["n_completed"]
    if not done:
        return f"None of the {n:,} applications was completed."
    if baseline is not None and baseline[1]["workflows"]["n_completed"]:
        words = _compared(policy, summary, *baseline)
    else:
        words = f"{done:,} of {n:,} applications were completed, on average {_mean(figures)} after their submission"
    return f"{words}{_longest(figures)}{_lost(figures)}."


def _compared(policy: Policy, new: Mapping[str, Any], other: Policy, old: Mapping[str, Any]) -> str:
    """Return what the policy did to the applications and to the waits of all batch jobs."""
    after, before = new["workflows"], old["workflows"]
    name, old_name = policy_words(policy), policy_words(other)
    n = after["n_applications"]
    whole = after["n_completed"] == before["n_completed"] == n
    who = f"{n:,} applications" if whole else "completed applications"
    moved = _moved(before["mean_time_to_solution_s"], after["mean_time_to_solution_s"])
    words = f"{name} {moved[0]} the mean time to solution of {who} {moved[1]} against {old_name}"
    if not whole:
        words += f" ({after['n_completed']:,} of {n:,} completed, {before['n_completed']:,} under {old_name})"
    waits_s = old["mean_wait_s"], new["mean_wait_s"]
    if None in waits_s:
        return words
    verb, span = _moved(*waits_s)
    return f"{words}, and {verb} the mean wait of batch jobs, pilots among them, {span}"


def _moved(before_s: float, after_s: float) -> tuple[str, str]:
    """Return a verb, and from where to where a time was moved."""
    if before_s == after_s or (before_s > 0 and abs(after_s - before_s) < SAME * before_s):
        return "left", f"at {duration(after_s)}"
    verb = "cut" if after_s < before_s else "raised"
    return verb, f"from {duration(before_s)} to {duration(after_s)}{change(before_s, after_s)}"


def _longest(figures: Mapping[str, Any]) -> str:
    """Return which motif took longest, if there are several."""
    took = {
        motif: each["mean_time_to_solution_s"] for motif, each in figures["by_motif"].items() if each["n_completed"]
    }
    if len(took) < 2:
        return ""
    longest = max(took, key=lambda motif: took[motif])
    return f"; {longest} took longest, {duration(took[longest])}"


def _lost(figures: Mapping[str, Any]) -> str:
    n_lost = figures["n_tasks_lost"]
    return f"; {n_lost:,} of {figures['n_tasks']:,} tasks were lost" if n_lost else ""


def _mean(figures: Mapping[str, Any]) -> str:
    return duration(figures["mean_time_to_solution_s"])
