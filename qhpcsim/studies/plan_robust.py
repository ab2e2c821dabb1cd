"""The plan that was found under more load, and under what is not known well."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from qhpcsim.config import load
from qhpcsim.core.errors import StudyError, shorten
from qhpcsim.core.records import FloatArray, JobTable
from qhpcsim.core.rng import Rng
from qhpcsim.core.units import seconds
from qhpcsim.scenario import Scenario
from qhpcsim.simulation import build
from qhpcsim.studies.plan_cards import CardNumber, card_numbers
from qhpcsim.studies.plan_points import Space, value_at
from qhpcsim.studies.plan_runs import Runner, Sample
from qhpcsim.studies.plan_study import Growth, PlanStudy, Uncertain
from qhpcsim.studies.search_limits import Limits
from qhpcsim.studies.search_points import FAILS, OPEN, turned_away, verdict_of

LOAD_SCALE = "workload.load_scale"


@dataclass(frozen=True, slots=True)
class Grown:
    """The plan under one growth of the load."""

    factor: float
    verdicts: tuple[str, ...]
    """Of each constraint by itself: ``meets``, ``fails`` or ``open``."""
    limits: tuple[Limits, ...]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Drawn:
    """The plan under draws of what is not known well."""

    names: tuple[str, ...]
    """What was drawn."""
    means: tuple[FloatArray, ...]
    """Of each constraint's figure: (draws,) means over the seeds; NaN where a run has none or turns jobs away."""
    met: tuple[float, ...]
    """Of each constraint: share of draws whose mean meets it."""
    n_seeds: int
    problem: str = ""


def growth_overrides(space: Space, growth: Growth, factor: float, point: int) -> list[str]:
    """Return the ``key=value`` that put more load on a point.

    Raises:
        StudyError: for a key that is no number, or if none is named and ``workload.load_scale`` does not work here.
    """
    scenario = space.scenario(point, space.base.seed)
    multiply, divide = list(growth.multiply), list(growth.divide)
    if not multiply and not divide:
        if not isinstance(build(scenario)[0], JobTable):
            raise StudyError(
                f"{LOAD_SCALE} does not work for {scenario.workload.source}",
                where="growth",
                hint="name the keys: multiply: [workload.lublin.load], divide: [workload.gaps.mean_s]",
            )
        multiply = [LOAD_SCALE]
    pairs = [(key, factor) for key in multiply] + [(key, 1.0 / factor) for key in divide]
    return [f"{key}={_scaled(value_at(scenario, key), by, key)}" for key, by in pairs]


def grown(space: Space, growth: Growth, point: int, runner: Runner, seeds: Sequence[int]) -> list[Grown]:
    """Return whether the plan still meets its constraints under each growth of the load, over the same seeds."""
    found = []
    for factor in growth.by:
        texts = [*space.overrides(point), *growth_overrides(space, growth, factor, point)]
        sample = runner.sample(f"{point} load {factor!r}", Loaded(space.study.scenario, texts), seeds)
        judged = []
        for constraint in space.study.constraints:
            values = sample.values(constraint.figure)
            verdict, seen = verdict_of(constraint, values, constraint.error, constraint.error)
            verdict = OPEN if len(values) < len(seeds) else FAILS if _turns_away(space, sample) else verdict
            judged.append((verdict, seen))
        found.append(Grown(factor, tuple(v for v, _ in judged), tuple(s for _, s in judged), sample.problem))
    return found


def uncertain_names(
    space: Space, uncertain: Uncertain, point: int
) -> tuple[list[tuple[str, str, str]], list[CardNumber]]:
    """Return what can be drawn at a point: keys with their ends, and numbers of cards.

    Raises:
        StudyError: if there is nothing, or an end is no value of its key.
    """
    scenario = space.scenario(point, space.base.seed)
    keys = list(uncertain.keys)
    for key, low, high in keys:
        between(scenario, key, low, high, 0.5)
    numbers = card_numbers(scenario) if uncertain.cards else []
    if not keys and not numbers:
        raise StudyError(
            "nothing is uncertain: no card of a QPU here states uncertainties, and no keys are given",
            where="uncertain",
            hint="keys: {workload.load: 0.6:0.8}, or leave 'uncertain' out",
        )
    return keys, numbers


