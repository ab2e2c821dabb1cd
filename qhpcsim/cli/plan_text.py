"""A plan in words: its tables, what can and cannot be concluded, and the next command."""

from __future__ import annotations

import math
import shlex
from typing import TYPE_CHECKING

import numpy as np

from qhpcsim.cli.output import table
from qhpcsim.cli.sweep_text import figure_text
from qhpcsim.core.wording import number
from qhpcsim.studies.plan_files import margin

if TYPE_CHECKING:
    from qhpcsim.studies.plan import Plan
    from qhpcsim.studies.search_limits import Limits

NONE = "–"
_MOST_OPEN = 3
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
    rows.append([f"objective: {answer.study.objective_name}", _cost(answer, price.objective)])
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
        numbers = [_cost(answer, each.objective), _interval(each.limits[0], leading), str(each.limits[0].n), mark]
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


def sentences(answer: Plan) -> list[str]:
    """Return the answer, how sure it is, and what cannot be concluded."""
    best = answer.best
    saved = f"{answer.n_search:,} runs searched {answer.space.n:,} points"
    share = f"{100 * answer.n_search / answer.n_exhaustive:.1f} % of all points under {answer.study.seeds.most} seeds"
    if best is None:
        texts = [f"No plan was found: {_why_none(answer)}; {saved}."]
    else:
        cost = _cost(answer, answer.space.price(best.point).objective)
        is_cheapest = answer.space.objective[best.point] <= answer.space.objective.min()
        sure = "; no point is cheaper" if is_cheapest else "; every cheaper point is shown to fail"
        sure = sure if answer.certain else ""
        texts = [f"The cheapest plan found is {answer.space.name(best.point)} at {cost}{sure}; {saved}, {share}."]
    texts += [_as_dear(answer, each.point) for each in answer.as_dear]
    if answer.unserved:
        counts = ", ".join(f"{name} {number(value)}" for name, value in answer.unserved.items())
        texts.append(f"Not all jobs end well under the plan; a run has on average {counts}.")
    texts += _left_open(answer)
    if impossible := answer.found.impossible:
        first = f"{answer.space.name(impossible[0].point)}: {impossible[0].why}"
        n_points = f"{len(impossible):,} point" + ("s" if len(impossible) > 1 else "")
        texts.append(f"{n_points} cannot run these jobs; the first, {first}.")
    texts += _of_growth(answer)
    texts += _of_uncertain(answer)
    if answer.space.made_for:
        sizes = ", ".join(f"{name}={nodes}" for name, nodes in answer.space.made_for.items())
        texts.append(f"All points get the same jobs: those generated for {sizes} nodes.")
    texts.append("Prices and watts are those of the study file; the intervals speak of chance, not of the models.")
    return texts


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


def _cost(answer: Plan, value: float) -> str:
    return f"{number(value)} {answer.study.unit}".strip()


def _interval(seen: Limits, name: str) -> str:
    mean = figure_text(seen.mean, name)
    if not math.isfinite(seen.high):
        return mean
    return f"{mean} ({figure_text(seen.low, name)} … {figure_text(seen.high, name)})"


def _why_none(answer: Plan) -> str:
    if answer.found.spent:
        return f"the budget of {answer.study.budget:,} runs was spent"
    if answer.open:
        return "no point could be shown to meet all constraints"
    if answer.found.untested:
        return "none of those proposed meets all constraints"
    return "every point is shown to fail a constraint"


def _as_dear(answer: Plan, point: int) -> str:
    leading = answer.study.constraints[0].figure
    return f"{answer.space.name(point)} costs the same and seems better in {leading}; compare tells whether it is."


def _left_open(answer: Plan) -> list[str]:
    texts = []
    for each in answer.open[:_MOST_OPEN]:
        cost = _cost(answer, float(answer.space.objective[each.point]))
        why = f"whether it meets {each.why} is not decided" if each.limits else each.why
        texts.append(f"Cannot be concluded: {answer.space.name(each.point)} at {cost}: {why}.")
    if len(answer.open) > _MOST_OPEN:
        texts.append(f"{len(answer.open) - _MOST_OPEN:,} more cheaper points are not decided; see points.csv.")
    if answer.found.untested:
        than = "cheaper " if answer.best is not None else ""
        texts.append(f"{answer.found.untested:,} {than}points were not tried.")
    return texts


def _of_growth(answer: Plan) -> list[str]:
    if not answer.growth:
        return []
    if problem := next((each.problem for each in answer.growth if each.problem), ""):
        return [f"Under more load, runs have no result: {problem}."]
    good = [each.factor for each in answer.growth if set(each.verdicts) == {"meets"}]
    bad = [each.factor for each in answer.growth if "fails" in each.verdicts]
    texts = []
    if good:
        texts.append(f"The plan still meets all constraints at {100 * (max(good) - 1):+g} % load.")
    if bad:
        texts.append(f"It fails at {100 * (min(bad) - 1):+g} % load.")
    return texts or ["Whether the plan holds under more load is not decided."]


def _of_uncertain(answer: Plan) -> list[str]:
    found = answer.uncertain
    if found is None:
        return []
    if found.problem:
        return [f"Under draws of what is uncertain, runs have no result: {found.problem}."]
    least = min(range(len(found.met)), key=lambda k: found.met[k])
    n = len(found.means[least])
    figure = answer.study.constraints[least].figure
    names = f"{len(found.names)} unknown" + ("s" if len(found.names) > 1 else "")
    return [
        f"With {names} drawn at random, {round(found.met[least] * n)} of {n} draws keep {figure} within its limit; "
        "only QPU cards and the keys named are drawn, the other models stay as they are."
    ]
