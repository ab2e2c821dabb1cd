"""The tasks, QPU calls and client steps of workflows as one table."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from qhpcsim.core.qpu_records import QpuJobState
from qhpcsim.core.task_records import TaskState, TaskTable, word_column
from qhpcsim.core.workflow_records import Bag, Calls
from qhpcsim.middleware.slots import PoolTask
from qhpcsim.middleware.workflows import WorkflowRun


def task_table(runs: list[WorkflowRun]) -> TaskTable:
    """Return the tasks and QPU calls of workflows as one table, in order of submission.

    A QPU call is a task of kind ``qpu``; work in the application itself is a task of one core.
    """
    rows = [row for run in runs for k in range(len(run.stages)) for row in _rows(run, k)]
    rows.sort(key=lambda row: row.submitted_s)
    return TaskTable(
        task_id=np.arange(len(rows)),
        submitted_s=np.array([row.submitted_s for row in rows]),
        started_s=np.array([row.started_s for row in rows]),
        ended_s=np.array([row.ended_s for row in rows]),
        state=np.array([row.state for row in rows], dtype=np.int8),
        workflow=word_column([row.workflow for row in rows]),
        motif=word_column([row.motif for row in rows]),
        kind=word_column([row.kind for row in rows]),
        device=word_column([row.device for row in rows]),
        device_class=word_column([row.device_class for row in rows]),
        circuit=word_column([row.circuit for row in rows]),
        observable=word_column([row.observable for row in rows]),
        pilot=word_column([row.pilot for row in rows]),
        n_qubits=np.array([row.n_qubits for row in rows], dtype=np.int32),
        shots=np.array([row.shots for row in rows], dtype=np.int64),
        n_cores=np.array([row.n_cores for row in rows], dtype=np.int32),
        n_gpus=np.array([row.n_gpus for row in rows]),
        attempts=np.array([row.attempts for row in rows], dtype=np.int32),
        predicted_s=np.array([row.predicted_s for row in rows]),
    )


@dataclass(slots=True)
class _Row:
    """One row of a task table."""

    workflow: str
    motif: str
    kind: str
    submitted_s: float
    started_s: float
    ended_s: float
    state: int = int(TaskState.SUCCESS)
    device: str = ""
    device_class: str = "cpu"
    circuit: str = ""
    observable: str = ""
    pilot: str = ""
    n_qubits: int = 0
    shots: int = 0
    n_cores: int = 1
    n_gpus: float = 0.0
    attempts: int = 1
    predicted_s: float = math.nan


def _rows(run: WorkflowRun, k: int) -> list[_Row]:
    """Return the rows of one stage."""
    flow, stage = run.workflow, run.stages[k]
    work = flow.stages[k].work
    if isinstance(work, Bag):
        return [_bag_row(run, work, task, place) for place, task in enumerate(stage.tasks)]
    if isinstance(work, Calls):
        return [_call_row(run, work, call) for call in stage.calls]
    if math.isnan(stage.started_s):
        return []
    state = TaskState.RUNNING if math.isnan(stage.ended_s) else TaskState.SUCCESS
    times = (stage.started_s, stage.started_s, stage.ended_s)
    return [_Row(flow.name, flow.motif, work.kind, *times, state=int(state), predicted_s=work.seconds)]


def _bag_row(run: WorkflowRun, bag: Bag, task: PoolTask, place: int) -> _Row:
    assert run.client is not None
    pilot = run.client.pool.pilots[task.pilot].view.name if task.pilot >= 0 else ""
    circuit = bag.circuit[place if len(bag.circuit) > 1 else 0] if bag.circuit else ""
    return _Row(
        run.workflow.name,
        run.workflow.motif,
        bag.kind,
        task.submitted_s,
        task.started_s,
        task.ended_s,
        task.state,
        bag.device,
        bag.device_class,
        circuit,
        bag.observable,
        pilot,
        bag.n_qubits,
        bag.shots,
        math.ceil(bag.need.cores),
        bag.need.gpus,
        task.attempts,
        task.predicted_s,
    )


_STATES = {
    QpuJobState.COMPLETED: TaskState.SUCCESS,
    QpuJobState.FAILED: TaskState.FAILED,
    QpuJobState.REJECTED: TaskState.FAILED,
    QpuJobState.RUNNING: TaskState.RUNNING,
    QpuJobState.QUEUED: TaskState.QUEUED,
}


def _call_row(run: WorkflowRun, calls: Calls, call: int) -> _Row:
    assert run.centre.qpu is not None
    jobs, servers = run.centre.qpu.jobs, run.centre.qpu.servers
    where = jobs.where[call]
    return _Row(
        run.workflow.name,
        run.workflow.motif,
        "qpu",
        jobs.submitted_s[call],
        jobs.started_s[call],
        jobs.ended_s[call],
        int(_STATES[QpuJobState(jobs.state[call])]),
        servers[where].name if where >= 0 else "",
        "qpu",
        n_qubits=calls.n_qubits,
        shots=calls.shots,
        predicted_s=jobs.predicted_s[max(where, 0)][call],
    )
