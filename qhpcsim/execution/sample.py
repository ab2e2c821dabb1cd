"""Which tasks of a run are executed: some of every motif, kind and size that this machine can do."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.errors import QhpcsimError, WorkloadError
from qhpcsim.core.task_records import TaskTable, word_texts
from qhpcsim.execution.forecast import Forecast, Forecaster
from qhpcsim.execution.sources import CircuitSources
from qhpcsim.execution.stand_in import Host, size_class, why_not
from qhpcsim.execution.stratified import in_turns

LEAST_REPEATS = 3
"""Timed runs that every circuit should get."""


@dataclass(slots=True)
class Sample:
    """The tasks of a run that were drawn."""

    rows: list[int]
    """Their rows, in the order in which they are to run: a sample cut short is still balanced."""
    forecasts: list[Forecast]
    excluded: dict[str, int]
    """Why other tasks could not be drawn -> how many of those that were looked at."""


def draw(run: TaskTable, n_tasks: int, seed: int, limit_s: float, forecaster: Forecaster, host: Host) -> Sample:
    """Return a sample of the tasks that this machine can do, stratified by motif, kind and size.

    Args:
        run: The run's tasks.
        n_tasks: How many to draw at most.
        seed: Decides which.
        limit_s: Longest time for one task.
        forecaster: Predicts each of them.
        host: The machine.

    Raises:
        WorkloadError: if it can do none.
    """
    n_qubits = _widths(run, forecaster.sources)
    reasons = why_not(run, n_qubits, host, forecaster.judged.device_class if forecaster.judged else "")
    excluded = Counter(reason for reason in reasons if reason)
    able = [row for row, reason in enumerate(reasons) if not reason]
    motifs, kinds = word_texts(run.motif, run.n), word_texts(run.kind, run.n)
    strata = [(motif, kind, size_class(n)) for motif, kind, n in zip(motifs, kinds, n_qubits.tolist(), strict=True)]
    rows: list[int] = []
    forecasts: list[Forecast] = []
    for row in in_turns(strata, _works(run), able, seed):
        if len(rows) == n_tasks:
            break
        try:
            forecast = forecaster.forecast(run, row)
        except QhpcsimError:
            excluded["its circuit, shots or observable cannot be used"] += 1
            continue
        if forecast.median_s * LEAST_REPEATS > limit_s:
            excluded[f"it is predicted to take more than a third of the time limit of one task ({limit_s:.3g} s)"] += 1
            continue
        rows.append(row)
        forecasts.append(forecast)
    if not rows:
        why = "; ".join(f"{reason}: {n:,}" for reason, n in excluded.most_common(4)) or "there are no tasks"
        raise WorkloadError(f"no task of this run can be done here ({why})", hint="give another run, or --tasks-file")
    return Sample(rows, forecasts, dict(excluded.most_common()))


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
