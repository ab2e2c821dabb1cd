"""A plan as tables, and the next command."""

from __future__ import annotations

import math
import shlex
from typing import TYPE_CHECKING

import numpy as np

from qhpcsim.cli.output import table
from qhpcsim.core.wording import figure_text, number
from qhpcsim.studies.plan_files import margin
from qhpcsim.studies.plan_words import cost_text

if TYPE_CHECKING:
    from qhpcsim.studies.plan import Plan
    from qhpcsim.studies.search_limits import Limits

NONE = "–"
_MOST_ROWS = 20
_VERDICTS = {"meets": "yes", "fails": "no", "open": "not decided"}


def plan_table(answer: Plan) -> str:
    """Return what is bought, and at which price."""
    if answer.best is None:
        return ""
    price = answer.space.price(answer.best.point)
    rows = [[key, value] for key, value in answer.space.choices(answer.best.point).items()]
    parts = [("capital", price.capital, answer.study.currency), ("a year", price.per_year, answer.study.currency)]
    parts.append(("energy a year", price.energy_mwh, "MWh"))
    rows += [[name, f"{number(value)} {unit}".strip()] for name, value, unit in parts if value]
    rows.append([f"objective: {answer.study.objective_name}", cost_text(answer, price.objective)])
    return table(rows, ["decided", "plan"])


def constraints_table(answer: Plan) -> str:
    """Return each constraint, how the plan meets it on new seeds, and how much is left."""
    if answer.best is None:
        return ""
    rows = []
    for k, (constraint, seen) in enumerate(zip(answer.study.constraints, answer.best.limits, strict=True)):
        name, below = constraint.figure, constraint.side == "below"
        bound = seen.high if below else seen.low
        rows.append(
            [
                name,
                f"{'<' if below else '>'} {figure_text(constraint.limit, name)}",
                f"{100 * constraint.confidence:g} %",
                figure_text(seen.mean, name),
                f"{'<' if below else '>'} {figure_text(bound, name)}",
                figure_text(margin(answer, k), name),
                str(seen.n),
            ]
        )
    return table(rows, ["figure", "must be", "confidence", "mean", "bound", "margin", "new seeds"])


def frontier_table(answer: Plan) -> str:
    """Return what more money gives, among the points that were run."""
    rows = []
    leading = answer.study.constraints[0].figure
    points = [each for each in answer.shown if each.on_frontier]
    for each in points[:_MOST_ROWS]:
        choices = answer.space.choices(each.point)
        mark = "← plan" if answer.best is not None and each.point == answer.best.point else ""
        numbers = [cost_text(answer, each.objective), _interval(each.limits[0], leading), str(each.limits[0].n), mark]
        rows.append([*choices.values(), *numbers])
    if len(rows) < 2:
        return ""
    head = [*(variable.key for variable in answer.study.variables), answer.study.objective_name]
    more = len(points) - _MOST_ROWS
    text = table(rows, [*head, f"{leading} (95 %)", "seeds", ""])
    return f"{text}\n… and {more} points more in points.csv" if more > 0 else text


def growth_table(answer: Plan) -> str:
    """Return whether the plan still meets each constraint under more load."""
    rows = []
    for each in answer.growth:
        for constraint, verdict, seen in zip(answer.study.constraints, each.verdicts, each.limits, strict=True):
            mean = figure_text(seen.mean, constraint.figure)
            rows.append([f"{100 * (each.factor - 1):+g} %", constraint.figure, mean, _VERDICTS[verdict]])
    return table(rows, ["load", "figure", "mean", "still met"]) if rows else ""


def uncertain_table(answer: Plan) -> str:
    """Return what the plan's figures are if the models are off."""
    found = answer.uncertain
    if found is None:
        return ""
    rows = []
    for constraint, means, met in zip(answer.study.constraints, found.means, found.met, strict=True):
        there = means[~np.isnan(means)]
        ends = (
            [figure_text(float(q), constraint.figure) for q in np.quantile(there, (0.05, 0.95))] if len(there) else []
        )
        range_ = " … ".join(ends) or NONE
        rows.append([constraint.figure, range_, f"{round(met * len(means))} of {len(means)}"])
    return table(rows, ["figure", "5 % … 95 % of draws", "draws that meet it"])


def next_step(answer: Plan, again: str) -> str:
    """Return the next command."""
    if answer.found.spent:
        return f"{again}  # with a larger 'budget' in the study; goes on"
    if answer.open:
        return f"{again}  # with a larger seeds.max in the study decides what is open; goes on"
    if answer.best is None:
        return f"{again}  # with more values under 'decide'"
    words = ["qhpcsim", "run", answer.study.scenario, *answer.space.overrides(answer.best.point)]
    return f"{shlex.join(words)}  # one run of the plan, with its report"


def _interval(seen: Limits, name: str) -> str:
    mean = figure_text(seen.mean, name)
    if not math.isfinite(seen.high):
        return mean
    return f"{mean} ({figure_text(seen.low, name)} … {figure_text(seen.high, name)})"
