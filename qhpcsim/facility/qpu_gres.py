"""QPUs on premises as generic resources of a partition: their jobs are batch jobs, one node each."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from qhpcsim.core.errors import FacilityError, WorkloadError, shorten
from qhpcsim.core.qpu_records import QpuJobState, QpuJobTable, QpuSchedule
from qhpcsim.core.records import Categories, FloatArray, IntArray, JobState, JobTable, Schedule
from qhpcsim.facility.qpu_gres_checks import check_alike, check_gres, check_jobs, node_groups
from qhpcsim.facility.qpu_gres_table import QpuRows, merged
from qhpcsim.facility.routing import route
from qhpcsim.qpu_scenario import QpuService
from qhpcsim.scenario import Partition

_STATES = np.full(len(JobState), QpuJobState.FAILED, np.int8)
_STATES[JobState.COMPLETED_SUCCESSFULLY] = QpuJobState.COMPLETED
_STATES[JobState.REJECTED] = QpuJobState.REJECTED
_STATES[JobState.RUNNING] = QpuJobState.RUNNING
_STATES[JobState.QUEUED] = QpuJobState.QUEUED


@dataclass(frozen=True, slots=True)
class GresJobs:
    """Batch jobs and QPU jobs as one workload, and where each QPU job is in it."""

    table: JobTable
    partitions: dict[str, Partition]
    """The machine; where jobs ask for a QPU by name, the QPUs are node groups of their partition."""
    jobs: QpuJobTable
    """The QPU jobs under the ids that they have in the table."""
    row: IntArray
    """(n,) row of each QPU job, -1 for one that no QPU can run."""


def as_batch_jobs(
    table: JobTable,
    jobs: QpuJobTable,
    limit_s: FloatArray,
    service: QpuService,
    partitions: Mapping[str, Partition],
) -> GresJobs:
    """Return the batch jobs and the QPU jobs as one workload.

    Model:
        A QPU job asks for one node of the partition that owns the QPUs, for ``limit_s``; a job that names its QPU asks
        for that node as a feature. Batch jobs use the other partitions only. A job that no QPU can run is not sent.
    Assumes:
        A node has one QPU; QPUs are alike where jobs do not name them.
    Not modelled:
        Sessions and batches, calibration and outages, priorities of QPU jobs.
    Source:
        SchedMD, Slurm documentation, "Generic Resource (GRES) Scheduling".

    Args:
        table: Batch jobs.
        jobs: QPU jobs, times on the table's axis.
        limit_s: (n,) or (n, q) walltime that each job asks for.
        service: The QPUs.
        partitions: The machine.

    Raises:
        ConfigError: as ``check_gres``.
        WorkloadError: if a job needs a queue of the QPUs' own, or an id stands for two jobs.
        FacilityError: if there are batch jobs and no partition for them.
    """
    check_gres(service, partitions)
    check_jobs(jobs)
    named = np.full(jobs.n, -1, np.int32) if jobs.qpu is None else jobs.qpu
    check_alike(service, jobs, named)
    drawn_s, limit_s = _on(jobs.drawn_s, named), _on(limit_s, named)
    runs = np.isfinite(drawn_s) & np.isfinite(limit_s) & _good_enough(jobs, named)
    rows = QpuRows(jobs, np.flatnonzero(runs), drawn_s, limit_s, service.partition)
    machine = dict(partitions)
    if bool((named >= 0).any()):
        rows.feature = Categories(named, tuple(service.qpus))
        machine[service.partition] = dataclasses.replace(partitions[service.partition], groups=node_groups(service))
    combined, named_jobs, row = merged(table, _homes(table, service, partitions), rows)
    return GresJobs(combined, machine, named_jobs, row)


def qpu_schedule(gres: GresJobs, schedule: Schedule, service: QpuService) -> QpuSchedule:
    """Return what became of the QPU jobs, read from the schedule of the batch system.

    A job that was killed at its walltime has FAILED. A job that waited for another one's result was submitted when
    that result and its think time were there.
    """
    sent = gres.row >= 0
    row = np.where(sent, gres.row, 0)
    start_s, end_s, state = (_taken(column, row) for column in (schedule.start_s, schedule.end_s, schedule.state))
    started_s, ended_s = np.where(sent, start_s, np.nan), np.where(sent, end_s, np.nan)
    submitted_s = _submitted_s(gres.jobs, ended_s)
    used_s = np.where(np.isfinite(ended_s), ended_s - started_s, 0.0)
    placed = np.flatnonzero(np.isfinite(started_s))
    qpu = np.full(gres.jobs.n, -1, np.int32)
    qpu[placed] = schedule.lo[schedule.offset[row[placed]]] - _first_node(gres.partitions, service.partition)
    return QpuSchedule(
        submitted_s=submitted_s,
        queued_s=submitted_s.copy(),
        started_s=started_s,
        ended_s=ended_s,
        used_s=used_s,
        billed_s=used_s.copy(),
        qpu=qpu,
        state=np.where(sent, _STATES[state], QpuJobState.REJECTED).astype(np.int8),
        qpu_names=tuple(service.qpus),
        end_s=float(np.max(schedule.end_s, initial=0.0, where=np.isfinite(schedule.end_s))),
    )


def batch_partitions(service: QpuService, partitions: Mapping[str, Partition]) -> dict[str, Partition]:
    """Return the partitions that batch jobs see: all but the one that owns the QPUs."""
    owned = service.partition if service.access == "gres" else None
    return {name: partition for name, partition in partitions.items() if name != owned}


def _on(values: FloatArray, named: IntArray) -> FloatArray:
    """Return each job's value on the QPU that it names, else on the first."""
    return values if values.ndim == 1 else values[np.arange(len(values)), np.maximum(named, 0)]


