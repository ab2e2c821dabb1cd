"""The tasks, QPU calls and client steps of workflows as one table."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.qpu_records import QpuJobState
from qhpcsim.core.records import Categories, FloatArray, IntArray
from qhpcsim.core.task_records import TaskState, TaskTable, word_column
from qhpcsim.core.workflow_records import Bag, Calls, Choice
from qhpcsim.facility.qpu_service import QpuSystem
from qhpcsim.middleware.slots import PoolPilot, PoolTask
from qhpcsim.middleware.workflows import StageRun, WorkflowRun
from qhpcsim.models.statevector import Z_90

_STATES = {
    int(QpuJobState.COMPLETED): int(TaskState.SUCCESS),
    int(QpuJobState.FAILED): int(TaskState.FAILED),
    int(QpuJobState.REJECTED): int(TaskState.FAILED),
    int(QpuJobState.RUNNING): int(TaskState.RUNNING),
    int(QpuJobState.QUEUED): int(TaskState.QUEUED),
}
_WHY = {
    int(QpuJobState.FAILED): "failed: its session closed, or it was interrupted too often",
    int(QpuJobState.REJECTED): "rejected by the QPU service",
}
_WORDS = ("workflow", "motif", "kind", "device", "device_class", "circuit", "observable", "worker", "pilot", "error")
_TYPES: dict[str, type[np.generic]] = {
    **dict.fromkeys(("submitted_s", "started_s", "ended_s", "predicted_s", "p5_s", "p95_s", "n_gpus"), np.float64),
    **dict.fromkeys(("n_qubits", "n_circuits", "n_cores", "attempts"), np.int32),
    "state": np.int8,
    "shots": np.int64,
}
_Columns = dict[str, Any]
"""Column -> one value a row: an array, a list, or ``Categories`` for words."""


class _Part(NamedTuple):
    """Rows of one stage."""

    first: int
    """Place of its first row, in order of the stages."""
    n: int
    run: WorkflowRun
    work: Any
    stage: StageRun


def task_table(runs: Sequence[WorkflowRun]) -> TaskTable:
    """Return the tasks and QPU calls of workflows as one table, in order of submission.

    A QPU call is a task of kind ``qpu``; work in the application itself is a task of one core and no pilot. Tasks that
    the client had not sent when the simulation stopped have no row; a stage with alternatives has the rows of the one
    that was taken.
    """
    bags, calls, steps = _parts(runs)
    groups = [(parts, rows(parts)) for parts, rows in ((bags, _task_rows), (calls, _call_rows), (steps, _step_rows))]
    places = np.concatenate([_places(parts) for parts, _ in groups])
    by_stage = np.argsort(places, kind="stable")
    given: _Columns = {
        name: np.concatenate([np.asarray(columns[name], dtype) for _, columns in groups])[by_stage]
        for name, dtype in _TYPES.items()
    }
    given |= {name: _joined([columns[name] for _, columns in groups], by_stage) for name in _WORDS}
    task_id = np.arange(len(places))
    ordered = TaskTable(task_id=task_id, **given).take(np.argsort(given["submitted_s"], kind="stable"))
    ordered.task_id = task_id
    return ordered


def _parts(runs: Sequence[WorkflowRun]) -> tuple[list[_Part], list[_Part], list[_Part]]:
    """Return the stages that have rows: bags, QPU calls, the client's own steps.

    A stage with alternatives has none itself; the workflow that was taken follows the one that it belongs to.
    """
    bags: list[_Part] = []
    calls: list[_Part] = []
    steps: list[_Part] = []
    first = 0
    for run in (each for top in runs for each in top.all_runs()):
        for asked, stage in zip(run.workflow.stages, run.stages, strict=True):
            work = asked.work
            if isinstance(work, Bag):
                n, group = sum(task.index >= 0 for task in stage.tasks), bags
            elif isinstance(work, Calls):
                n, group = len(stage.calls), calls
            elif isinstance(work, Choice):
                continue
            else:
                n, group = int(not math.isnan(stage.started_s)), steps
            if n:
                group.append(_Part(first, n, run, work, stage))
                first += n
    return bags, calls, steps


def _places(parts: Sequence[_Part]) -> IntArray:
    """Return the place of each row in order of the stages."""
    n = _counts(parts)
    first = np.array([part.first for part in parts], dtype=np.int64)
    within = np.arange(n.sum()) - np.repeat(np.cumsum(n) - n, n)
    return np.asarray(np.repeat(first, n) + within)


def _counts(parts: Sequence[_Part]) -> NDArray[np.int64]:
    return np.array([part.n for part in parts], dtype=np.int64)


def _task_rows(parts: Sequence[_Part]) -> _Columns:
    """Return the tasks of bags that were sent."""
    columns: _Columns = _shared(parts, lambda work: (work.kind, work.device, work.device_class, work.observable))
    columns["shots"] = np.repeat([part.work.shots for part in parts], _counts(parts))
    rows: dict[str, list[Any]] = {name: [] for name in (*_TYPES, "circuit", "pilot", "worker", "error")}
    for part in parts:
        _add_tasks(rows, part)
    texts = {name: word_column(rows[name]) for name in ("circuit", "pilot", "worker", "error")}
    return rows | columns | texts


def _add_tasks(rows: dict[str, list[Any]], part: _Part) -> None:
    """Append what differs between the tasks of a bag."""
    bag, need = part.work, part.work.need
    assert part.run.client is not None
    views = [pilot.view for pilot in part.run.client.pool.pilots]
    sent = [(place, task) for place, task in enumerate(part.stage.tasks) if task.index >= 0]
    tasks = [task for _, task in sent]
    spread = math.exp(Z_90 * bag.sigma)
    names = bag.circuit or ("",)
    many = len(names) > 1
    circuits = [names[place] for place, _ in sent] if many else [names[0]] * part.n
    rows["circuit"] += circuits
    rows["n_qubits"] += [_width(name) for name in circuits] if many else [_width(names[0])] * part.n
    copies = [1] * len(part.stage.tasks) if bag.n_circuits is None else bag.n_circuits.tolist()
    rows["n_circuits"] += [copies[place] for place, _ in sent]
    for name in ("submitted_s", "started_s", "ended_s", "state", "attempts", "predicted_s"):
        rows[name] += [getattr(task, name) for task in tasks]
    rows["p5_s"] += [task.predicted_s / spread for task in tasks]
    rows["p95_s"] += [task.predicted_s * spread for task in tasks]
    for name, worker in map(_Places(part.run.client.pool.pilots), tasks):
        rows["pilot"].append(name)
        rows["worker"].append(worker)
    rows["error"] += [_error(task) for task in tasks]
    rows["n_cores"] += [
        math.ceil(need.nodes * views[task.pilot].cores if need.nodes and task.pilot >= 0 else need.cores)
        for task in tasks
    ]
    rows["n_gpus"] += [max(1, need.nodes) * need.gpus] * part.n


def _call_rows(parts: Sequence[_Part]) -> _Columns:
    """Return the QPU jobs."""
    n = _counts(parts)
    columns: _Columns = _shared(parts, lambda work: ("qpu", "", "qpu", work.observable)) | _no_slot(int(n.sum()), 0)
    columns["circuit"] = _repeated([part.work.circuit for part in parts], n)
    for name in ("shots", "n_qubits", "n_circuits"):
        columns[name] = np.repeat([getattr(part.work, name) for part in parts], n)
    index = np.array([call for part in parts for call in part.stage.calls], dtype=np.int64)
    qpu = parts[0].run.centre.qpu if parts else None
    return columns | (_served(qpu, index) if qpu is not None else dict.fromkeys(_SERVED, ()))


_SERVED = ("submitted_s", "started_s", "ended_s", "state", "predicted_s")


def _served(qpu: QpuSystem, index: NDArray[np.int64]) -> _Columns:
    """Return what became of jobs of the QPU service."""
    jobs = qpu.jobs
    where, state = np.array(jobs.where)[index], np.array(jobs.state)[index]
    predicted_s = np.full(len(index), np.nan)
    for k, column in enumerate(jobs.predicted_s):
        here = where == k
        predicted_s[here] = np.array(column)[index[here]]
    codes = {known: place for place, known in enumerate(_WHY)}
    states, codes_of = (np.full(max(_STATES) + 1, -1) for _ in range(2))
    for known, ours in _STATES.items():
        states[known], codes_of[known] = ours, codes.get(known, -1)
    columns: _Columns = {name: np.array(getattr(jobs, name))[index] for name in ("submitted_s", "started_s", "ended_s")}
    return columns | {
        "state": states[state],
        "predicted_s": predicted_s,
        "device": Categories(where.astype(np.int32), tuple(server.name for server in qpu.servers)),
        "error": Categories(codes_of[state].astype(np.int32), tuple(_WHY.values())),
    }


def _step_rows(parts: Sequence[_Part]) -> _Columns:
    """Return the client's own work as far as it has begun."""
    ended_s: FloatArray = np.array([part.stage.ended_s for part in parts], dtype=np.float64)
    started_s = [part.stage.started_s for part in parts]
    columns: _Columns = _shared(parts, lambda work: (work.kind, "", "cpu", "")) | _no_slot(len(parts), 1)
    return columns | {
        "submitted_s": started_s,
        "started_s": started_s,
        "ended_s": ended_s,
        "state": np.where(np.isnan(ended_s), int(TaskState.RUNNING), int(TaskState.SUCCESS)),
        "predicted_s": [part.work.seconds for part in parts],
        "circuit": word_column([""] * len(parts)),
        **{name: np.zeros(len(parts)) for name in ("shots", "n_qubits", "n_circuits")},
    }


