"""Runs the ways that were planned, and sets what they took beside what was predicted."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from qhpcsim.circuits.cut_request import CutLimits, CutRequest
from qhpcsim.circuits.cuts import plan as candidates_of
from qhpcsim.core.errors import CircuitError, ConfigError
from qhpcsim.core.records import FloatArray
from qhpcsim.core.wording import duration
from qhpcsim.cutting.planning import CutAnswer, Ranked, plan
from qhpcsim.execution.aer import warm_up
from qhpcsim.execution.cutting import run_cut
from qhpcsim.execution.cutting_outcome import CutOutcome
from qhpcsim.execution.engine import Engine, Progress, open_engine
from qhpcsim.execution.host import this_host
from qhpcsim.execution.task import Task

_SHOT_BYTES = 120.0
"""What a simulator takes for the outcome of one shot: measured with Aer 0.18, 10⁷ shots of ten qubits."""
_PATIENCE_S, _TURN_S = 60.0, 0.02
"""How long workers may take to start; how long each is kept from taking the others' turn."""
_MOST_RUNS, _REPEAT_S = 5, 1.0
"""A way is run again, when all are compared, at most so often and as long as its runs take less than that together."""


@dataclass(frozen=True, slots=True)
class CutRun:
    """What running one way gave."""

    ranked: Ranked
    """What was planned and predicted."""
    values: FloatArray
    """Of each observable of the request, constants included; shape (observables,)."""
    stderr: FloatArray
    """Standard error of each; 0 where nothing is random."""
    phases: dict[str, float]
    """Wall time of partition, transpile, generate, deduplicate, execute and reconstruct, in seconds."""
    outcome: CutOutcome
    """Everything else: counts of circuits, records of each, processor time."""
    n_repeats: int = 1
    """How often it ran; all runs gave the same values, this one took least."""

    @property
    def name(self) -> str:
        """Of the candidate."""
        return self.ranked.name

    @property
    def measured_s(self) -> float:
        """Wall time of all phases; without what an earlier, interrupted run did."""
        return sum(self.phases.values())


def run(
    circuit: Any,
    observables: Any = (),
    *,
    candidate: str = "",
    engine: str | Engine = "",
    seed: int = 0,
    mode: str = "fast",
    folder: str | Path | None = None,
    progress: Progress | None = None,
    reach_target: bool = False,
    scheduler: str = "",
    **planning: Any,
) -> CutRun:
    """Return the values of a circuit's observables by the way that was chosen.

    Args:
        circuit: A ``CutAnswer``, or what ``plan`` takes.
        observables: As for ``plan``; not with an answer.
        candidate: Name of another way than the chosen one.
        engine: Name from ``qhpcsim list engines``, or an open engine; empty: ``dask`` with a scheduler, else ``serial``
            for one worker and ``processes`` for more.
        seed: Of all random numbers.
        mode: ``fast``; or ``seed_like``, each sub-experiment by itself and the library's reconstruction, to compare.
        folder: Where counts are kept as they come, so that an interrupted run goes on; None: nowhere.
        progress: Told of the fraction of circuits that ran.
        reach_target: Whether rounds of more shots follow the planned ones until every standard error is at most the
            target; else the standard error is what the planned shots give.
        scheduler: Dask only: address of a running scheduler, path of its file, or a batch system; empty: workers here.
        **planning: As for ``plan``; not with an answer.

    Raises:
        QhpcsimError: if it cannot be planned or run.
    """
    answer = circuit if isinstance(circuit, CutAnswer) else plan(circuit, observables, **planning)
    if isinstance(circuit, CutAnswer) and (planning or len(observables)):
        raise ConfigError("the answer has its own", where=", ".join(planning) or "observables")
    ranked = answer.named(candidate) if candidate else answer.chosen
    check_runs(answer, ranked)
    with opened(answer, engine, scheduler) as workers:
        return _run_one(answer, ranked, workers, seed, mode, folder, progress, reach_target)


