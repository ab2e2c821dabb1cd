"""``plan``: the cheapest facility that meets its constraints, with few runs, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from qhpcsim.studies.identity import code_version
from qhpcsim.studies.plan_basis import basis
from qhpcsim.studies.plan_monotone import chain_axis, chain_of, falls_with_nodes
from qhpcsim.studies.plan_points import Space
from qhpcsim.studies.plan_read import read_study
from qhpcsim.studies.plan_robust import Drawn, Grown, check_robust, drawn, grown
from qhpcsim.studies.plan_runs import Runner, Sample, Told, study_ledger
from qhpcsim.studies.plan_study import BELOW, Constraint, PlanStudy
from qhpcsim.studies.search_exact import Found, n_ways, search_exact
from qhpcsim.studies.search_limits import Limits, limits
from qhpcsim.studies.search_optuna import search_optuna
from qhpcsim.studies.search_points import Judge, Judged
from qhpcsim.studies.simulating import Workers

UNSERVED = (
    "n_queued", "n_running", "n_killed", "n_rejected", "qpu.n_failed", "qpu.n_rejected", "qpu.n_unfinished",
    "hybrid.n_walltime", "hybrid.n_unfinished", "workflows.n_with_lost_tasks",
)  # fmt: skip
"""Figures that count what did not end well."""
_TWO_SIDED = 0.025
"""Error on each side of the 95 % intervals that are shown."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A point that was run, as the frontier shows it."""

    point: int
    objective: float
    limits: tuple[Limits, ...]
    """95 % interval of each constraint's figure, each by itself."""
    on_frontier: bool = False
    """No point that was run is as cheap and as good in the first constraint's figure."""


@dataclass
class Plan:
    """The answer to a study, and what it rests on."""

    study: PlanStudy
    space: Space
    found: Found
    folder: Path
    shown: list[Shown] = field(default_factory=list)
    """Every point that was run, from the cheapest to the dearest."""
    growth: list[Grown] = field(default_factory=list)
    uncertain: Drawn | None = None
    unserved: dict[str, float] = field(default_factory=dict)
    """Jobs that did not end well under the plan, a run on average: figure -> number, where it is not 0."""
    n_search: int = 0
    """Runs that the search asked for."""
    n_runs: int = 0
    """All runs: search, frontier, growth and uncertainty."""
    n_new: int = 0
    """Those that the ledger did not know yet."""
    n_damaged: int = 0
    lost: list[str] = field(default_factory=list)
    basis: dict[str, Any] = field(default_factory=dict)
    """Machine, rules and cards of the plan, see ``plan_basis``."""
    code: str = ""
    """Version of the code, plug-ins among it."""
    plugins: tuple[str, ...] = ()

    @property
    def best(self) -> Judged | None:
        """The plan; None if none was found."""
        return self.found.best

    @property
    def certain(self) -> bool:
        """Whether every cheaper point is known to fail."""
        return self.best is not None and not self.open and not self.found.untested

    @cached_property
    def open(self) -> list[Judged]:
        """Cheaper points that could not be decided."""
        return self.found.open_below(self.space.objective)

    @property
    def as_dear(self) -> list[Shown]:
        """Points at the plan's price that were looked at and seem better in the first constraint's figure."""
        own = next((each for each in self.shown if self.best is not None and each.point == self.best.point), None)
        if own is None:
            return []
        sign = 1.0 if self.study.constraints[0].side == BELOW else -1.0
        same = [each for each in self.shown if each.objective == own.objective and each is not own]
        return [each for each in same if sign * each.limits[0].mean < sign * own.limits[0].mean]

    @property
    def n_exhaustive(self) -> int:
        """Runs of every point under the most seeds."""
        return self.space.n * self.study.seeds.most


def plan(
    path: str | Path,
    out: str | Path | None = None,
    workers: Workers | None = None,
    progress: Told | None = None,
) -> Plan:
    """Return the cheapest plan of a study file.

    Args:
        path: The study, see docs/planning.md.
        out: Folder with the ledger; None: ``runs/NAME-plan``. Given again, it goes on where it stopped.
        workers: Where the runs are simulated; None: processes on all cores.
        progress: Told of the runs that ended and of all that are now asked for.

    Raises:
        ConfigError: for a mistake in the study file or in a point.
        StudyError: if the folder is another study's or in use, or a figure does not exist.
        EngineError: if no worker can start.
    """
    return planned(read_study(path), out, workers, progress)