def _good_enough(jobs: QpuJobTable, named: IntArray) -> np.ndarray:
    """Return which jobs expect at least the fidelity that they ask for, if they ask for one."""
    if jobs.min_fidelity is None:
        return np.ones(jobs.n, np.bool_)
    expected = np.full(jobs.n, np.nan) if jobs.fidelity is None else _on(jobs.fidelity, named)
    return np.asarray(np.isnan(jobs.min_fidelity) | (expected >= jobs.min_fidelity))


def _homes(table: JobTable, service: QpuService, partitions: Mapping[str, Partition]) -> Categories:
    """Return the partition of each batch job by name; one that fits nowhere keeps a name under which it does not fit.

    Raises:
        FacilityError: if there is no partition for batch jobs.
        WorkloadError: if a batch job asks for the QPUs' partition.
    """
    others = batch_partitions(service, partitions)
    if table.n and not others:
        raise FacilityError(
            f"batch jobs, but no partition besides {service.partition!r}, which has the QPUs",
            where="facility.partitions",
            hint="add a partition, or workload=none",
        )
    asked = table.partition if table.partition is not None else Categories(np.full(table.n, -1, np.int32), ())
    if service.partition in asked.names and bool((asked.code == asked.names.index(service.partition)).any()):
        raise WorkloadError(
            f"a batch job asks for partition {service.partition!r}, which has the QPUs",
            where="qpu.partition",
            allowed=shorten(", ".join(others), 300),
        )
    home = route(table, others)
    names = (*others, *asked.names)
    lost = np.where(asked.code >= 0, asked.code + len(others), 0) if len(others) > 1 else np.zeros(table.n)
    return Categories(np.where(home >= 0, home, lost).astype(np.int32), names)


def _taken(column: np.ndarray, row: IntArray) -> np.ndarray:
    """Return rows of a column; an empty column gives zeros, which nobody reads."""
    return column[row] if len(column) else np.zeros(len(row), column.dtype)


def _submitted_s(jobs: QpuJobTable, ended_s: FloatArray) -> FloatArray:
    """Return when each job was submitted: at its time, or when the result that it waits for was there."""
    submitted_s = jobs.submit_s.copy()
    if jobs.depends_on is None:
        return submitted_s
    think_s = np.zeros(jobs.n) if jobs.think_s is None else jobs.think_s
    due_s = ended_s[jobs.depends_on] + think_s
    waits = (jobs.depends_on >= 0) & np.isfinite(due_s)
    submitted_s[waits] = np.maximum(submitted_s, due_s)[waits]
    return submitted_s


def _first_node(partitions: Mapping[str, Partition], name: str) -> int:
    """Return the id of a partition's first node."""
    names = list(partitions)
    return sum(partitions[other].nodes for other in names[: names.index(name)])
