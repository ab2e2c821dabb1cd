"""The tables of a capacity report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from qhpcsim.report.capacity_data import MEETS, OPEN, Capacity
from qhpcsim.report.capacity_words import (
    NONE,
    choice_words,
    cost_words,
    figure_words,
    interval_words,
    is_met,
    key_words,
    limit_words,
    value_words,
)
from qhpcsim.report.tables import Table
from qhpcsim.report.text import count, plain, power

_MOST_ROWS = 500
_MOST_VALUES = 8
_STILL = {MEETS: "yes", OPEN: "not decided"}
_FEW_DRAWS = 20
_PARTS = (("capital", "capital"), ("per_year", "a year"), ("energy_mwh", "energy a year"))


def bought_table(capacity: Capacity) -> Table:
    """Return what is decided, with its price, and the sum."""
    plan, answer = capacity.plan, capacity.answer
    if plan is None:
        return Table([], [])
    units = {"capital": answer["currency"], "per_year": answer["currency"], "energy_mwh": "MWh"}
    used = [(part, words) for part, words in _PARTS if plan[part]]
    rows = []
    for axis in answer["decide"]:
        value = plan["choices"][axis["key"]]
        cells = [_priced(axis, axis["values"].index(value), part, units[part]) for part, _ in used]
        rows.append([choice_words(axis["key"], value), *cells])
    rows.append(["together", *[cost_words(plan[part], units[part]) for part, _ in used]])
    return Table(["bought", *[words for _, words in used]], rows)


def _priced(axis: Mapping[str, Any], place: int, part: str, unit: str) -> str:
    value = axis[part][place]
    return cost_words(value, unit) if value else NONE


def price_table(capacity: Capacity) -> Table:
    """Return what could be bought, and what one step of it costs."""
    answer = capacity.answer
    names = [("capital", "capital"), ("per_year", "a year"), ("power_w", "mean draw")]
    used = [(part, words) for part, words in names if any(any(axis[part]) for axis in answer["decide"])]
    rows = []
    for axis in answer["decide"]:
        rows.append([key_words(axis["key"]), _values(axis["values"])])
        rows[-1] += [_price(axis, part, answer["currency"]) for part, _ in used]
    return Table(["decided", "values", *[words for _, words in used]], rows)


def _values(values: Sequence[str]) -> str:
    if len(values) > 2 and all(value.isdecimal() for value in values):
        ends = int(values[0]), int(values[-1])
        if [int(value) for value in values] == list(range(ends[0], ends[1] + 1)):
            return f"{ends[0]} to {ends[1]}"
    more = f", … ({len(values):,} in all)" if len(values) > _MOST_VALUES else ""
    return ", ".join(plain(value, 30) for value in values[:_MOST_VALUES]) + more


def _price(axis: Mapping[str, Any], part: str, currency: str) -> str:
    """Return a price for each unit where it is one, else for each value."""
    words = power if part == "power_w" else lambda value: cost_words(value, currency)
    prices, values = axis[part], axis["values"]
    if not any(prices):
        return NONE
    if all(value.isdecimal() for value in values):
        each = [price / int(value) for price, value in zip(prices, values, strict=True) if int(value)]
        if (
            each
            and np.allclose(each, each[0])
            and not any(price for price, value in zip(prices, values, strict=True) if not int(value))
        ):
            return f"{words(each[0])} each"
    shown = [f"{plain(value, 30)}: {words(price)}" for value, price in zip(values, prices, strict=True)]
    return ", ".join(shown[:_MOST_VALUES]) + (", …" if len(shown) > _MOST_VALUES else "")


def result_table(capacity: Capacity) -> Table:
    """Return each constraint, and how the plan meets it on seeds that played no part in finding it."""
    head = ["figure", "must be", "mean", "bound", "margin", "confidence", "new seeds"]
    rows = []
    for each in capacity.demands:
        bound = NONE if each.bound is None else f"{each.side} {value_words(each.bound, each.figure)}"
        cells = [value_words(each.mean, each.figure), bound, value_words(each.margin, each.figure)]
        shares = [f"{100 * each.confidence:g} %", str(each.n) if each.n else NONE]
        rows.append([figure_words(each.figure), limit_words(each), *cells, *shares])
    if capacity.plan is None:
        return Table(head[:2] + head[5:6], [[row[0], row[1], row[5]] for row in rows])
    return Table(head, rows)


def growth_table(capacity: Capacity) -> Table:
    """Return whether the plan still meets each constraint under more load; no rows: the study does not ask."""
    rows = []
    for k, demand in enumerate(capacity.demands):
        for each in capacity.answer["growth"]:
            load = f"{100 * (each['factor'] - 1):+.3g} %".replace("-", "−")
            numbers = [value_words(each[name][k], demand.figure) for name in ("low", "high")]
            mean = value_words(each["means"][k], demand.figure)
            ends = " … ".join(numbers) if NONE not in numbers else "no interval"
            still = _STILL.get(each["verdicts"][k], "no")
            rows.append([figure_words(demand.figure), limit_words(demand), load, mean, ends, still])
    return Table(["figure", "must be", "load", "mean", "one-sided bounds", "still met"], rows)


def uncertain_table(capacity: Capacity) -> Table:
    """Return the plan's figures where models and inputs are off; no rows: the study does not ask."""
    found = capacity.answer["uncertain"]
    if found is None:
        return Table([], [])
    n_draws = len(found["means"][0])
    shares, words = ((0.0, 1.0), "lowest … highest") if n_draws < _FEW_DRAWS else ((0.05, 0.95), "5 % … 95 % of draws")
    rows = []
    for demand, means in zip(capacity.demands, found["means"], strict=True):
        there = [value for value in means if value is not None]
        ends = [value_words(float(end), demand.figure) for end in np.quantile(there, shares)] if there else [NONE]
        n_met = sum(is_met(demand, value) for value in there)
        rows.append([figure_words(demand.figure), limit_words(demand), " … ".join(ends), f"{n_met} of {n_draws}"])
    return Table(["figure", "must be", words, "draws that meet it"], rows)