def _shared(parts: Sequence[_Part], words: Callable[[Any], tuple[str, str, str, str]]) -> _Columns:
    """Return the words that all rows of a stage share: workflow, motif, kind, device, class of device, observable."""
    n = _counts(parts)
    names = ("workflow", "motif", "kind", "device", "device_class", "observable")
    texts = [(part.run.workflow.name, part.run.workflow.motif, *words(part.work)) for part in parts]
    columns: Iterable[tuple[str, ...]] = zip(*texts, strict=True) if texts else [()] * len(names)
    return {name: _repeated(column, n) for name, column in zip(names, columns, strict=True)}


def _no_slot(n: int, n_cores: int) -> _Columns:
    """Return what rows have that no pilot runs."""
    none = word_column([""] * n)
    missing = np.full(n, math.nan)
    return {
        **dict.fromkeys(("pilot", "worker", "error"), none),
        **dict.fromkeys(("p5_s", "p95_s"), missing),
        "n_gpus": np.zeros(n),
        "attempts": np.ones(n),
        "n_cores": np.full(n, n_cores),
    }


def _repeated(words: Sequence[str], n: NDArray[np.int64]) -> Categories:
    """Return a column of words, the k-th ``n[k]`` times."""
    column = word_column(list(words))
    return Categories(np.repeat(column.code, n), column.names)


