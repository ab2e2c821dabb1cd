"""Executes a sample of a run's tasks for real and sets what was predicted beside what was measured."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.errors import QhpcsimError, WorkloadError
from qhpcsim.core.records import FloatArray
from qhpcsim.core.registry import lookup
from qhpcsim.core.task_records import TaskTable, word_texts
from qhpcsim.execution.aer import warm_up
from qhpcsim.execution.circuit_task import CircuitResult
from qhpcsim.execution.engine import Engine, Progress, open_engine
from qhpcsim.execution.forecast import Forecast, Forecaster
from qhpcsim.execution.records import task_table
from qhpcsim.execution.seeds import aer_seed
from qhpcsim.execution.sources import CircuitSources
from qhpcsim.execution.stand_in import Host, size_class, this_host, why_not
from qhpcsim.execution.stratified import in_turns
from qhpcsim.execution.task import Task, TaskResult
from qhpcsim.models.statevector import StateVectorModel

REPEAT_S = 0.5
"""Short circuits are timed again until about this time is spent on them."""
_REPEATS = (3, 20)
"""Least and most timed runs of a circuit."""
_LIMIT_FRAC = 0.25
"""Longest task, as a part of the budget, unless a time-out is given."""
_LONG_S, _CORE_FRAC = 0.05, 0.9
"""A run longer than this that got less of a core than that was disturbed; shorter ones wait for threads anyway."""
_FINISH_FRAC, _FINISH_S = 0.05, 10.0
"""Part of the budget, and most seconds, kept back for writing what was found."""


@dataclass(frozen=True, slots=True)
class ValidationOptions:
    """How a validation is done."""

    n_tasks: int = 40
    budget_s: float = 600.0
    seed: int = 0
    engine: str = "processes"
    workers: int | None = None
    """How many tasks run at once; None: half the cores, so that they do not take each other's memory bandwidth."""
    scheduler: str = ""
    timeout_s: float | None = None


@dataclass(slots=True)
class Validation:
    """What was executed and what became of it; rows are in the order in which they were drawn."""

    table: TaskTable
    """The sampled tasks as executed, with the predictions that are judged."""
    measured_s: FloatArray
    """(n,) time comparable with ``predicted_s``; NaN without success."""
    size: list[str]
    """(n,) size class."""
    disturbed: NDArray[np.bool_]
    """(n,) other work on the machine took part of its core, so its time is too long."""
    results: list[TaskResult]
    excluded: dict[str, int] = field(default_factory=dict)
    """Why tasks of the run could not be in the sample -> how many."""
    n_devices: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """(device, device class, kind) -> tasks of the whole run."""
    spent_s: float = 0.0


