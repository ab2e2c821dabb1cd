"""The points of a sweep: every combination of its axes, and the runs that belong to each."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from qhpcsim.config import load
from qhpcsim.config.remembered import composed_once
from qhpcsim.config.sweeps import Axis, axes_of
from qhpcsim.core.errors import StudyError, shorten
from qhpcsim.scenario import Scenario
from qhpcsim.studies.identity import Parts

MAX_RUNS = 10_000_000
SEED = "seed"


@dataclass(frozen=True, slots=True)
class Point:
    """One combination of values; its scenario has the first seed."""

    choices: dict[str, str]
    """Swept key -> text of its value."""
    scenario: Scenario


@dataclass(frozen=True, slots=True)
class Run:
    """One simulation of a study."""

    point: int
    seed: int
    scenario: Scenario
    """With that seed."""


@dataclass(frozen=True, slots=True)
class Grid:
    """What a sweep simulates: every point under every seed; equal seeds are common random numbers."""

    axes: tuple[Axis, ...]
    points: tuple[Point, ...]
    seeds: tuple[int, ...]

    @property
    def n_runs(self) -> int:
        """Number of simulations."""
        return len(self.points) * len(self.seeds)

    def runs(self) -> list[Run]:
        """Return the runs, point by point, seed by seed."""
        return [
            Run(k, seed, dataclasses.replace(point.scenario, seed=seed))
            for k, point in enumerate(self.points)
            for seed in self.seeds
        ]


def grid_of(scenario: str, overrides: Sequence[str], n_seeds: int | None = None) -> Grid:
    """Return every point of a sweep, each a resolved scenario; the last axis varies fastest.

    Args:
        scenario: A name or a path, as ``qhpcsim.load`` takes it.
        overrides: ``key=value``; keys with several values are axes. ``seed`` may be one.
        n_seeds: Seeds from the scenario's own on, one after the other; None: 1.

    Raises:
        ConfigError: for a value that a key cannot take; every point is tried before the first run.
        StudyError: if seeds are given twice, or the runs are too many.
    """
    fixed, axes = axes_of(overrides)
    swept = [axis for axis in axes if axis.key != SEED]
    n_points = 1
    for axis in swept:
        n_points *= len(axis.values)
    given = next((axis for axis in axes if axis.key == SEED), None)
    if n_points * max(n_seeds or 1, len(given.values) if given else 1) > MAX_RUNS:
        raise StudyError(f"{n_points:,} points are too many", where="sweep", allowed=f"{MAX_RUNS:,} runs")
    parts = Parts()
    with composed_once():
        points = tuple(
            _point(scenario, fixed, swept, values, parts) for values in product(*(axis.values for axis in swept))
        )
    return Grid(tuple(swept), points, _seeds(points[0].scenario.seed, n_seeds, given))


def _point(scenario: str, fixed: tuple[str, ...], axes: Sequence[Axis], values: tuple[str, ...], parts: Parts) -> Point:
    choices = {axis.key: value for axis, value in zip(axes, values, strict=True)}
    texts = [*fixed, *(f"{key}={value}" for key, value in choices.items())]
    return Point(choices, parts.shared(load(scenario, texts)))


def _seeds(first: int, n_seeds: int | None, given: Axis | None) -> tuple[int, ...]:
    if n_seeds is not None and n_seeds < 1:
        raise StudyError(f"{n_seeds}", where="--seeds", allowed="1 or more")
    if given is None:
        return tuple(range(first, first + (n_seeds or 1)))
    if n_seeds is not None:
        raise StudyError("seeds are given twice", where="--seeds", hint=f"drop --seeds, or seed={given.values[0]},…")
    wrong = [text for text in given.values if not (text.isdecimal() and text.isascii())]
    if wrong:
        raise StudyError(f"{shorten(wrong[0])!r}", where=SEED, allowed="whole numbers from 0")
    return tuple(int(text) for text in given.values)