def _joined(columns: Sequence[Categories], rows: NDArray[np.intp]) -> Categories:
    """Return columns one behind the other, then some of their rows; names in order of first appearance there."""
    names = tuple(dict.fromkeys(name for column in columns for name in column.names))
    place = {name: code for code, name in enumerate(names)}
    codes = [np.array([*(place[name] for name in column.names), -1])[column.code] for column in columns]
    code = np.concatenate(codes)[rows]
    found, first = np.unique(code, return_index=True)
    seen = found[np.argsort(first)]
    seen = seen[seen >= 0]
    renumbered = np.full(len(names) + 1, -1, np.int32)
    renumbered[seen] = np.arange(len(seen), dtype=np.int32)
    return Categories(renumbered[code], tuple(names[k] for k in seen.tolist()))


def _width(circuit: str) -> int:
    """Return the width that ``family:n:params`` states; 0: it is not of that form."""
    parts = circuit.split(":")
    return int(parts[1]) if len(parts) > 1 and parts[1].isdigit() else 0


class _Places:
    """Says on which batch job and which of its nodes tasks ran: a pilot that changed its size consists of several.

    Args:
        pilots: Pilots of the pool.
    """

    def __init__(self, pilots: Sequence[PoolPilot]) -> None:
        self._pilots = pilots
        self._spots: dict[int, list[tuple[str, int]]] = {}

    def __call__(self, task: PoolTask) -> tuple[str, str]:
        """Return a task's pilot, and its first node with the number of others; empty: none, none yet."""
        if task.pilot < 0:
            return "", ""
        name = self._pilots[task.pilot].view.name
        if not task.nodes:
            return name, ""
        first = task.nodes[0]
        if self._pilots[task.pilot].resized:
            spots = self._spots.setdefault(task.pilot, self._pilots[task.pilot].spots())
            name, first = spots[first]
        return name, f"node{first}" if len(task.nodes) == 1 else f"node{first}+{len(task.nodes) - 1}"


def _error(task: PoolTask) -> str:
    if task.state == TaskState.FAILED:
        return "its work failed"
    return "its pilot ended" if task.state == TaskState.LOST_WORKER else ""
