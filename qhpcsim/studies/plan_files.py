"""``plan.json`` and ``points.csv``: the answer of a plan for other programs."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qhpcsim.results.csv_text import cell
from qhpcsim.studies.plan_context import context
from qhpcsim.studies.search_limits import Limits

if TYPE_CHECKING:
    from qhpcsim.studies.plan import Plan
    from qhpcsim.studies.plan_robust import Grown

ANSWER, POINTS = "plan.json", "points.csv"
ENDS = ("_low", "_high")
"""Columns beside a figure: ends of the 95 % interval of its mean."""


def write_plan(answer: Plan) -> None:
    """Write both files; each appears whole or not, with the same bytes for any engine and history."""
    _whole(answer.folder / ANSWER, json.dumps(answer_of(answer), indent=2, ensure_ascii=False) + "\n")
    _whole(answer.folder / POINTS, "\n".join(_lines(answer)) + "\n")


def answer_of(answer: Plan) -> dict[str, Any]:
    """Return a plan as JSON can hold it; times in seconds, fractions from 0 to 1."""
    study, found = answer.study, answer.found
    return {
        "question": study.question,
        "scenario": study.scenario,
        "change": answer.space.fixed,
        "objective": study.objective_name,
        "unit": study.unit,
        "plan": None if answer.best is None else _point(answer, answer.best.point),
        "certain": answer.certain,
        "constraints": _constraints(answer),
        "unserved": answer.unserved,
        "cheaper_open": [{**_point(answer, each.point), "why": each.why} for each in answer.open],
        "cheaper_untested": found.untested,
        "budget_spent": found.spent,
        "search": found.way,
        "n_points": answer.space.n,
        "n_runs_search": answer.n_search,
        "n_runs": answer.n_runs,
        "n_runs_exhaustive": answer.n_exhaustive,
        "frontier": [
            {**_point(answer, each.point), "mean": each.limits[0].mean, "low": _finite(each.limits[0].low),
             "high": _finite(each.limits[0].high), "n": each.limits[0].n}
            for each in answer.shown if each.on_frontier
        ],
        "growth": [_grown(each) for each in answer.growth],
        "uncertain": _uncertain(answer),
        **context(answer),
    }  # fmt: skip


def _point(answer: Plan, point: int) -> dict[str, Any]:
    price = answer.space.price(point)
    parts = {"capital": price.capital, "per_year": price.per_year, "energy_mwh": price.energy_mwh}
    return {"choices": answer.space.choices(point), "objective": price.objective, **parts}


def _constraints(answer: Plan) -> list[dict[str, Any]]:
    best = answer.best
    rows = []
    for k, each in enumerate(answer.study.constraints):
        row: dict[str, Any] = {"figure": each.figure, each.side: each.limit, "confidence": each.confidence}
        if best is not None:
            seen = best.limits[k]
            bound = seen.high if each.side == "below" else seen.low
            row |= {"mean": seen.mean, "bound": _finite(bound), "margin": _finite(margin(answer, k)), "n": seen.n}
        rows.append(row)
    return rows


def margin(answer: Plan, k: int) -> float:
    """Return how far the plan stays within constraint k, at the constraint's confidence; in the figure's unit."""
    assert answer.best is not None
    constraint, seen = answer.study.constraints[k], answer.best.limits[k]
    return constraint.limit - seen.high if constraint.side == "below" else seen.low - constraint.limit


def _grown(found: Grown) -> dict[str, Any]:
    """Return the plan under one growth: for each constraint a verdict, the mean and its one-sided limits."""
    rows = found.limits
    return {
        "factor": found.factor,
        "verdicts": list(found.verdicts),
        "means": [_finite(each.mean) for each in rows],
        "low": [_finite(each.low) for each in rows],
        "high": [_finite(each.high) for each in rows],
        "n": [each.n for each in rows],
        "problem": found.problem,
    }


def _uncertain(answer: Plan) -> dict[str, Any] | None:
    found = answer.uncertain
    if found is None:
        return None
    means = [[_finite(float(value)) for value in each] for each in found.means]
    numbers = {"met_frac": list(found.met), "means": means, "n_seeds": found.n_seeds}
    return {"drawn": list(found.names), **numbers, "problem": found.problem}


def _lines(answer: Plan) -> list[str]:
    """Return the lines of ``points.csv``: each point of which something is known, from the cheapest on."""
    keys = [variable.key for variable in answer.study.variables]
    figures = [constraint.figure for constraint in answer.study.constraints]
    head = [*keys, "objective", "capital", "per_year", "energy_mwh", "verdict", "why", "n", *figures]
    head += [f"{figure}{end}" for figure in figures for end in ENDS]
    lines = [",".join(cell(name) for name in head)]
    shown = {each.point: each for each in answer.shown}
    points = sorted({*answer.found.tested, *shown}, key=lambda point: (answer.space.objective[point], point))
    for point in points:
        price, choices = answer.space.price(point), answer.space.choices(point)
        tested, seen = answer.found.tested.get(point), shown.get(point)
        numbers: list[Limits | None] = list(seen.limits) if seen else [None] * len(figures)
        prices = [price.objective, price.capital, price.per_year, price.energy_mwh]
        words = [tested.verdict, tested.why] if tested else ["looked at", ""]
        row = [*(choices[key] for key in keys), *map(repr, prices), *words, str(seen.limits[0].n) if seen else "0"]
        means = ["" if each is None else repr(each.mean) for each in numbers]
        ends = [_known(end) for each in numbers for end in _ends(each)]
        lines.append(",".join([*map(cell, row), *means, *ends]))
    return lines


def _ends(seen: Limits | None) -> tuple[float, float]:
    return (math.inf, math.inf) if seen is None else (seen.low, seen.high)


def _known(value: float) -> str:
    return repr(value) if math.isfinite(value) else ""


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _whole(path: Path, text: str) -> None:
    scratch = path.with_name(f"{path.name}.part")
    scratch.write_text(text, encoding="utf-8")
    scratch.replace(path)
