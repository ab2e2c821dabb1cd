"""Whole batches of jobs to QPUs by the front of completion time against fidelity (NSGA-II)."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from qhpcsim.core.errors import ConfigError
from qhpcsim.core.records import FloatArray
from qhpcsim.core.registry import register
from qhpcsim.policies.qpu.assignment import Assignment, Places
from qhpcsim.policies.qpu.choice import BatchChoice, ServiceView, known
from qhpcsim.qpu_scenario import Nsga2Choice, QpuChoice


@register(
    "qpu_choice",
    "nsga2",
    summary="batches of jobs, by a point of the NSGA-II front of completion time against fidelity; needs pymoo",
    source="Giortamis et al. 2024 (Qonductor), arXiv:2408.04312",
    params=Nsga2Choice,
)
class Nsga2(BatchChoice):
    """Gathers jobs and assigns each batch by one point of the front of its two goals.

    Model: minimise f1, the mean over the batch of queue + work of the batch ahead of the job on its QPU + its own time,
        and f2, the mean of 1 - fidelity, by NSGA-II (population 100, integers by rounding, SBX and polynomial mutation
        with probability 0.5 and eta 2, as in Qonductor), begun with the assignment of the highest fidelity, that of
        least completion job by job, and random ones; then take the point whose pseudo-weights (distances to the
        worst values, normalised, over their sum) are nearest to (1 - w, w), w the weight of the fidelity. Where there
        are no more assignments than the search would try, all are tried, and the front is exact.
    Assumes: jobs of a batch are served in order of arrival; a fidelity that nobody knows is 0.
    Not modelled: pauses of the QPUs after the present queue; the time that the search takes (0 s here).
    Source: Qonductor (arXiv:2408.04312). There every job of a batch waits for all of the batch's work on its QPU; the
        population evolves until it changes little, here for a fixed number of generations.
    """

    def __init__(self, view: ServiceView, params: QpuChoice) -> None:
        self._view = view
        self._params = params if isinstance(params, Nsga2Choice) else Nsga2Choice()
        _check(self._params)
        self.max_batch, self.interval_s = self._params.max_batch, self._params.interval_s
        self._generator = view.stream("qpu_choice/nsga2")

    def choose_all(self, jobs: Sequence[int], able: Sequence[Sequence[int]]) -> list[int]:
        """Return the QPUs of a batch."""
        if all(len(qpus) == 1 for qpus in able):
            return [qpus[0] for qpus in able]
        view, qpus = self._view, range(self._view.n_qpus)
        problem = Assignment(
            own_s=np.array([[view.predicted_s(job, qpu) for qpu in qpus] for job in jobs]),
            error=np.array([[1.0 - known(view.fidelity(job, qpu)) for qpu in qpus] for job in jobs]),
            queue_s=np.array([view.queue_s(qpu) for qpu in qpus]),
            able=[list(some) for some in able],
        )
        where, goals = front(problem, self._params, int(self._generator.integers(2**31)))
        return where[pick(goals, self._params.fidelity_weight)].tolist()  # type: ignore[no-any-return]


def front(problem: Assignment, params: Nsga2Choice, seed: int) -> tuple[Places, FloatArray]:
    """Return assignments of which none is at least as good as another in both goals.

    Args:
        problem: The batch.
        params: Size of the population and number of generations.
        seed: Seed of the search.

    Returns:
        (k, n) QPU of each job and (k, 2) goals f1 and f2 of each assignment, by rising f1.
    """
    few = math.prod(problem.n_options.tolist()) <= params.population * params.generations
    where = problem.where(_all_options(problem) if few else _search(problem, params, seed))
    goals = problem.goals(where)
    order = np.lexsort((goals[:, 1], goals[:, 0]))
    # By rising f1, only those whose f2 is below all f2 before them are not dominated.
    error = goals[order, 1]
    best = np.concatenate([[True], error[1:] < np.minimum.accumulate(error)[:-1]])
    return where[order[best]], goals[order[best]]


def _all_options(problem: Assignment) -> Places:
    """Return every combination of the jobs' options, (k, n)."""
    shape = tuple(problem.n_options.tolist())
    return np.stack(np.unravel_index(np.arange(math.prod(shape)), shape), axis=1)


def _search(problem: Assignment, params: Nsga2Choice, seed: int) -> Places:
    """Return the best options that NSGA-II finds, (k, n)."""
    from pymoo.algorithms.moo.nsga2 import NSGA2
    from pymoo.core.problem import Problem
    from pymoo.operators.crossover.sbx import SBX
    from pymoo.operators.mutation.pm import PM
    from pymoo.operators.repair.rounding import RoundingRepair
    from pymoo.optimize import minimize

    class Batch(Problem):  # type: ignore[misc]
        """The batch, as pymoo sees it: one option of each job."""

        def _evaluate(self, x: Places, out: dict[str, Any], *_args: Any, **_more: Any) -> None:
            out["F"] = problem.goals(problem.where(x))

    algorithm = NSGA2(
        pop_size=params.population,
        sampling=_first_population(problem, params.population, seed),
        crossover=SBX(prob=0.5, eta=2.0, vtype=float, repair=RoundingRepair()),
        mutation=PM(prob=0.5, eta=2.0, vtype=float, repair=RoundingRepair()),
        eliminate_duplicates=True,
    )
    most = problem.n_options - 1
    batch = Batch(n_var=len(most), n_obj=2, xl=np.zeros_like(most), xu=most, vtype=int)
    result = minimize(batch, algorithm, ("n_gen", params.generations), seed=seed)
    return np.atleast_2d(result.X)


def _first_population(problem: Assignment, size: int, seed: int) -> Places:
    """Return (size, n) options: the most faithful, those of least completion one by one, then random ones."""
    n_options = problem.n_options
    random = np.random.default_rng(seed).integers(0, n_options, (size - 2, len(n_options)))
    return np.concatenate([[problem.most_faithful(), problem.one_by_one()], random])


def pick(goals: FloatArray, fidelity_weight: float) -> int:
    """Return the point of a front whose pseudo-weights are nearest to those wanted; the first of equals.

    Args:
        goals: (k, 2) values to be minimised, none dominated by another.
        fidelity_weight: Wanted pseudo-weight of the second goal; that of the first is the rest.

    Source: K. Deb, Multi-Objective Optimization Using Evolutionary Algorithms, Wiley 2001, section 9.7.
    """
    if len(goals) == 1:
        return 0
    distance = (goals.max(axis=0) - goals) / np.ptp(goals, axis=0)
    weights = distance / distance.sum(axis=1, keepdims=True)
    return int(np.abs(weights - [1.0 - fidelity_weight, fidelity_weight]).sum(axis=1).argmin())


def _check(params: Nsga2Choice) -> None:
    """Raise ``ConfigError`` if a parameter is out of range, or if pymoo is not installed."""
    for name, least in (("max_batch", 1), ("interval_s", 0.0), ("population", 2), ("generations", 1)):
        value = getattr(params, name)
        if not least <= value < np.inf:
            raise ConfigError(f"{value!r} is not a finite number ≥ {least:g}", where=f"choice.{name}")
    if not 0.0 <= params.fidelity_weight <= 1.0:
        raise ConfigError(f"{params.fidelity_weight!r} is not in [0, 1]", where="choice.fidelity_weight")
    if importlib.util.find_spec("pymoo") is None:
        raise ConfigError(
            "the nsga2 choice needs the package pymoo", where="choice.name", hint="pip install 'qhpcsim[qpu]'"
        )
