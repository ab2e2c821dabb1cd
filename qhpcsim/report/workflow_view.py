"""The applications of a run as the report shows them: tasks on pilots, QPU calls, work of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from qhpcsim.core.records import FloatArray
from qhpcsim.metrics.hybrid_data import IntArray
from qhpcsim.report.activity import Activity, Held, Phase, held_by
from qhpcsim.report.claims import Claims, Spans, claimed
from qhpcsim.report.columns import JobColumns
from qhpcsim.report.qpu_view import QpuView
from qhpcsim.report.workflow_columns import CLASSES, WorkflowColumns

LOOKS = (
    Phase("on a QPU", "#029E73"),
    Phase("tasks on GPUs", "#0173B2"),
    Phase("tasks on CPUs", "#56B4E9"),
    Phase("work of its own", "#CA9161"),
    Phase("dispatch of tasks", "#D55E00"),
    Phase("waits for a QPU", "#F0B951"),
    Phase("waits for nodes", "#C3C7CD"),
)
"""Most important first: an instant in which several go on belongs to the first."""
CPU, GPU, QPU = (CLASSES.index(word) for word in ("cpu", "gpu", "qpu"))


class Pilots(NamedTuple):
    """Pilots: rows ``APPLICATION/NUMBER`` of ``jobs.csv``, as arrays of length k."""

    row: IntArray
    owner: IntArray
    """Application that brought it."""
    name: list[str]


@dataclass
class WorkflowView:
    """Applications, their tasks and their figures."""

    columns: WorkflowColumns
    pilots: Pilots
    busy: Claims
    """When at least one task was running on each pilot; the owner is the pilot."""
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
    qpus: QpuView | None,
    baseline: Mapping[str, Any],
) -> WorkflowView:
    """Return the view of a run's applications.

    Args:
        columns: Applications and tasks.
        summary: Figures of the run, as in ``summary.json``.
        jobs: All batch jobs.
        qpus: The QPU service; None: the scenario has no QPUs.
        baseline: Figures of the run under the baseline policy; empty: there is none.
    """
    pilots = pilots_of(jobs, columns)
    times_s = [columns.submitted_s, columns.ended_s, columns.task_ended_s, jobs.finish_s[pilots.row]]
    until_s = float(np.nanmax(np.concatenate([np.zeros(1), *times_s])))
    tasks = _Tasks(columns, until_s)
    phases = claimed(_claims(columns, tasks, pilots, jobs))
    busy = _busy(tasks, pilots)
    nodes = jobs.nodes[pilots.row].astype(np.float64)
    held_node_s = np.nan_to_num(jobs.finish_s - jobs.start_s)[pilots.row] * nodes
    used_node_s = (busy.end_s - busy.start_s) * nodes[busy.owner]
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
        used_node_s=total(pilots.owner[busy.owner], used_node_s, columns.n),
        held_node_s=total(pilots.owner, held_node_s, columns.n),
        used=Held(busy.start_s, busy.end_s, nodes[busy.owner]),
        nodes=held_by(jobs, pilots.row),
        rigid=held_by(jobs, np.flatnonzero(rigid)),
        own_qpus=Held(none, none, none),
        tokens=frozenset(),
        n_qpus=0 if qpus is None else len(qpus.names),
        qpus=qpus,
        motif=columns.motif,
        baseline_mean_s=other.get("mean_time_to_solution_s"),
    )
    return WorkflowView(columns, pilots, busy, activity, summary["workflows"], other)


def pilots_of(jobs: JobColumns, columns: WorkflowColumns) -> Pilots:
    """Return those batch jobs that are pilots of applications."""
    place = {name: k for k, name in enumerate(columns.name)}
    found = []
    for row, job_id in enumerate(jobs.job_id):
        owner, slash, _ = str(job_id).rpartition("/")
        if slash and owner in place:
            found.append((row, place[owner], str(job_id)))
    rows, owners = ([each[k] for each in found] for k in (0, 1))
    return Pilots(np.array(rows, dtype=np.int64), np.array(owners, dtype=np.int64), [name for _, _, name in found])


def total(owner: IntArray, amount: FloatArray, n: int) -> FloatArray:
    """Return (n,) the sum of each owner's amounts."""
    return np.bincount(owner, amount, n).astype(np.float64)


class _Tasks:
    """Tasks with their ends filled in: what had not ended went on until the run, or its application, did."""

    def __init__(self, columns: WorkflowColumns, until_s: float) -> None:
        last_s = np.where(np.isfinite(columns.ended_s), columns.ended_s, until_s)[columns.owner]
        started = np.isfinite(columns.task_started_s)
        ended_s = np.where(np.isfinite(columns.task_ended_s), columns.task_ended_s, last_s)
        self.owner = columns.owner
        self.begun_s = np.where(started, columns.task_started_s, ended_s)
        """Start, or for a task that never started the end of its wait."""
        self.wait_s = columns.task_submitted_s
        self.end_s = np.where(started, ended_s, self.begun_s)
        self.pilot = columns.pilot
        self.on_pilot = np.array([bool(name) for name in columns.pilot], dtype=bool)
        self.kind = columns.device_class

    def running(self, members: np.ndarray) -> Spans:
        return Spans(self.owner[members], self.begun_s[members], self.end_s[members])

    def waiting(self, members: np.ndarray, from_s: FloatArray, until_s: FloatArray) -> Spans:
        return Spans(self.owner[members], from_s[members], until_s[members])


def _claims(columns: WorkflowColumns, tasks: _Tasks, pilots: Pilots, jobs: JobColumns) -> list[Spans]:
    """Return the spans of each of ``LOOKS``."""
    calls, queued = tasks.kind == QPU, tasks.on_pilot
    starts = dict(zip(pilots.name, np.nan_to_num(jobs.start_s[pilots.row], nan=np.inf).tolist(), strict=True))
    ready_s = np.array([starts.get(name, -np.inf) for name in tasks.pilot], dtype=np.float64)
    turn_s = np.clip(ready_s, tasks.wait_s, np.maximum(tasks.begun_s, tasks.wait_s))
    first_s = np.full(columns.n, np.inf)
    np.minimum.at(first_s, pilots.owner, jobs.start_s[pilots.row])
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


def _busy(tasks: _Tasks, pilots: Pilots) -> Claims:
    """Return when at least one task was running on each pilot."""
    place = {name: k for k, name in enumerate(pilots.name)}
    home = np.array([place.get(name, -1) for name in tasks.pilot], dtype=np.int64)
    on = home >= 0
    return claimed([Spans(home[on], tasks.begun_s[on], tasks.end_s[on])])
