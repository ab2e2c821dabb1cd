"""A cheap point that meets all constraints in a space too large to go through: Optuna proposes, our tests judge."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from typing import Any

from qhpcsim.core.errors import StudyError
from qhpcsim.core.records import FloatArray
from qhpcsim.studies.plan_study import BELOW, Constraint, Variable
from qhpcsim.studies.search_exact import Found
from qhpcsim.studies.search_points import MEETS, BudgetSpentError, Judge, Judged

PATIENCE = 60
"""Points in a row without a cheaper plan after which the search ends."""
START_UP = 15
"""Points that are proposed at random first."""
_NOT_SHOWN = 0.01


def search_optuna(
    objective: FloatArray,
    variables: Sequence[Variable],
    at: Callable[[tuple[int, ...]], int],
    judge: Judge,
    seed: int,
) -> Found:
    """Return the cheapest point found that meets all constraints; nothing is claimed of points that were not tried.

    Points dearer than the best so far are not run: their price alone rules them out.

    Args:
        objective: (n_points,) what is to be least.
        variables: What is decided; numbers are proposed as ordered.
        at: Gives the point with these values.
        judge: Judges points.
        seed: Of the proposals.

    Raises:
        StudyError: if Optuna is not installed.

    Source: Akiba et al., "Optuna", KDD 2019, doi:10.1145/3292500.3330701; constraints: Watanabe & Hutter,
        "c-TPE", IJCAI 2023, doi:10.24963/ijcai.2023/486
    """
    study = _study(seed)
    found = Found(way="optuna")
    stale = 0
    try:
        while stale < PATIENCE:
            trial = study.ask()
            point = at(tuple(_place(trial, variable) for variable in variables))
            stale += 1
            most = math.inf if found.best is None else objective[found.best.point]
            if point not in found.tested and objective[point] < most:
                found.tested[point] = _accepted(judge, point)
                if found.tested[point].verdict == MEETS:
                    found.best, stale = found.tested[point], 0
            tested = found.tested.get(point)
            for name, violation in _violations(tested, judge.constraints):
                trial.set_constraint(name, violation)
            study.tell(trial, float(objective[point]))
    except BudgetSpentError:
        found.spent = True
    most = math.inf if found.best is None else float(objective[found.best.point])
    cheaper = int((objective < most).sum())
    found.untested = cheaper - sum(1 for point in found.tested if objective[point] < most)
    return found


def _accepted(judge: Judge, point: int) -> Judged:
    """Return what screening says of a point; what seems to meet the constraints is confirmed."""
    tested = judge.screen(point)
    return judge.confirm(point) if tested.verdict == MEETS else tested


def _study(seed: int) -> Any:
    try:
        import optuna
    except ImportError:
        hint = "pip install 'qhpcsim[plan]', or search: exact with a larger budget"
        raise StudyError("Optuna is not installed", where="search", hint=hint) from None
    optuna.logging.set_verbosity(logging.WARNING)
    sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=START_UP)
    return optuna.create_study(sampler=sampler)


def _place(trial: Any, variable: Variable) -> int:
    """Return the place of the value that Optuna proposes."""
    n_values = len(variable.values)
    if n_values == 1:
        return 0
    if all(value.replace(".", "", 1).isdecimal() for value in variable.values):
        return int(trial.suggest_int(variable.key, 0, n_values - 1))
    return variable.values.index(trial.suggest_categorical(variable.key, list(variable.values)))


def _violations(tested: Judged | None, constraints: Sequence[Constraint]) -> list[tuple[str, float]]:
    """Return by how much each constraint is missed, as a share of its limit; at most 0: it is met.

    A point that could not be shown to meet them misses by a little, whatever its means are.
    """
    if tested is None:  # too dear to be run; its price tells Optuna enough
        return [(str(k), 0.0) for k in range(len(constraints))] + [("shown", 0.0)]
    if not tested.limits:
        return [(str(k), 1.0) for k in range(len(constraints))] + [("shown", _NOT_SHOWN)]
    found = []
    for k, (constraint, seen) in enumerate(zip(constraints, tested.limits, strict=True)):
        gap = seen.mean - constraint.limit if constraint.side == BELOW else constraint.limit - seen.mean
        scale = abs(constraint.limit) or 1.0
        found.append((str(k), gap / scale if tested.verdict != MEETS else min(gap / scale, 0.0)))
    return [*found, ("shown", 0.0 if tested.verdict == MEETS else _NOT_SHOWN)]