def points_table(capacity: Capacity) -> Table:
    """Return every point of which something is known, from the cheapest on, as far as a page has room."""
    keys = [key_words(axis["key"]) for axis in capacity.answer["decide"]]
    figures = [figure_words(demand.figure) for demand in capacity.demands]
    rows = []
    for point in capacity.points[:_MOST_ROWS]:
        seen = [interval_words(s, demand.figure) for s, demand in zip(point.seen, capacity.demands, strict=True)]
        why = plain(point.why, 160)
        told = "the plan" if point.is_plan else f"{point.verdict}: {why}" if why else point.verdict
        values = [plain(value, 40) for value in point.choices.values()]
        rows.append([cost_words(point.cost, ""), *values, *seen, str(point.n), told])
    cost = f"cost ({plain(capacity.unit, 40)})" if capacity.unit else "cost"
    return Table([cost, *keys, *figures, "seeds", "verdict"], rows)


def provenance_rows(capacity: Capacity) -> Table:
    """Return what else is needed to get the same numbers."""
    answer = capacity.answer
    seeds = answer["seeds"]
    first, most, confirm = seeds["first"], seeds["max"], seeds["confirm"]
    rows = [
        ["qhpcsim", plain(f"{answer['version']}, code {answer['code']}", 80)],
        ["scenario", plain(answer["scenario"], 200)],
        ["seeds of the search", f"from {first} to {first + most - 1}, {seeds['min']} at the first look"],
        ["new seeds of the plan", f"from {first + most} on, {confirm} at a time"],
        ["search", f"{plain(answer['search'], 20)}, {count(answer['n_points'], 'point')}"],
        ["runs", f"{answer['n_runs_search']:,} of the search, {answer['n_runs']:,} in all"],
    ]
    rows += [[f"input {plain(name, 80)}", f"SHA-256 {value}"] for name, value in answer["inputs"].items()]
    rows += [["plug-in", plain(name, 80)] for name in answer["plugins"]]
    return Table(["", ""], rows)
