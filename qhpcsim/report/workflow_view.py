"""The applications of a run as the report shows them: tasks on pilots, QPU calls, work of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from qhpcsim.core.records import FloatArray
from qhpcsim.metrics.hybrid_data import IntArray
from qhpcsim.metrics.pilots import Nodes, PilotTable, PilotTasks, busy_nodes, pilot_table, pilot_tasks
from qhpcsim.report import palette
from qhpcsim.report.activity import Activity, GpuUse, Held, Phase, held_by
from qhpcsim.report.claims import Spans, claimed
from qhpcsim.report.columns import JobColumns
from qhpcsim.report.qpu_view import QpuView
from qhpcsim.report.workflow_columns import CLASSES, WorkflowColumns

LOOKS = (
    Phase("on a QPU", palette.ON_QPU),
    Phase("tasks on GPUs", palette.ON_GPU),
    Phase("tasks on CPUs", palette.ON_CPU),
    Phase("work of its own", palette.OWN_WORK),
    Phase("dispatch of tasks", palette.MIDDLEWARE),
    Phase("waits for a QPU", palette.WAITS_FOR_QPU),
    Phase("waits for nodes", palette.WAITS_FOR_NODES),
)
"""Most important first: an instant in which several go on belongs to the first."""
CPU, GPU, QPU = (CLASSES.index(word) for word in ("cpu", "gpu", "qpu"))


class NamedNodes(Nodes, Protocol):
    """What is asked of a partition (``data.PartitionView`` has it)."""

    @property
    def name(self) -> str:
        """Its name."""


@dataclass
class WorkflowView:
    """Applications, their tasks and their figures."""

    columns: WorkflowColumns
    pilots: PilotTable
    activity: Activity
    summary: Mapping[str, Any]
    """Key ``workflows`` of ``summary.json``."""
    baseline: Mapping[str, Any]
    """The same under the baseline policy; empty: there is none."""

    @property
    def qpus(self) -> QpuView | None:
        """The QPU service; None: the scenario has no QPUs."""
        return self.activity.qpus

    @cached_property
    def motif_rows(self) -> dict[str, np.ndarray]:
        """For each motif, (n,) whether an application is of it."""
        kinds = np.array(self.columns.motif, dtype=object)
        return {motif: np.asarray(kinds == motif) for motif in self.activity.motifs}


def workflow_view(
    columns: WorkflowColumns,
    summary: Mapping[str, Any],
    jobs: JobColumns,
    partitions: Sequence[NamedNodes],
    qpus: QpuView | None,
    baseline: Mapping[str, Any],
) -> WorkflowView:
    """Return the view of a run's applications.

    Args:
        columns: Applications and tasks.
        summary: Figures of the run, as in ``summary.json``.
        jobs: All batch jobs.
        partitions: The machine, in node-id order.
        qpus: The QPU service; None: the scenario has no QPUs.
        baseline: Figures of the run under the baseline policy; empty: there is none.
    """
    jobs = _on_clock(jobs, float(summary["workflows"].get("zero_s", 0.0)))
    pilots = _pilots(jobs, columns, partitions)
    times_s = [columns.submitted_s, columns.ended_s, columns.task_ended_s, pilots.end_s]
    until_s = float(np.nanmax(np.concatenate([np.zeros(1), *times_s])))
    tasks = _Tasks(columns, until_s)
    phases = claimed(_claims(columns, tasks, pilots))
    here = pilot_tasks(
        pilots,
        columns.pilot,
        columns.worker,
        columns.n_gpus,
        columns.task_started_s,
        columns.task_ended_s,
        columns.queued,
    )
    busy = busy_nodes(here)
    rigid = np.ones(jobs.n, dtype=bool)
    rigid[pilots.row] = False
    none = np.empty(0)
    other = dict(baseline.get("workflows") or {})
    activity = Activity(
        noun="application",
        looks=LOOKS,
        call=0,
        use="task running",
        name=columns.name,
        submitted_s=columns.submitted_s,
        ended_s=columns.ended_s,
        done=np.isfinite(columns.ended_s),
        owner=phases.owner,
        phase=phases.claim,
        start_s=phases.start_s,
        end_s=phases.end_s,
        used_node_s=total(pilots.owner[busy.pilot], (busy.end_s - busy.start_s) * busy.n_nodes, columns.n),
        held_node_s=total(pilots.owner, pilots.held_node_s, columns.n),
        used=Held(busy.start_s, busy.end_s, busy.n_nodes),
        nodes=held_by(jobs, pilots.row),
        rigid=held_by(jobs, np.flatnonzero(rigid)),
        own_qpus=Held(none, none, none),
        tokens=frozenset(),
        n_qpus=0 if qpus is None else len(qpus.names),
        qpus=qpus,
        gpus=_gpus(pilots, here, partitions),
        motif=columns.motif,
        baseline_mean_s=other.get("mean_time_to_solution_s"),
    )
    return WorkflowView(columns, pilots, activity, summary["workflows"], other)


def _on_clock(jobs: JobColumns, zero_s: float) -> JobColumns:
    """Return batch jobs on the simulation's axis, on which the times of tasks are."""
    if not zero_s:
        return jobs
    return replace(
        jobs, submit_s=jobs.submit_s - zero_s, start_s=jobs.start_s - zero_s, finish_s=jobs.finish_s - zero_s
    )


