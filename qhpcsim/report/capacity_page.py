"""The page of a capacity plan for those who decide: one HTML file that opens without a network and prints well."""

from __future__ import annotations

import base64
import hashlib
import shlex
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qhpcsim.report.capacity_data import Capacity, read_capacity
from qhpcsim.report.capacity_facility import facility_picture
from qhpcsim.report.capacity_frontier import frontiers, places_of
from qhpcsim.report.capacity_models import card_table, models_sentence, rule_table
from qhpcsim.report.capacity_tables import (
    bought_table,
    growth_table,
    points_table,
    price_table,
    provenance_rows,
    result_table,
    uncertain_table,
)
from qhpcsim.report.capacity_words import answer_words, cost_words, key_words, point_words
from qhpcsim.report.text import count, plain, unbroken

if TYPE_CHECKING:
    from jinja2 import Template

_HERE = Path(__file__).parent
_LIMIT = 600
"""Longest sentence shown, in characters."""


def write_capacity_report(folder: str | Path, path: str | Path) -> Path:
    """Write the report of a plan as one self-contained HTML file and return its path.

    Args:
        folder: What ``qhpcsim plan`` left.
        path: The file to write; replaced if it exists.

    Raises:
        ReportError: if the folder holds no plan that can be shown.
    """
    target = Path(path)
    target.write_text(render_capacity(read_capacity(folder)), encoding="utf-8", newline="\n")
    return target


def render_capacity(capacity: Capacity) -> str:
    """Return the page as HTML; the same plan always gives the same text."""
    answer, basis = capacity.answer, capacity.answer["basis"]
    style = _file("page.css") + _file("capacity.css")
    script = _file("capacity.js")
    return _template().render(
        title=plain(answer["question"], _LIMIT) or f"Capacity plan of {plain(answer['scenario'], 80)}",
        lead=_lead(capacity),
        answer=unbroken(answer_words(capacity)),
        found=capacity.plan is not None,
        certain=bool(answer["certain"]),
        bought=bought_table(capacity),
        facility=facility_picture(basis),
        facility_of=point_words(basis["choices"]),
        prices=price_table(capacity),
        fixed=[plain(text, _LIMIT) for text in answer["change"]],
        counted=_counted(capacity),
        results=result_table(capacity),
        figures=frontiers(capacity),
        axes=[(key_words(axis["key"]), [plain(value, 40) for value in axis["values"]]) for axis in answer["decide"]],
        points=points_table(capacity),
        rows=[(places_of(capacity, point), point.is_plan) for point in capacity.points],
        n_points=len(capacity.points),
        growth=growth_table(capacity),
        growth_problem=next((plain(each["problem"], _LIMIT) for each in answer["growth"] if each["problem"]), ""),
        uncertain=uncertain_table(capacity),
        uncertain_words=_uncertain_words(answer["uncertain"]),
        concluded=[unbroken(plain(text, _LIMIT)) for text in answer["sentences"][1:]],
        models=models_sentence(basis),
        cards=card_table(basis),
        rules=rule_table(basis),
        command=_command(capacity),
        study=_study(answer),
        provenance=provenance_rows(capacity),
        style=style,
        style_hash=_digest(style),
        script=script,
        script_hash=_digest(script),
    )


def _lead(capacity: Capacity) -> str:
    answer = capacity.answer
    points, runs = count(answer["n_points"], "choice"), count(answer["n_runs"], "simulation")
    return f"Capacity plan · scenario {plain(answer['scenario'], 80)} · {points}, {runs}"


def _counted(capacity: Capacity) -> list[str]:
    """Return what the objective counts, and when a choice fails whatever its figures are."""
    turned = "fails" if capacity.answer["rejected"] == "forbidden" else "may pass"
    return [f"Least is to be {_least(capacity.answer)}.", f"A choice under which jobs are turned away {turned}."]


def _least(answer: Mapping[str, Any]) -> str:
    """Return what the objective counts."""
    weights, name = answer["weights"], answer["objective"]
    if name == "sum":
        return " + ".join(f"{weight:.4g} × {plain(part, 20)}" for part, weight in weights.items())
    if name != "cost_a_year":
        return f"the {plain(name, 40)}"
    parts = ["the cost a year: what is paid a year"]
    if weights.get("capital"):
        parts.append(f"capital over {1.0 / weights['capital']:.4g} years")
    if "energy_mwh" in weights:
        parts.append(f"energy at {cost_words(weights['energy_mwh'], answer['currency'])} a MWh")
    return ", ".join(parts)


def _uncertain_words(found: dict[str, Any] | None) -> str:
    """Return what was drawn."""
    if found is None:
        return ""
    if found["problem"]:
        return f"Under draws of what is uncertain, runs have no result: {plain(found['problem'], _LIMIT)}."
    names = ", ".join(plain(name, 80) for name in found["drawn"])
    seeds = "one seed: chance is not told apart" if found["n_seeds"] == 1 else f"the mean of {found['n_seeds']} seeds"
    return f"Drawn at random, all at once: {names}. Each draw is {seeds}. What is not named stays as it is."


def _command(capacity: Capacity) -> str:
    """Return the command line that makes this plan again."""
    answer = capacity.answer
    plugins = [word for name in answer["plugins"] for word in ("--plugin", plain(name, 200))]
    words = ["qhpcsim", "plan", plain(answer["study"]["name"], 200), *plugins, "--out", plain(capacity.folder, 200)]
    return shlex.join(words)


def _study(answer: Any) -> str:
    """Return the study file, with what could reorder the page made visible."""
    return "\n".join(plain(line, 2000) for line in str(answer["study"]["text"]).splitlines())


def _file(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")


@lru_cache(maxsize=1)
def _template() -> Template:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    house = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return house.get_template("capacity.html.j2")
