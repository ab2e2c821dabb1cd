"""Executes a sample of a run's tasks for real and sets what was predicted beside what was measured."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.records import FloatArray
from qhpcsim.core.registry import lookup
from qhpcsim.core.task_records import TaskTable, word_texts
from qhpcsim.execution.aer import warm_up
from qhpcsim.execution.circuit_task import DEVICES, CircuitResult
from qhpcsim.execution.engine import Engine, Progress, open_engine
from qhpcsim.execution.forecast import Forecast, Forecaster, Judged
from qhpcsim.execution.records import task_table
from qhpcsim.execution.sample import LEAST_REPEATS, draw
from qhpcsim.execution.seeds import aer_seed
from qhpcsim.execution.sources import CircuitSources
from qhpcsim.execution.stand_in import Host, size_class, this_host
from qhpcsim.execution.task import Task, TaskResult
from qhpcsim.execution.undisturbed import is_disturbed, undisturbed_s, usual_idle_s

REPEAT_S = 0.5
"""Short circuits are timed again until about this time is spent on them."""
_MOST_REPEATS = 20
_LIMIT_FRAC = 0.25
"""Longest task, as a part of the budget, unless a time-out is given."""
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
    """(n,) other work on the machine took part of its core in every run; processor time stands in for its time."""
    notes: list[str]
    """(n,) where a prediction leaves the range of its card; "" elsewhere."""
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
    judged: Judged | None = None,
    *,
    progress: Progress | None = None,
    host: Host | None = None,
    with_engine: Callable[[Engine], None] | None = None,
) -> Validation:
    """Return the comparison for a sample of the tasks of a run.

    Args:
        run: The run's tasks.
        options: How to do it.
        folder: Where circuit files are looked for.
        judged: What predicts; None: the predictions that the table carries are judged.
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
    sample = draw(run, options.n_tasks, options.seed, limit_s, Forecaster(judged, sources), here)
    chosen = run.take(np.array(sample.rows, dtype=np.int64))
    tasks = [_task(chosen, k, options.seed, sources, sample.forecasts[k], limit_s) for k in range(chosen.n)]
    spare_s = min(_FINISH_S, _FINISH_FRAC * options.budget_s)
    left_s = max(0.0, options.budget_s - spare_s - (time.monotonic() - began_s))
    with open_engine(
        options.engine,
        workers=_at_a_time(chosen, here) if options.workers is None else options.workers,
        scheduler=options.scheduler,
        budget_s=left_s,
        timeout_s=limit_s,
        warm_up=partial(_warm_up, tuple(sorted(set(word_texts(chosen.device_class, chosen.n))))),
    ) as engine:
        if with_engine is not None:
            with_engine(engine)
        results = list(engine.map(tasks, progress))
    found = _compared(chosen, results, sample.forecasts)
    found.excluded, found.n_devices = sample.excluded, _devices(run)
    found.spent_s = time.monotonic() - began_s
    return found


def _at_a_time(chosen: TaskTable, host: Host) -> int:
    """Return how many tasks may run at once without slowing each other down."""
    return 1 if "gpu" in word_texts(chosen.device_class, chosen.n) else max(1, host.n_cores // 2)


def _warm_up(device_classes: tuple[str, ...]) -> None:
    for device_class in device_classes:
        warm_up(device=DEVICES[device_class])


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
        return LEAST_REPEATS
    most = max(1, int(0.5 * limit_s / predicted_s))
    return min(max(LEAST_REPEATS, min(_MOST_REPEATS, round(REPEAT_S * n_circuits / predicted_s))), most)


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
    idle_s = usual_idle_s([run.seconds - run.cpu_s for each in results for run in _runs(each)])
    measured = [
        sum(undisturbed_s([run.seconds], [run.cpu_s], idle_s, forecast.threads) for run in _runs(each)) or np.nan
        for each, forecast in zip(results, forecasts, strict=True)
    ]
    disturbed = [any(is_disturbed(run.seconds, run.cpu_s) for run in _runs(each)) for each in results]
    sizes = [size_class(each.n_qubits) for each in forecasts]
    notes = [each.note for each in forecasts]
    return Validation(table, np.array(measured), sizes, np.array(disturbed, dtype=np.bool_), notes, results)


def _runs(result: TaskResult) -> list[CircuitResult]:
    return result.value if result.ok else []


def _devices(run: TaskTable) -> Counter[tuple[str, str, str]]:
    columns = (word_texts(column, run.n) for column in (run.device, run.device_class, run.kind))
    return Counter(zip(*columns, strict=True))