def _pilots(jobs: JobColumns, columns: WorkflowColumns, partitions: Sequence[Nodes]) -> PilotTable:
    """Return those batch jobs that are pilots of applications."""
    first_node = np.full(jobs.n, -1, dtype=np.int64)
    first_node[jobs.range_job[::-1]] = jobs.range_lo[::-1]
    return pilot_table(jobs.job_id, columns.name, jobs.nodes, jobs.start_s, jobs.finish_s, first_node, partitions)


def _gpus(pilots: PilotTable, tasks: PilotTasks, partitions: Sequence[NamedNodes]) -> list[GpuUse]:
    """Return the GPUs of those partitions whose GPUs pilots held."""
    found = []
    for k, part in enumerate(partitions):
        mine = (pilots.partition == k) & (pilots.held_gpu_s > 0)
        if mine.any():
            used = mine[tasks.pilot] & (tasks.n_gpus > 0) & (tasks.end_s > tasks.start_s)
            held = Held(pilots.start_s[mine], pilots.end_s[mine], (pilots.nodes * pilots.gpus_per_node)[mine])
            in_use = Held(tasks.start_s[used], tasks.end_s[used], tasks.n_gpus[used])
            found.append(GpuUse(part.name, part.nodes * part.gpus_per_node, in_use, held))
    return found


def total(owner: IntArray, amount: FloatArray, n: int) -> FloatArray:
    """Return (n,) the sum of each owner's amounts."""
    return np.bincount(owner, amount, n).astype(np.float64)


class _Tasks:
    """Tasks with their ends filled in: what had not ended went on until the run, or its application, did."""

    def __init__(self, columns: WorkflowColumns, until_s: float) -> None:
        last_s = np.where(np.isfinite(columns.ended_s), columns.ended_s, until_s)[columns.owner]
        started = np.isfinite(columns.task_started_s) & ~columns.queued
        ended_s = np.where(np.isfinite(columns.task_ended_s), columns.task_ended_s, last_s)
        self.owner = columns.owner
        self.begun_s = np.where(started, columns.task_started_s, ended_s)
        """Start, or for a task that never started the end of its wait."""
        self.wait_s = columns.task_submitted_s
        self.end_s = np.where(started, ended_s, self.begun_s)
        self.pilot = columns.pilot
        self.kind = columns.device_class
        self.on_pilot = np.array([bool(name) for name in columns.pilot], dtype=bool)
        self.on_pilot |= columns.queued & (self.kind != QPU)

    def running(self, members: np.ndarray) -> Spans:
        return Spans(self.owner[members], self.begun_s[members], self.end_s[members])

    def waiting(self, members: np.ndarray, from_s: FloatArray, until_s: FloatArray) -> Spans:
        return Spans(self.owner[members], from_s[members], until_s[members])


def _claims(columns: WorkflowColumns, tasks: _Tasks, pilots: PilotTable) -> list[Spans]:
    """Return the spans of each of ``LOOKS``."""
    calls, queued = tasks.kind == QPU, tasks.on_pilot
    starts = dict(zip(pilots.name, np.nan_to_num(pilots.start_s, nan=np.inf).tolist(), strict=True))
    starts[""] = np.inf  # waits for any pilot, to the end of the run
    ready_s = np.array([starts.get(name, -np.inf) for name in tasks.pilot], dtype=np.float64)
    turn_s = np.clip(ready_s, tasks.wait_s, np.maximum(tasks.begun_s, tasks.wait_s))
    first_s = np.full(columns.n, np.inf)
    np.fmin.at(first_s, pilots.owner, pilots.start_s)
    waits = np.isfinite(first_s) & (first_s > columns.submitted_s)
    for_nodes = tasks.waiting(queued, tasks.wait_s, turn_s)
    for_pilot = Spans(np.flatnonzero(waits), columns.submitted_s[waits], first_s[waits])
    return [
        tasks.running(calls),
        tasks.running(~calls & (tasks.kind == GPU)),
        tasks.running(~calls & (tasks.kind != GPU) & queued),
        tasks.running(~calls & (tasks.kind != GPU) & ~queued),
        tasks.waiting(queued, turn_s, tasks.begun_s),
        tasks.waiting(calls, tasks.wait_s, tasks.begun_s),
        Spans(*(np.concatenate(both) for both in zip(for_nodes, for_pilot, strict=True))),
    ]
