"""The words of a capacity report: choices, figures and the answer, as people say them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from qhpcsim.core.wording import figure_text, number
from qhpcsim.report.capacity_data import BELOW, Capacity, Demand, PlanPoint, Seen
from qhpcsim.report.text import count, plain

NONE = "–"
_NODES = re.compile(r"facility\.(?:partitions\.(?P<name>.+)\.)?nodes")
_COUNT = re.compile(r"qpu\.qpus\.(?P<name>.+)\.count")
_PARTS = {"hybrid": "hybrid jobs", "workflows": "applications", "qpu": "QPU jobs"}
_UNITS = ("_per_s", "_s", "_frac", "_j")
_WORDS = {"qpu": "QPU", "qpus": "QPUs", "gpu": "GPU", "gpus": "GPUs", "n": "number of"}
_PERCENTILE = re.compile(r"p(\d\d?)")


def key_words(key: str) -> str:
    """Return a key that is decided as a title: ``nodes``, ``garnet QPUs``; keys of other kinds as they are."""
    if found := _NODES.fullmatch(key):
        return f"{plain(found['name'], 40)} nodes" if found["name"] else "nodes"
    if found := _COUNT.fullmatch(key):
        return "QPUs" if found["name"] == "qpu" else f"{plain(found['name'], 40)} QPUs"
    return plain(key, 60)


def choice_words(key: str, value: str) -> str:
    """Return one choice: ``5 nodes``, ``1 QPU``, ``policy easy``."""
    words = key_words(key)
    if (_NODES.fullmatch(key) or _COUNT.fullmatch(key)) and value.isdecimal():
        return count(int(value), words.removesuffix("s")) if int(value) else f"no {words}"
    return f"{words} {plain(value, 40)}"


def point_words(choices: Mapping[str, str]) -> str:
    """Return all choices of a point in one phrase."""
    return listed([choice_words(key, value) for key, value in choices.items()])


def listed(words: Sequence[str]) -> str:
    """Return ``a``, ``a and b``, ``a, b and c``."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""


def figure_words(name: str) -> str:
    """Return a dotted figure of ``summary.json`` in words: ``95th percentile of wait``."""
    *path, last = name.split(".")
    for unit in _UNITS:
        if last.endswith(unit):
            last = last.removesuffix(unit) + (" per second" if unit == "_per_s" else "")
            break
    words = [_WORDS.get(word, word) for word in last.replace("_", " ").split()]
    if words and (found := _PERCENTILE.fullmatch(words[0])):
        words[0] = f"{found[1]}th percentile of"
    where = [_PARTS.get(part, part) for part in path]
    return plain(" ".join(words) + (f" ({', '.join(where)})" if where else ""), 90)


def value_words(value: float | None, figure: str) -> str:
    """Return a figure with its unit, a dash where there is none."""
    return NONE if value is None else figure_text(value, figure)


def interval_words(seen: Seen | None, figure: str) -> str:
    """Return a mean with its interval; a mean alone where there is none."""
    if seen is None:
        return NONE
    mean = value_words(seen.mean, figure)
    if seen.low is None or seen.high is None:
        return f"{mean} (no interval)"
    return f"{mean} ({value_words(seen.low, figure)} … {value_words(seen.high, figure)})"


def limit_words(demand: Demand) -> str:
    """Return what a constraint asks for: ``below 1 h``."""
    return f"{demand.side} {value_words(demand.limit, demand.figure)}"


def cost_words(value: float, unit: str) -> str:
    """Return a value of the objective with its unit."""
    return f"{number(value)} {plain(unit, 40)}".strip()


def point_text(point: PlanPoint, demands: Iterable[Demand], unit: str) -> str:
    """Return the lines that a pointer over a point shows."""
    lines = [point_words(point.choices), cost_words(point.cost, unit)]
    for demand, seen in zip(demands, point.seen, strict=True):
        lines.append(f"{figure_words(demand.figure)}: {interval_words(seen, demand.figure)}")
    told = f"{point.verdict}: {plain(point.why, 120)}" if point.why else point.verdict
    return "\n".join([*lines, f"{told}; {count(point.n, 'seed')}"])


def answer_words(capacity: Capacity) -> str:
    """Return the answer in one sentence."""
    plan, answer = capacity.plan, capacity.answer
    if plan is None:
        return plain(answer["sentences"][0], 600)
    n = len(capacity.demands)
    meets = {1: "the constraint", 2: "both constraints"}.get(n, f"all {n} constraints")
    bought = f"{point_words(plan['choices'])} at {cost_words(plan['objective'], capacity.unit)}"
    return f"{bought}: the cheapest choice found that meets {meets}; {_sure(capacity)}."


def _sure(capacity: Capacity) -> str:
    """Return how sure it is that nothing cheaper would do."""
    answer = capacity.answer
    n_open, untested = len(answer["cheaper_open"]), int(answer["cheaper_untested"])
    if not n_open and not untested:
        cheaper = any(point.cost < answer["plan"]["objective"] for point in capacity.points)
        return "every cheaper choice is shown to fail" if cheaper else "no choice is cheaper"
    parts = [f"{count(n_open, 'cheaper choice')} could not be decided"] if n_open else []
    if untested:
        parts.append(f"{count(untested, 'cheaper choice')} {'was' if untested == 1 else 'were'} not tried")
    return " and ".join(parts)


def is_met(demand: Demand, value: float) -> bool:
    """Return whether a value is on the right side of a limit."""
    return value < demand.limit if demand.side == BELOW else value > demand.limit
