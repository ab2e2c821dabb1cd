"""A study file, ``plan STUDY.yaml``, read strictly: every mistake names its line, key and the nearest word."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable
from typing import Any

from qhpcsim.core.errors import ConfigError, nearest, shorten
from qhpcsim.core.units import seconds
from qhpcsim.core.yaml_strict import Document, load
from qhpcsim.studies.plan_study import (
    ABOVE,
    BELOW,
    BUDGET,
    OBJECTIVES,
    Constraint,
    Growth,
    PlanStudy,
    Seeds,
    Uncertain,
    Variable,
)

Key = tuple[str, ...]
KEYS = (
    "question", "scenario", "change", "decide", "constraints", "objective", "lifetime_years", "energy_price_per_kwh",
    "currency", "seeds", "budget", "search", "frontier", "rejected", "growth", "uncertain",
)  # fmt: skip
PRICES = ("capital", "per_year", "power_w")
SEARCHES = ("auto", "exact", "optuna")
WEIGHTS = ("capital", "per_year", "energy_mwh")
MOST_VALUES = 1000
_RANGE = re.compile(r"(\d{1,9})\s*\.\.\s*(\d{1,9})", re.ASCII)
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%", re.ASCII)


def read_study(path: str | os.PathLike[str]) -> PlanStudy:
    """Return the study in a file.

    Raises:
        ConfigError: if there is no such file, or for a key, value or combination that is not valid.
    """
    if not os.path.lexists(path):
        hint = "write one: docs/planning.md has an example to begin with"
        raise ConfigError("no such file", where=os.fspath(path), allowed="a study file", hint=hint)
    return _Reader(load(path)).study()


class _Reader:
    """Takes values out of a document and says where they stand if they are wrong."""

    def __init__(self, document: Document) -> None:
        self.document, self.data = document, document.data

    def error(self, key: Key, message: str, **more: Any) -> ConfigError:
        where = self.document.where(key)
        return ConfigError(message, where=f"{where}: {'.'.join(key)}" if key else where, **more)

    def study(self) -> PlanStudy:
        self.known((), self.data, KEYS)
        for name in ("scenario", "decide", "constraints", "objective"):
            if name not in self.data:
                raise self.error((), f"{name!r} is missing", hint="docs/planning.md shows a whole study file")
        variables = self.variables()
        name, weights = self.objective(variables)
        seeds = self.seeds()
        return PlanStudy(
            path=self.document.path,
            scenario=self.text("scenario"),
            change=self.changes(),
            variables=variables,
            constraints=self.constraints(),
            objective=weights,
            objective_name=name,
            currency=self.text("currency", ""),
            question=self.text("question", ""),
            seeds=seeds,
            budget=self.whole(("budget",), self.data.get("budget", BUDGET), 1, 10_000_000),
            search=self.word("search", SEARCHES, "auto"),
            frontier=self.whole(("frontier",), self.data.get("frontier", 4), 0, 1000),
            rejected=self.word("rejected", ("forbidden", "allowed"), "forbidden"),
            growth=self.growth(),
            uncertain=self.uncertain(),
            text=self.document.text,
        )

    def known(self, key: Key, values: Any, allowed: Iterable[str]) -> dict[str, Any]:
        """Return a mapping that has only these keys."""
        allowed = tuple(allowed)
        if not isinstance(values, dict):
            raise self.error(key, f"{shorten(repr(values))} is no mapping", allowed=f"keys {', '.join(allowed)}")
        for name in values:
            if name not in allowed:
                raise self.error(
                    (*key, name),
                    f"unknown key {shorten(name)!r}",
                    allowed=", ".join(allowed),
                    suggestion=nearest(name, allowed),
                )
        return values

    def text(self, name: str, default: str | None = None) -> str:
        value = self.data.get(name, default)
        if not isinstance(value, str):
            raise self.error((name,), f"{shorten(repr(value))} is not text")
        return value

    def word(self, name: str, allowed: tuple[str, ...], default: str) -> str:
        value = self.data.get(name, default)
        if value not in allowed:
            near = nearest(str(value), allowed)
            raise self.error((name,), f"{shorten(repr(value))}", allowed=", ".join(allowed), suggestion=near)
        return str(value)

    def number(self, key: Key, value: Any, low: float = 0.0, high: float = math.inf) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            allowed = f"a number from {low:g}" + ("" if math.isinf(high) else f" to {high:g}")
            raise self.error(key, f"{shorten(repr(value))}", allowed=allowed)
        return float(value)

    def whole(self, key: Key, value: Any, low: int, high: int) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise self.error(key, f"{shorten(repr(value))}", allowed=f"a whole number from {low} to {high:,}")
        return value

    def words(self, key: Key, value: Any, what: str) -> tuple[str, ...]:
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise self.error(key, f"{shorten(repr(value))}", allowed=f"a list of {what}")
        return tuple(value)

    def changes(self) -> tuple[str, ...]:
        found = self.words(("change",), self.data.get("change", []), "key=value")
        for k, text in enumerate(found):
            if "=" not in text:
                raise self.error(("change", str(k)), f"{shorten(repr(text))} is not key=value")
        return found

    def variables(self) -> tuple[Variable, ...]:
        decide = self.data["decide"]
        if not isinstance(decide, dict) or not decide:
            raise self.error(("decide",), "nothing is to be decided", allowed="scenario keys with their values")
        return tuple(self.variable(name, spec) for name, spec in decide.items())

    def variable(self, name: str, spec: Any) -> Variable:
        key = ("decide", name)
        if not isinstance(spec, dict):
            spec = {"values": spec}
        spec = self.known(key, spec, ("values", *PRICES))
        if "values" not in spec:
            raise self.error(key, "'values' is missing", hint="values: 1..4, or values: [fcfs, easy]")
        values = self.values((*key, "values"), spec["values"])
        prices = {each: self.prices((*key, each), spec.get(each, 0.0), values) for each in PRICES}
        return Variable(name, values, **prices)

    def values(self, key: Key, given: Any) -> tuple[str, ...]:
        """Return the texts of the values."""
        if isinstance(given, str) and (found := _RANGE.fullmatch(given.strip())):
            low, high = int(found[1]), int(found[2])
            if high < low or high - low >= MOST_VALUES:
                raise self.error(key, f"{given!r}", allowed=f"low..high, at most {MOST_VALUES} values")
            return tuple(str(value) for value in range(low, high + 1))
        if isinstance(given, list) and given and not any(isinstance(each, list | dict) for each in given):
            texts = tuple(_text(each) for each in given)
            if len(set(texts)) == len(texts) <= MOST_VALUES:
                return texts
            raise self.error(key, "a value is there twice, or there are too many", allowed=f"at most {MOST_VALUES}")
        raise self.error(key, f"{shorten(repr(given))}", allowed="1..4, or a list such as [fcfs, easy]")

    def prices(self, key: Key, given: Any, values: tuple[str, ...]) -> tuple[float, ...]:
        """Return what each value costs: a number is for each unit, a mapping for each value."""
        if isinstance(given, dict):
            table = {_text(name): price for name, price in self.known(key, given, values).items()}
            missing = [value for value in values if value not in table]
            if missing:
                raise self.error(key, f"no price of {', '.join(missing)}", hint="name each value; 0 if it is free")
            return tuple(self.number((*key, value), table[value]) for value in values)
        price = self.number(key, given)
        if price == 0.0:
            return (0.0,) * len(values)
        try:
            return tuple(price * float(value) for value in values)
        except ValueError:
            hint = f"{key[-1]}: {{{values[0]}: …}}"
            raise self.error(key, "a price for each unit needs values that are numbers", hint=hint) from None

    def objective(self, variables: tuple[Variable, ...]) -> tuple[str, dict[str, float]]:
        given = self.data["objective"]
        if isinstance(given, dict):
            weights = self.known(("objective",), given, WEIGHTS)
            name, found = "sum", {each: self.number(("objective", each), w) for each, w in weights.items()}
        else:
            name = self.word("objective", tuple(OBJECTIVES), "")
            found = self._weights(name, any(any(each.capital) for each in variables), variables)
        used = {"capital": "capital", "per_year": "per_year", "energy_mwh": "power_w"}
        if not any(
            weight and any(any(getattr(each, used[part])) for each in variables) for part, weight in found.items()
        ):
            raise self.error(("objective",), "nothing under 'decide' has a price for it", hint=", ".join(PRICES))
        return name, found

    def _weights(self, name: str, has_capital: bool, variables: tuple[Variable, ...]) -> dict[str, float]:
        if name == "capital":
            return {"capital": 1.0}
        if name == "energy":
            return {"energy_mwh": 1.0}
        found = {"per_year": 1.0}
        if has_capital:
            if "lifetime_years" not in self.data:
                raise self.error(("objective",), "cost_a_year needs lifetime_years", hint="lifetime_years: 5")
            found["capital"] = 1.0 / self.number(("lifetime_years",), self.data["lifetime_years"], 0.01, 1000.0)
        if any(any(each.power_w) for each in variables):
            if "energy_price_per_kwh" not in self.data:
                hint = "energy_price_per_kwh: 0.25, or 0 to leave it out"
                raise self.error(("objective",), "cost_a_year needs energy_price_per_kwh", hint=hint)
            price = self.number(("energy_price_per_kwh",), self.data["energy_price_per_kwh"])
            found["energy_mwh"] = 1000.0 * price
        return found

    def constraints(self) -> tuple[Constraint, ...]:
        given = self.data["constraints"]
        if not isinstance(given, list) or not given:
            raise self.error(("constraints",), "no constraint", allowed="a list of {figure: …, below: …}")
        return tuple(self.constraint(("constraints", str(k)), each) for k, each in enumerate(given))

    def constraint(self, key: Key, given: Any) -> Constraint:
        spec = self.known(key, given, ("figure", BELOW, ABOVE, "confidence"))
        figure = spec.get("figure")
        if not isinstance(figure, str) or not figure:
            raise self.error(key, "'figure' is missing", hint="a column of results.csv, such as p95_wait_s")
        sides = [side for side in (BELOW, ABOVE) if side in spec]
        if len(sides) != 1:
            raise self.error(key, "give one limit", allowed="below or above", hint="two constraints for a range")
        limit = self.limit((*key, sides[0]), spec[sides[0]], figure)
        confidence = self.number((*key, "confidence"), spec.get("confidence", 0.95), 0.5, 0.999999)
        return Constraint(figure, limit, sides[0], confidence)

    def limit(self, key: Key, given: Any, figure: str) -> float:
        if isinstance(given, str):
            if found := _PERCENT.fullmatch(given.strip()):
                return float(found[1]) / 100.0
            if figure.endswith("_s"):
                return seconds(given, f"{self.document.where(key)}: {'.'.join(key)}")
            hint = f"times are for figures whose names end in _s, such as {shorten(figure)}_s"
            raise self.error(key, shorten(given), allowed="a number, or per cent such as 60 %", hint=hint)
        return self.number(key, given, -math.inf)

    def seeds(self) -> Seeds:
        names = {"min": "first", "max": "most", "confirm": "confirm"}
        given = self.known(("seeds",), self.data.get("seeds", {}), names)
        found = {names[each]: self.whole(("seeds", each), n, 2, 100_000) for each, n in given.items()}
        found.setdefault("confirm", found.get("most", Seeds().most))
        seeds = Seeds(**found)
        if seeds.first > seeds.most:
            raise self.error(("seeds",), f"min {seeds.first} is above max {seeds.most}")
        return seeds

    def growth(self) -> Growth | None:
        if "growth" not in self.data:
            return None
        given = self.known(("growth",), self.data["growth"] or {}, ("by", "multiply", "divide"))
        by = given.get("by", list(Growth().by))
        if not isinstance(by, list) or not by:
            raise self.error(("growth", "by"), f"{shorten(repr(by))}", allowed="factors, such as [1.1, 1.25, 1.5]")
        factors = tuple(self.number(("growth", "by", str(k)), each, 0.01, 1000.0) for k, each in enumerate(by))
        multiply, divide = (
            self.words(("growth", each), given.get(each, []), "scenario keys") for each in ("multiply", "divide")
        )
        return Growth(factors, multiply, divide)

    def uncertain(self) -> Uncertain | None:
        if "uncertain" not in self.data:
            return None
        given = self.known(("uncertain",), self.data["uncertain"] or {}, ("keys", "cards", "draws", "seeds"))
        cards = given.get("cards", True)
        if not isinstance(cards, bool):
            raise self.error(("uncertain", "cards"), f"{shorten(repr(cards))}", allowed="true or false")
        keys = given.get("keys", {})
        if not isinstance(keys, dict):
            raise self.error(("uncertain", "keys"), f"{shorten(repr(keys))}", allowed="key: low:high")
        return Uncertain(
            tuple(self._between(("uncertain", "keys", name), name, text) for name, text in keys.items()),
            cards,
            self.whole(("uncertain", "draws"), given.get("draws", 20), 2, 100_000),
            self.whole(("uncertain", "seeds"), given.get("seeds", 5), 1, 100_000),
        )

    def _between(self, key: Key, name: str, text: Any) -> tuple[str, str, str]:
        low, colon, high = text.partition(":") if isinstance(text, str) else ("", "", "")
        if not (low and colon and high):
            raise self.error(key, f"{shorten(repr(text))}", allowed="low:high, such as 0.5:0.9 or 30s:2min")
        return name, low.strip(), high.strip()


def _text(value: Any) -> str:
    """Return a value as an override writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "null" if value is None else str(value)