@dataclass(frozen=True, slots=True)
class Skipped:
    """A way that was not run."""

    ranked: Ranked
    reason: str


def run_all(
    answer: CutAnswer,
    budget_s: float,
    *,
    engine: str | Engine = "",
    seed: int = 0,
    mode: str = "fast",
    folder: str | Path | None = None,
    progress: Progress | None = None,
    reach_target: bool = False,
    scheduler: str = "",
) -> Iterator[CutRun | Skipped]:
    """Yield what every way gave, shortest predicted first, as far as the predictions fit into a budget.

    Short ways are run again, in turns, each up to five times within a second, and the shortest run counts: the very
    first pays for what later ones find in memory, and other work on the machine disturbs a short run most.

    Args:
        answer: What was planned.
        budget_s: Wall time; a way starts only if its predicted time is left.
        engine: As for ``run``; one pool of workers serves all.
        seed: The same.
        mode: The same; a circuit in one piece always runs ``fast``.
        folder: The same; a folder inside it for each way.
        progress: Told of the fraction of circuits of each way.
        reach_target: As for ``run``.
        scheduler: The same.

    Raises:
        QhpcsimError: if a way cannot be run.
    """
    _check_device(answer)
    with opened(answer, engine, scheduler) as workers:

        def run_one(ranked: Ranked, folder: str | Path | None = None) -> CutRun:
            this = mode if ranked.candidate.n_cuts else "fast"
            return _run_one(answer, ranked, workers, seed, this, folder, progress, reach_target)

        found: list[CutRun | Skipped] = []
        ends_s = time.monotonic() + budget_s
        for ranked in answer.ranked:
            left_s = max(0.0, ends_s - time.monotonic())
            reason = why_not(answer, ranked)
            if not reason and ranked.cost.total_s > left_s:
                reason = f"predicted {duration(ranked.cost.total_s)}, {duration(left_s)} left"
            found.append(Skipped(ranked, reason) if reason else run_one(ranked, folder))
        _run_again(found, run_one, ends_s)
    yield from found


def _run_again(found: list[CutRun | Skipped], run_one: Callable[[Ranked], CutRun], ends_s: float) -> None:
    """Put the shortest of some runs in the place of each short one, until the clock says ``ends_s``.

    An interrupted run that went on cannot be compared with others, and stays as it is.
    """
    spent_s = [each.measured_s if isinstance(each, CutRun) else math.inf for each in found]
    for _ in range(_MOST_RUNS - 1):
        for k, each in enumerate(found):
            if time.monotonic() > ends_s:
                return
            if isinstance(each, CutRun) and not each.outcome.n_resumed and spent_s[k] + each.measured_s <= _REPEAT_S:
                this = run_one(each.ranked)
                spent_s[k] += this.measured_s
                shorter = min(each, this, key=lambda one: one.measured_s)
                found[k] = replace(shorter, n_repeats=each.n_repeats + 1)


def check_runs(answer: CutAnswer, ranked: Ranked) -> None:
    """Refuse what cannot be run here.

    Raises:
        CircuitError: if it does not fit; names the nearest way that does.
        ConfigError: if it was planned for other devices than this machine's processor.
    """
    _check_device(answer)
    reason = why_not(answer, ranked)
    if not reason:
        return
    able = next((each for each in answer.ranked if not why_not(answer, each)), None)
    nearest = "" if able is None else f"{able.name}: parts of {', '.join(map(str, able.candidate.widths))} qubits"
    raise CircuitError(
        f"candidate {ranked.name!r} cannot be run: {reason}",
        where=answer.request.where,
        allowed=nearest,
        hint=f"run candidate {able.name!r}" if able is not None else "fewer workers, narrower parts or more memory",
    )


def _check_device(answer: CutAnswer) -> None:
    if answer.device.partition(":")[0] != "cpu" or "+" in answer.device:
        raise ConfigError(
            f"{answer.device!r} is planned for, and circuits run on this machine's processor",
            where="device",
            allowed="cpu",
            hint="other devices can be planned for, not run on",
        )


