"""The tasks, QPU calls and client steps of workflows as one table."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from qhpcsim.core.qpu_records import QpuJobState
from qhpcsim.core.task_records import TaskState, TaskTable, word_column
from qhpcsim.core.workflow_records import Bag, Calls, ClientWork
from qhpcsim.middleware.slots import PoolTask
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
_INTS = ("n_qubits", "n_circuits", "n_cores", "attempts")
_REALS = ("n_gpus", "predicted_s", "p5_s", "p95_s")
_Columns = dict[str, list[Any]]


def task_table(runs: Sequence[WorkflowRun]) -> TaskTable:
    """Return the tasks and QPU calls of workflows as one table, in order of submission.

    A QPU call is a task of kind ``qpu``; work in the application itself is a task of one core and no pilot. Tasks that
    the client had not sent when the simulation stopped have no row.
    """
    columns: _Columns = defaultdict(list)
    for run in runs:
        for k in range(len(run.stages)):
            _add_stage(columns, run, k)
    submitted_s = np.array(columns["submitted_s"], dtype=np.float64)
    given: dict[str, Any] = {name: word_column(columns[name]) for name in _WORDS}
    given |= {name: np.array(columns[name], dtype=np.int32) for name in _INTS}
    given |= {name: np.array(columns[name], dtype=np.float64) for name in _REALS}
    table = TaskTable(
        task_id=np.arange(len(submitted_s)),
        submitted_s=submitted_s,
        started_s=np.array(columns["started_s"], dtype=np.float64),
        ended_s=np.array(columns["ended_s"], dtype=np.float64),
        state=np.array(columns["state"], dtype=np.int8),
        shots=np.array(columns["shots"], dtype=np.int64),
        **given,
    )
    ordered = table.take(np.argsort(submitted_s, kind="stable"))
    ordered.task_id = table.task_id
    return ordered


def _add_stage(columns: _Columns, run: WorkflowRun, k: int) -> None:
    """Append the rows of one stage."""
    work, stage = run.workflow.stages[k].work, run.stages[k]
    if isinstance(work, Bag):
        n = _add_tasks(columns, run, work, stage)
    elif isinstance(work, Calls):
        n = _add_calls(columns, run, work, stage)
    else:
        n = _add_step(columns, work, stage)
    columns["workflow"] += [run.workflow.name] * n
    columns["motif"] += [run.workflow.motif] * n


def _add_tasks(columns: _Columns, run: WorkflowRun, bag: Bag, stage: StageRun) -> int:
    """Append the tasks of a bag that were sent and return how many they are."""
    assert run.client is not None
    pilots = run.client.pool.pilots
    names = bag.circuit or ("",)
    spread = math.exp(Z_90 * bag.sigma)
    copies = [1] * len(stage.tasks) if bag.n_circuits is None else bag.n_circuits.tolist()
    sent = [(place, task) for place, task in enumerate(stage.tasks) if task.index >= 0]
    for place, task in sent:
        circuit = names[place if len(names) > 1 else 0]
        view = pilots[task.pilot].view if task.pilot >= 0 else None
        nodes = bag.need.nodes
        columns["submitted_s"].append(task.submitted_s)
        columns["started_s"].append(task.started_s)
        columns["ended_s"].append(task.ended_s)
        columns["state"].append(task.state)
        columns["circuit"].append(circuit)
        columns["n_qubits"].append(_width(circuit))
        columns["n_circuits"].append(copies[place])
        columns["pilot"].append("" if view is None else view.name)
        columns["worker"].append(_worker(task) if view is not None else "")
        columns["n_cores"].append(math.ceil(nodes * view.cores if nodes and view is not None else bag.need.cores))
        columns["n_gpus"].append(max(1, nodes) * bag.need.gpus)
        columns["attempts"].append(task.attempts)
        columns["predicted_s"].append(task.predicted_s)
        columns["p5_s"].append(task.predicted_s / spread)
        columns["p95_s"].append(task.predicted_s * spread)
    _fill(columns, len(sent), bag.kind, bag.device_class, bag.observable, bag.shots)
    columns["device"] += [bag.device] * len(sent)
    columns["error"] += [_error(task) for _, task in sent]
    return len(sent)


def _add_calls(columns: _Columns, run: WorkflowRun, calls: Calls, stage: StageRun) -> int:
    """Append the QPU jobs of a stage and return how many they are."""
    if not stage.calls:
        return 0
    assert run.centre.qpu is not None
    jobs, servers, n = run.centre.qpu.jobs, run.centre.qpu.servers, len(stage.calls)
    for call in stage.calls:
        where, state = jobs.where[call], jobs.state[call]
        columns["submitted_s"].append(jobs.submitted_s[call])
        columns["started_s"].append(jobs.started_s[call])
        columns["ended_s"].append(jobs.ended_s[call])
        columns["state"].append(_STATES[state])
        columns["device"].append(servers[where].name if where >= 0 else "")
        columns["predicted_s"].append(jobs.predicted_s[where][call] if where >= 0 else math.nan)
        columns["error"].append(_WHY.get(state, ""))
    _fill(columns, n, "qpu", "qpu", calls.observable, calls.shots)
    _no_slot(columns, n, 0)
    columns["circuit"] += [calls.circuit] * n
    columns["n_qubits"] += [calls.n_qubits] * n
    columns["n_circuits"] += [calls.n_circuits] * n
    return n


def _add_step(columns: _Columns, work: ClientWork, stage: StageRun) -> int:
    """Append the client's own work, if it has begun, and return the number of rows."""
    if math.isnan(stage.started_s):
        return 0
    columns["submitted_s"].append(stage.started_s)
    columns["started_s"].append(stage.started_s)
    columns["ended_s"].append(stage.ended_s)
    columns["state"].append(int(TaskState.RUNNING if math.isnan(stage.ended_s) else TaskState.SUCCESS))
    columns["predicted_s"].append(work.seconds)
    columns["error"].append("")
    _fill(columns, 1, work.kind, "cpu", "", 0)
    _no_slot(columns, 1, 1)
    for name, value in (("device", ""), ("circuit", ""), ("n_qubits", 0), ("n_circuits", 0)):
        columns[name].append(value)
    return 1


def _fill(columns: _Columns, n: int, kind: str, device_class: str, observable: str, shots: int) -> None:
    """Append what all tasks of a stage share."""
    columns["kind"] += [kind] * n
    columns["device_class"] += [device_class] * n
    columns["observable"] += [observable] * n
    columns["shots"] += [shots] * n


def _no_slot(columns: _Columns, n: int, n_cores: int) -> None:
    """Append what tasks have that no pilot runs."""
    for name, value in (("pilot", ""), ("worker", ""), ("n_gpus", 0.0), ("attempts", 1), ("n_cores", n_cores),
                        ("p5_s", math.nan), ("p95_s", math.nan)):  # fmt: skip
        columns[name] += [value] * n


def _width(circuit: str) -> int:
    """Return the width that ``family:n:params`` states; 0: it is not of that form."""
    parts = circuit.split(":")
    return int(parts[1]) if len(parts) > 1 and parts[1].isdigit() else 0


def _worker(task: PoolTask) -> str:
    """Return the nodes of its pilot that a task ran on; empty: none yet."""
    if not task.nodes:
        return ""
    return f"node{task.nodes[0]}" if len(task.nodes) == 1 else f"node{task.nodes[0]}+{len(task.nodes) - 1}"


def _error(task: PoolTask) -> str:
    if task.state == TaskState.FAILED:
        return "its work failed"
    return "its pilot ended" if task.state == TaskState.LOST_WORKER else ""
