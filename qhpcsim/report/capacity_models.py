"""What was validated and what was not: the rules and cards of a plan, with the errors that they state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qhpcsim.report.tables import Table
from qhpcsim.report.text import count, plain

NOT_STATED = "none stated"
_CELL = 400
_RULES = {
    "policy": "batch policy",
    "order": "order of the batch queue",
    "coupling": "how hybrid jobs hold nodes",
    "discipline": "order of the QPU queue",
    "qpu_choice": "choice among QPUs",
    "generator": "jobs",
    "qpu_generator": "QPU jobs",
    "binding": "binding of tasks",
    "motif": "application",
}
"""Kind of the registry -> words; others stand by their own name."""


def card_table(basis: Mapping[str, Any]) -> Table:
    """Return the cards of a run, those that state an error on unseen data first."""
    cards = sorted(basis.get("cards", ()), key=lambda each: not each["errors"])
    rows = [
        [
            f"{plain(each['name'], 80)}: {plain(each['about'], 200)}",
            "; ".join(plain(text, _CELL) for text in each["errors"]) or NOT_STATED,
            _uncertain(each),
            f"{plain(each['source'], _CELL)} ({plain(each['date'], 10)})",
        ]
        for each in cards
    ]
    return Table(["calibration card", "error on data that its fit did not see", "its numbers", "source"], rows)


def _uncertain(each: Mapping[str, Any]) -> str:
    text = f"{each['n_with_uncertainty']} of {each['n_entries']} with an uncertainty"
    return f"{text}, {each['n_assumed']} assumed" if each["n_assumed"] else text


def rule_table(basis: Mapping[str, Any]) -> Table:
    """Return the rules that a run followed: definitions with a source, without a fit."""
    rows = [
        [
            _RULES.get(each["kind"], plain(each["kind"], 40)),
            f"{plain(each['name'], 60)}: {plain(each['summary'], _CELL)}",
            plain(each["source"], _CELL) or NOT_STATED,
        ]
        for each in basis.get("rules", ())
    ]
    return Table(["rule", "as simulated", "source"], rows)


def models_sentence(basis: Mapping[str, Any]) -> str:
    """Return how many of the cards state an error."""
    if "problem" in basis:
        return f"Which models the plan uses is not known: its run gave no result ({plain(basis['problem'], 300)})."
    cards = basis["cards"]
    n_stated = sum(bool(each["errors"]) for each in cards)
    if not cards:
        return "A run of the plan reads no calibration card: all its times are those that the scenario states."
    return (
        f"A run of the plan reads {count(len(cards), 'calibration card')}; {n_stated} of them "
        f"{'states' if n_stated == 1 else 'state'} an error on data that the fit did not see, "
        f"{len(cards) - n_stated} {'does' if len(cards) - n_stated == 1 else 'do'} not."
    )
