"""Policies in words, and the sentence that answers a run's question."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qhpcsim.core.wording import duration
from qhpcsim.scenario import Policy

SAME = 0.005
"""Relative changes below this are called unchanged."""


def policy_words(policy: Policy) -> str:
    """Return a policy as a reader names it: ``FCFS``, ``EASY backfilling``, ``EASY backfilling in SJF order``."""
    order = policy.order.upper()
    if policy.name not in ("fcfs", "easy", "conservative", policy.order):
        return f"Policy {policy.name}"
    if policy.backfill == "none":
        return order
    rule = "EASY" if policy.backfill == "easy" else policy.backfill.capitalize()
    return f"{rule} backfilling" + (f" in {order} order" if policy.order != "fcfs" else "")


def answer(policy: Policy, summary: Mapping[str, Any], baseline: tuple[Policy, Mapping[str, Any]] | None) -> str:
    """Return one sentence: what the policy did to the mean wait, or what the run was like."""
    if summary["message"]:
        return str(summary["message"])
    if baseline is None:
        return _plain(policy, summary)
    other, old_summary = baseline
    if old_summary["message"]:
        return f"{_plain(policy, summary)} Under {policy_words(other)}: {old_summary['message']}"
    return _compared(policy_words(policy), summary, policy_words(other), old_summary)


def _plain(policy: Policy, summary: Mapping[str, Any]) -> str:
    used = summary["utilisation_frac"]
    load = f", utilisation {100 * used:.1f} %" if used is not None else ""
    return (
        f"{summary['n_jobs']:,} jobs under {policy_words(policy)}: mean wait {duration(summary['mean_wait_s'])}{load}"
        f"{_left_out(summary)}."
    )


def _compared(new_name: str, new: Mapping[str, Any], old_name: str, old: Mapping[str, Any]) -> str:
    after, before = new["mean_wait_s"], old["mean_wait_s"]
    if before == after or (before > 0 and abs(after - before) < SAME * before):
        return f"{new_name} left mean wait at {duration(after)}, as under {old_name}{_left_out(new)}."
    verb = "cut" if after < before else "raised"
    return (
        f"{new_name} {verb} mean wait from {duration(before)} to {duration(after)} against {old_name}"
        f"{change(before, after)}{_left_out(new)}."
    )


def change(before: float, after: float) -> str:
    """Return a relative change in brackets, ready to follow a number; empty where there is none to state."""
    return f" ({100 * (after - before) / before:+.0f} %)".replace("-", "−") if before > 0 else ""


def _left_out(summary: Mapping[str, Any]) -> str:
    """Return how many jobs the sentence does not speak of."""
    missing = summary["n_jobs"] - summary["counted"]["wait"]["n_counted"]
    return f"; {missing:,} of {summary['n_jobs']:,} jobs never started" if missing else ""