def why_not(answer: CutAnswer, ranked: Ranked) -> str:
    """Return why a way cannot be run: the model says so, or this machine cannot hold the shots; empty: it can."""
    if ranked.cost.feasible:
        return ranked.cost.feasible
    shots = np.concatenate([np.asarray(each) for each in ranked.candidate.shots.per_experiment] or [np.zeros(0)])
    needed_bytes = _SHOT_BYTES * float(np.sort(shots)[::-1][: answer.workers].sum())
    there_bytes = this_host().memory_bytes
    if needed_bytes <= there_bytes:
        return ""
    error = answer.request.limits.target_error * math.sqrt(needed_bytes / there_bytes)
    return (
        f"its shots take about {needed_bytes / 2**30:,.0f} GiB, this machine has {there_bytes / 2**30:,.0f} GiB, "
        f"enough for a standard error of {error:.2g}"
    )


@contextmanager
def opened(answer: CutAnswer, engine: str | Engine, scheduler: str = "") -> Iterator[Engine]:
    """Open an engine whose workers have all started, so that no phase is charged for that."""
    if isinstance(engine, Engine):
        yield engine
        return
    name = engine or ("dask" if scheduler else "serial" if answer.workers == 1 else "processes")
    workers = 1 if name == "serial" else answer.workers
    if answer.workers != workers:
        raise ConfigError("runs one circuit at a time", where="engine serial", allowed="1 worker", hint="--workers 1")
    with open_engine(name, workers, scheduler, warm_up=None if name == "serial" else warm_up) as found:
        if name != "serial":
            _await_workers(found)
        _run_small_cut(found)
        yield found


def _run_small_cut(engine: Engine) -> None:
    """Take every step once, so that no phase is charged for what a program loads on its first cut."""
    limits = CutLimits(widths=(2,), max_states=100)
    for candidate in candidates_of(CutRequest.of("ghz:4", ["ZZZZ"], limits)).candidates:
        run_cut(candidate.problem(), engine=engine, total_shots=100 * candidate.n_runs)


def _await_workers(engine: Engine) -> None:
    """Return when every worker has answered, or after a while: one may be slow to start, or never come."""
    ready: set[str] = set()
    ends_s = time.monotonic() + _PATIENCE_S
    while len(ready) < engine.options.workers and time.monotonic() < ends_s:
        calls = [Task(f"ready/{k}", time.sleep, (_TURN_S,)) for k in range(engine.options.workers)]
        ready |= {result.worker for result in engine.map_unordered(calls) if result.ok}


def _run_one(
    answer: CutAnswer,
    ranked: Ranked,
    engine: Engine,
    seed: int,
    mode: str,
    folder: str | Path | None,
    progress: Progress | None,
    reach_target: bool,
) -> CutRun:
    began_s = time.perf_counter()
    problem = ranked.candidate.problem()
    partition_s = time.perf_counter() - began_s
    place = None if folder is None else Path(folder) / folder_name(ranked.name)
    circuit = answer.found.circuit
    weights = np.array(circuit.coefficients)
    target = answer.request.limits.target_error if reach_target else 0.0
    outcome = run_cut(
        problem, engine=engine, total_shots=ranked.n_shots, seed=seed, mode=mode, folder=place, progress=progress,
        target_stderr=target, weights=weights,
    )  # fmt: skip
    phases = {phase.name: phase.wall_s for phase in outcome.phases}
    phases["partition"] += partition_s
    values = np.array(circuit.constants) + weights @ outcome.values
    variances = np.einsum("ot,tu,ou->o", weights, outcome.covariance, weights)
    return CutRun(ranked, values, np.sqrt(np.maximum(variances, 0.0)), phases, outcome)


def folder_name(candidate: str) -> str:
    """Return the name of the folder that keeps a candidate's counts."""
    return re.sub(r"[^A-Za-z0-9]+", "_", candidate).strip("_")