def drawn(space: Space, uncertain: Uncertain, point: int, runner: Runner, first_seed: int) -> Drawn:
    """Return the constraints' figures of the plan under random draws of what is not known well, over common seeds."""
    keys, numbers = uncertain_names(space, uncertain, point)
    scenario = space.scenario(point, space.base.seed)
    stream = Rng(space.base.seed).stream("plan/uncertain")
    points = []
    for k in range(uncertain.draws):
        shares, normals = stream.random(len(keys)), stream.standard_normal(len(numbers))
        texts = [f"{key}={between(scenario, key, a, b, u)}" for (key, a, b), u in zip(keys, shares, strict=True)]
        texts += [text for number, z in zip(numbers, normals, strict=True) for text in number.overrides(float(z))]
        loaded = Loaded(space.study.scenario, [*space.overrides(point), *texts])
        points.append((f"{point} draw {k}", loaded))
    samples = runner.samples(points, range(first_seed, first_seed + uncertain.seeds))
    means, met = [], []
    for constraint in space.study.constraints:
        values = [[] if _turns_away(space, sample) else sample.values(constraint.figure) for sample in samples]
        mean = np.array([np.mean(each) if len(each) == uncertain.seeds else np.nan for each in values])
        means.append(mean)
        met.append(float(np.mean([verdict_of(constraint, [each, each], 0.5, 0.5)[0] == "meets" for each in mean])))
    names = tuple(key for key, _, _ in keys) + tuple(number.name for number in numbers)
    problem = next((sample.problem for sample in samples if sample.problem), "")
    return Drawn(names, tuple(means), tuple(met), uncertain.seeds, problem)


def _turns_away(space: Space, sample: Sample) -> bool:
    """Return whether jobs are turned away where the study forbids it."""
    return space.study.rejected != "allowed" and bool(turned_away(sample))


def between(scenario: Scenario, key: str, low: str, high: str, share: float) -> str:
    """Return the value of a key that lies at a share of the way from ``low`` to ``high``, as an override writes it.

    Whole numbers are as likely each.

    Raises:
        StudyError: if an end is no number, or the ends are in the wrong order.
    """
    ends = [_number(text, key) for text in (low, high)]
    if not ends[0] < ends[1]:
        raise StudyError(f"{shorten(low)}:{shorten(high)}", where=key, allowed="low:high with low below high")
    now = value_at(scenario, key)
    if isinstance(now, int) and not isinstance(now, bool) and all(end.is_integer() for end in ends):
        return str(int(ends[0] + min(np.floor(share * (ends[1] - ends[0] + 1.0)), ends[1] - ends[0])))
    if now is not None and (isinstance(now, bool) or not isinstance(now, int | float)):
        raise StudyError(f"{shorten(repr(now))} is no number", where=key, hint="vary a key that is one")
    return repr(float(ends[0] + share * (ends[1] - ends[0])))


def check_robust(space: Space, study: PlanStudy) -> None:
    """Raise what is wrong with ``growth`` and ``uncertain`` before anything is simulated, at the largest point."""
    point = space.n - 1
    if study.growth is not None:
        for factor in study.growth.by:
            texts = [*space.overrides(point), *growth_overrides(space, study.growth, factor, point)]
            load(study.scenario, texts)
    if study.uncertain is not None:
        uncertain_names(space, study.uncertain, point)


class Loaded:
    """A scenario by name, path and overrides, read when it is first asked for.

    Args:
        scenario: As ``config.load`` takes it.
        texts: Overrides.
    """

    def __init__(self, scenario: str, texts: Sequence[str]) -> None:
        self.scenario, self.texts = scenario, list(texts)
        self._read: Scenario | None = None

    def __call__(self, seed: int) -> Scenario:
        """Return it under a seed."""
        if self._read is None:
            self._read = load(self.scenario, self.texts)
        return dataclasses.replace(self._read, seed=seed)


def _number(text: str, key: str) -> float:
    try:
        return seconds(text, key) if re.search(r"[A-Za-zµ]\s*$", text) and "_s" in key else float(text)
    except ValueError:
        raise StudyError(f"{shorten(text)!r} is no number", where=key, allowed="low:high, such as 0.5:0.9") from None


def _scaled(value: Any, by: float, key: str) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise StudyError(f"{shorten(repr(value))} is no number", where=key, hint="multiply or divide a key that is one")
    return str(max(1, round(value * by))) if isinstance(value, int) else repr(value * by)
