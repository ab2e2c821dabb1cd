"""The points of a plan: every combination of what may be bought, its price, and its scenario."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from qhpcsim.config import load
from qhpcsim.core.errors import QhpcsimError, StudyError
from qhpcsim.core.records import FloatArray
from qhpcsim.scenario import Scenario, TraceWorkload
from qhpcsim.simulation import NO_JOBS, ONE_PARTITION
from qhpcsim.studies.plan_study import HOURS_A_YEAR, PlanStudy, Variable

MOST_POINTS = 1_000_000


@dataclass(frozen=True, slots=True)
class Price:
    """What a point costs."""

    capital: float
    per_year: float
    energy_mwh: float
    """A year."""
    objective: float


class Space:
    """Every point of a study, numbered; the last variable varies fastest.

    Args:
        study: What may be decided.

    Raises:
        ConfigError: for a key or value that the scenario does not take; the largest point and each value are tried.
        StudyError: for too many points.
    """

    def __init__(self, study: PlanStudy) -> None:
        self.study = study
        self.shape = tuple(len(variable.values) for variable in study.variables)
        n_points = 1
        for size in self.shape:
            n_points *= size
        if n_points > MOST_POINTS:
            raise StudyError(f"{n_points:,} points", where="decide", allowed=f"at most {MOST_POINTS:,}")
        self.n = n_points
        self._parts = {part: self._sum(part) for part in ("capital", "per_year", "power_w")}
        self._parts["energy_mwh"] = self._parts.pop("power_w") * HOURS_A_YEAR / 1e6
        self.objective: FloatArray = sum(
            (weight * self._parts[part] for part, weight in study.objective.items()), np.zeros(n_points)
        )
        self.order: list[int] = np.argsort(self.objective, kind="stable").tolist()
        """Points from the cheapest to the dearest."""
        self._scenarios: dict[int, Scenario | QhpcsimError] = {}
        self.fixed = list(study.change)
        """``key=value`` that hold for every point; sizes that generated jobs are made for come to it."""
        self.base = self._load(self.n - 1)
        self.made_for = self._reference()
        self.fixed += [f"workload.made_for.{name}={nodes}" for name, nodes in self.made_for.items()]
        self._try_each_value()

    def places(self, point: int) -> tuple[int, ...]:
        """Return which value of each variable a point has."""
        return tuple(int(place) for place in np.unravel_index(point, self.shape))

    def at(self, places: tuple[int, ...]) -> int:
        """Return the point that has these values."""
        return int(np.ravel_multi_index(places, self.shape))

    def choices(self, point: int) -> dict[str, str]:
        """Return key -> text of its value."""
        pairs = zip(self.study.variables, self.places(point), strict=True)
        return {variable.key: variable.values[place] for variable, place in pairs}

    def name(self, point: int) -> str:
        """Return a point in words."""
        return " ".join(f"{key}={value}" for key, value in self.choices(point).items())

    def price(self, point: int) -> Price:
        """Return what a point costs."""
        parts = {part: float(values[point]) for part, values in self._parts.items()}
        return Price(**parts, objective=float(self.objective[point]))

    def scenario(self, point: int, seed: int) -> Scenario:
        """Return the resolved scenario of a point under a seed.

        Raises:
            QhpcsimError: if the point is no valid scenario.
        """
        if point not in self._scenarios:
            try:
                self._scenarios[point] = self._load(point)
            except QhpcsimError as error:
                self._scenarios[point] = error
        found = self._scenarios[point]
        if isinstance(found, QhpcsimError):
            raise found
        return dataclasses.replace(found, seed=seed)

    def overrides(self, point: int) -> list[str]:
        """Return the ``key=value`` that make the scenario of a point."""
        return [*self.fixed, *(f"{key}={value}" for key, value in self.choices(point).items())]

    def _load(self, point: int) -> Scenario:
        return load(self.study.scenario, self.overrides(point))

    def _sum(self, part: str) -> FloatArray:
        """Return the sum of one price over the variables, at every point."""
        total = np.zeros(self.shape)
        for axis, variable in enumerate(self.study.variables):
            along = [1] * len(self.shape)
            along[axis] = -1
            total = total + np.array(getattr(variable, part)).reshape(along)
        return total.ravel()

    def _reference(self) -> dict[str, int]:
        """Return the sizes of partitions that generated jobs are made for, where the sizes are decided.

        The load of a generated workload is a share of the machine: without this, a larger machine would get more jobs.
        """
        own = self.base.qpu.partition if self.base.qpu.access == "gres" else None  # QPUs: no job is made for it
        decided = [each for each in self.study.variables if _partition(each) not in (None, own)]
        if not decided or self.base.workload.made_for or isinstance(self.base.workload, TraceWorkload):
            return {}
        if self.base.workload.source == NO_JOBS:
            return {}
        plain = load(self.study.scenario, self.study.change)
        found = {}
        for variable in decided:
            name = _partition(variable) or ""
            sizes = plain.facility.partitions
            nodes = sizes[name].nodes if name in sizes else plain.facility.nodes
            if nodes is None:
                hint = f"{variable.key}=N under 'change' says for how many nodes"
                raise StudyError("the jobs are made for a machine of no stated size", where=variable.key, hint=hint)
            found[name] = nodes
        return found

    def _try_each_value(self) -> None:
        """Raise what is wrong with a value, whatever the others are."""
        last = self.places(self.n - 1)
        for axis, size in enumerate(self.shape):
            for place in range(size):
                self._load(self.at((*last[:axis], place, *last[axis + 1 :])))


def _partition(variable: Variable) -> str | None:
    """Return the partition whose number of nodes is decided, or None."""
    parts = variable.key.split(".")
    if variable.key == "facility.nodes":
        return ONE_PARTITION
    if len(parts) == 4 and parts[:2] == ["facility", "partitions"] and parts[3] == "nodes":
        return parts[2]
    return None


def value_at(scenario: Scenario, key: str) -> Any:
    """Return what a scenario has under a dotted key.

    Raises:
        StudyError: if it has no such key; names the nearest.
    """
    from qhpcsim.core.errors import nearest, shorten

    value: Any = scenario
    for part in key.split("."):
        there = dict(value) if isinstance(value, dict) else _fields(value)
        if part not in there:
            raise StudyError(
                f"the scenario has no key {shorten(key)!r}",
                where=shorten(key),
                allowed=shorten(", ".join(there), 300) or "nothing below a single value",
                suggestion=nearest(part, there),
            )
        value = there[part]
    return value


def _fields(value: Any) -> dict[str, Any]:
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        return {}
    return {each.name: getattr(value, each.name) for each in dataclasses.fields(value)}