def planned(
    study: PlanStudy, out: str | Path | None = None, workers: Workers | None = None, progress: Told | None = None
) -> Plan:
    """Return the cheapest plan of a study; arguments as ``plan``."""
    from qhpcsim.studies.plan_files import write_plan

    workers = workers or Workers()
    space = Space(study)
    check_robust(space, study)
    folder = Path(out) if out is not None else Path("runs") / f"{Path(study.path).stem}-plan"
    code = code_version(workers.plugins)
    identity = {"plan": study.scenario, "change": list(study.change), "code": code}  # whatever is decided or demanded
    with study_ledger(folder, identity) as ledger, Runner(ledger, workers, code, progress) as runner:
        found, seen = _searched(space, runner)
        answer = Plan(study, space, found, folder, n_search=runner.n_runs, code=code, plugins=workers.plugins)
        answer.shown = _shown(answer, seen, runner)
        answer.unserved = _unserved(seen[found.best.point]) if found.best is not None else {}
        _robust(answer, runner)
        answer.n_runs, answer.n_new, answer.lost = runner.n_runs, runner.n_new, runner.lost
        answer.n_damaged = ledger.n_damaged
        answer.basis = basis(answer, runner)
        write_plan(answer)
    return answer


def _searched(space: Space, runner: Runner) -> tuple[Found, dict[int, Sample]]:
    """Return what the search found and the last sample of each point."""
    study = space.study
    seen: dict[int, Sample] = {}

    def look(point: int, seeds: Sequence[int]) -> Sample:
        first = space.base.seed
        seen[point] = runner.sample(str(point), partial(space.scenario, point), [first + seed for seed in seeds])
        return seen[point]

    chain, ways = _chains(space)
    monotone = [constraint for constraint in study.constraints if falls_with_nodes(constraint)]
    if not monotone:
        chain, ways = None, 1
    judge = Judge(study.constraints, study.seeds, look, study.budget, ways, study.rejected == "allowed")
    exact = study.search == "exact" or (
        study.search == "auto" and space.n * study.seeds.first + study.seeds.confirm <= study.budget
    )
    if exact:
        return search_exact(space.objective, space.order, judge, chain, monotone), seen
    return search_optuna(space.objective, study.variables, space.at, judge, space.base.seed), seen


def _chains(space: Space) -> tuple[partial[tuple[int, ...]] | None, int]:
    """Return what gives the chain of a point, and the tests by which one point may be given up."""
    axis = chain_axis(space)
    if axis is None:
        return None, 1
    known: dict[tuple[int, ...], tuple[int, ...]] = {}

    def chain(point: int) -> tuple[int, ...]:
        places = space.places(point)
        others = (*places[:axis], *places[axis + 1 :])
        if others not in known:
            known[others] = chain_of(space, point, axis, space.base.seed)
        return known[others]

    return partial(chain), n_ways(space.shape[axis])


def _shown(answer: Plan, seen: dict[int, Sample], runner: Runner) -> list[Shown]:
    """Return the points that were run, with some dearer than the plan."""
    study, space = answer.study, answer.space
    if answer.best is not None:
        first = space.base.seed
        seeds = range(first, first + study.seeds.first)
        dearer = _dearer(answer, study.frontier)
        samples = runner.samples([(str(point), partial(space.scenario, point)) for point in dearer], seeds)
        seen = dict(zip(dearer, samples, strict=True)) | seen
    shown = []
    for point, sample in seen.items():
        values = [sample.values(constraint.figure) for constraint in study.constraints]
        if all(values):
            found = tuple(limits(each, _TWO_SIDED, _TWO_SIDED) for each in values)
            shown.append(Shown(point, float(space.objective[point]), found))
    shown.sort(key=lambda each: (each.objective, each.point))
    return _with_frontier(shown, study.constraints[0])


def _dearer(answer: Plan, number: int) -> list[int]:
    """Return points as dear as the plan, as many as a look is worth, and some evenly spread over the dearer ones."""
    best = answer.best
    if best is None or not number:
        return []
    objective = answer.space.objective
    same = [point for point in answer.space.order if objective[point] == objective[best.point] and point != best.point]
    order = [point for point in answer.space.order if objective[point] > objective[best.point]]
    places = np.linspace(0, len(order) - 1, min(number, len(order))).round()
    return same[:number] + [order[place] for place in dict.fromkeys(int(each) for each in places)]


def _with_frontier(shown: list[Shown], leading: Constraint) -> list[Shown]:
    best = math.inf
    found = []
    for each in shown:
        value = each.limits[0].mean if leading.side == BELOW else -each.limits[0].mean
        found.append(Shown(each.point, each.objective, each.limits, value < best))
        best = min(best, value)
    return found


def _unserved(sample: Sample) -> dict[str, float]:
    """Return how many jobs a run did not serve: waits say little of them."""
    means = {name: float(np.mean(values)) for name in UNSERVED if (values := sample.values(name))}
    return {name: mean for name, mean in means.items() if mean > 0}


def _robust(answer: Plan, runner: Runner) -> None:
    """Put more load, and what is uncertain, on the plan."""
    study, space = answer.study, answer.space
    if answer.best is None:
        return
    first = space.base.seed + study.seeds.most
    seeds = range(first, first + study.seeds.confirm)
    if study.growth is not None:
        answer.growth = grown(space, study.growth, answer.best.point, runner, seeds)
    if study.uncertain is not None:
        answer.uncertain = drawn(space, study.uncertain, answer.best.point, runner, first)