def validate(
    run: TaskTable,
    options: ValidationOptions,
    folder: Path,
    model: StateVectorModel | None = None,
    *,
    threads: int = 1,
    progress: Progress | None = None,
    host: Host | None = None,
    with_engine: Callable[[Engine], None] | None = None,
) -> Validation:
    """Return the comparison for a sample of the tasks of a run.

    Args:
        run: The run's tasks.
        options: How to do it.
        folder: Where circuit files are looked for.
        model: What predicts; None: the predictions that the table carries are judged.
        threads: Threads that the model's card holds for.
        progress: Told of the fraction of tasks that ended.
        host: The machine; None: this one.
        with_engine: Called with the engine before the first task.

    Raises:
        WorkloadError: if this machine can do none of the tasks.
        QhpcsimError: if a card or the engine cannot be used.
    """
    began_s = time.monotonic()
    sources, here = CircuitSources(folder), host or this_host()
    limit_s = options.timeout_s or _LIMIT_FRAC * options.budget_s
    rows, forecasts, excluded = _drawn(run, options, sources, Forecaster(model, sources, threads), here, limit_s)
    chosen = run.take(np.array(rows, dtype=np.int64))
    tasks = [_task(chosen, k, options.seed, sources, forecasts[k], limit_s) for k in range(chosen.n)]
    spare_s = min(_FINISH_S, _FINISH_FRAC * options.budget_s)
    left_s = max(0.0, options.budget_s - spare_s - (time.monotonic() - began_s))
    with open_engine(
        options.engine,
        workers=max(1, here.n_cores // 2) if options.workers is None else options.workers,
        scheduler=options.scheduler,
        budget_s=left_s,
        timeout_s=limit_s,
        warm_up=warm_up,
    ) as engine:
        if with_engine is not None:
            with_engine(engine)
        results = list(engine.map(tasks, progress))
    found = _compared(chosen, results, forecasts)
    found.excluded, found.n_devices = excluded, _devices(run)
    found.spent_s = time.monotonic() - began_s
    return found


def _drawn(
    run: TaskTable,
    options: ValidationOptions,
    sources: CircuitSources,
    forecaster: Forecaster,
    host: Host,
    limit_s: float,
) -> tuple[list[int], list[Forecast], dict[str, int]]:
    """Return the sampled rows, what is predicted for them, and why others could not be drawn."""
    n_qubits = _widths(run, sources)
    reasons = why_not(run, n_qubits, host)
    excluded = Counter(reason for reason in reasons if reason)
    able = [row for row, reason in enumerate(reasons) if not reason]
    motifs, kinds = word_texts(run.motif, run.n), word_texts(run.kind, run.n)
    strata = [(motif, kind, size_class(n)) for motif, kind, n in zip(motifs, kinds, n_qubits.tolist(), strict=True)]
    rows: list[int] = []
    forecasts: list[Forecast] = []
    for row in in_turns(strata, _works(run), able, options.seed):
        if len(rows) == options.n_tasks:
            break
        try:
            forecast = forecaster.forecast(run, row)
        except QhpcsimError:
            excluded["its circuit, shots or observable cannot be used"] += 1
            continue
        if forecast.median_s * _REPEATS[0] > limit_s:
            excluded[f"it is predicted to take more than a third of the time limit of one task ({limit_s:.3g} s)"] += 1
            continue
        rows.append(row)
        forecasts.append(forecast)
    if not rows:
        why = "; ".join(f"{reason}: {n:,}" for reason, n in excluded.most_common(4)) or "there are no tasks"
        raise WorkloadError(f"no task of this run can be done here ({why})", hint="give another run, or --tasks-file")
    return rows, forecasts, dict(excluded.most_common())


def _widths(run: TaskTable, sources: CircuitSources) -> NDArray[np.int64]:
    """Return the width of each circuit: 0 where there is none, -1 where it cannot be read."""
    given = np.zeros(run.n, np.int64) if run.n_qubits is None else run.n_qubits.astype(np.int64)
    if run.circuit is None:
        return np.zeros(run.n, np.int64)
    names = np.array([sources.width(name) for name in run.circuit.names] or [0], dtype=np.int64)
    read = np.where(run.circuit.code >= 0, names[run.circuit.code], 0)
    return np.where((read > 0) & (given > 0), given, read)


def _works(run: TaskTable) -> list[tuple[str, str, int, int]]:
    """Return what each task asks for; equal for tasks that are repeats of each other."""
    shots = [0] * run.n if run.shots is None else run.shots.tolist()
    n_circuits = [1] * run.n if run.n_circuits is None else run.n_circuits.tolist()
    circuits, observables = word_texts(run.circuit, run.n), word_texts(run.observable, run.n)
    return list(zip(circuits, observables, shots, n_circuits, strict=True))


def _task(chosen: TaskTable, row: int, seed: int, sources: CircuitSources, forecast: Forecast, limit_s: float) -> Task:
    """Return the call that does one sampled task."""
    work = sources.work(chosen, row, threads=forecast.threads)
    kind = word_texts(chosen.kind, chosen.n)[row]
    name = str(chosen.task_id[row])
    repeats = _repeats(forecast.median_s, len(work.circuits), limit_s)
    return Task(
        name, lookup("work", kind).target, (replace(work, seed=aer_seed(seed, f"validation/{name}"), repeats=repeats),)
    )


def _repeats(predicted_s: float, n_circuits: int, limit_s: float) -> int:
    """Return how often each circuit of a task is timed."""
    if not predicted_s > 0:
        return _REPEATS[0]
    most = max(1, int(0.5 * limit_s / predicted_s))
    return min(max(_REPEATS[0], min(_REPEATS[1], round(REPEAT_S * n_circuits / predicted_s))), most)


def _compared(chosen: TaskTable, results: list[TaskResult], forecasts: list[Forecast]) -> Validation:
    table = task_table(
        results,
        **{name: getattr(chosen, name) for name in ("workflow", "motif", "kind", "device", "device_class", "circuit")},
        **{name: getattr(chosen, name) for name in ("observable", "n_circuits", "shots", "n_cores", "n_gpus")},
        n_qubits=np.array([each.n_qubits for each in forecasts], dtype=np.int32),
        predicted_s=np.array([each.median_s for each in forecasts]),
        p5_s=np.array([each.p5_s for each in forecasts]),
        p95_s=np.array([each.p95_s for each in forecasts]),
    )
    measured = [sum(run.seconds for run in _runs(each)) if each.ok else np.nan for each in results]
    disturbed = [any(_is_disturbed(run) for run in _runs(each)) for each in results]
    sizes = [size_class(each.n_qubits) for each in forecasts]
    return Validation(table, np.array(measured, dtype=np.float64), sizes, np.array(disturbed, dtype=np.bool_), results)


def _runs(result: TaskResult) -> list[CircuitResult]:
    return result.value if result.ok else []


def _is_disturbed(run: CircuitResult) -> bool:
    """Return whether even the shortest run got clearly less of a core than a computation takes."""
    return run.seconds > _LONG_S and run.cpu_s < _CORE_FRAC * run.seconds


def _devices(run: TaskTable) -> Counter[tuple[str, str, str]]:
    columns = (word_texts(column, run.n) for column in (run.device, run.device_class, run.kind))
    return Counter(zip(*columns, strict=True))
