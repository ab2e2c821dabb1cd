"""The whole resource layer on one clock: batch partitions, jobs that others steer, and the QPU service."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from qhpcsim.core.errors import FacilityError, nearest
from qhpcsim.core.qpu_records import QpuJobTable
from qhpcsim.core.records import Categories, IntArray, JobState, JobTable, Schedule
from qhpcsim.core.rng import Rng
from qhpcsim.facility.changed_sizes import grown
from qhpcsim.facility.changes import BEFORE_PASS, arrange
from qhpcsim.facility.clock import Clock
from qhpcsim.facility.machine import Machine
from qhpcsim.facility.open_jobs import OpenJobs
from qhpcsim.facility.outcome import NODE_FAIL, schedule_of, with_reasons
from qhpcsim.facility.qpu_service import QpuSystem
from qhpcsim.facility.qpu_validate import check_service
from qhpcsim.facility.replay import batch_systems, demand, drain, logs_of
from qhpcsim.qpu_scenario import QpuService
from qhpcsim.scenario import Change, Partition, Policy, Scheduler
from qhpcsim.workloads.clean import take


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """What an open job will ask the batch system for, whenever it is submitted."""

    name: str
    nodes: int
    walltime_s: float
    partition: str
    user: str = ""


class Centre:
    """Partitions, open jobs and QPUs that share one clock.

    Args:
        table: Rigid jobs.
        requests: Open jobs, in the order in which ``row(k)`` counts them.
        partitions: The machine.
        policy: Rules of every partition's queue.
        service: QPUs; None: none.
        rng: Named random streams of the QPU service and of the nodes' failures.
        scheduler: Cycles of a Slurm-like scheduler.
        overrun: ``kill`` or ``extend``, for the rigid jobs.
        changes: Of the machine or its rules, on the way.

    Raises:
        FacilityError: if an open job can never fit its partition.
    """

    def __init__(
        self,
        table: JobTable,
        requests: Sequence[OpenRequest],
        partitions: dict[str, Partition],
        policy: Policy,
        service: QpuService | None = None,
        rng: Rng | None = None,
        scheduler: Scheduler | None = None,
        overrun: str = "kill",
        changes: Sequence[Change] = (),
    ) -> None:
        _check(requests, partitions)
        self.partitions = partitions
        """Nodes that join on the way are among them from then on."""
        self.table = with_requests(table, requests, partitions)
        self.clock = Clock(initial_time=float(min(0.0, table.submit_s[0])) if table.n else 0.0)
        rows = range(table.n, self.table.n)
        self._first = table.n
        self._wants = demand(self.table, partitions, policy, overrun, changes)
        self._wants.hold_s[table.n :] = self.table.walltime_s[table.n :]
        cycles = scheduler or Scheduler()
        self.systems = batch_systems(self.clock, self.table, self._wants, partitions, policy, cycles, rows, rng)
        self.open = OpenJobs(self.clock, self.systems, self._wants.home, rows, self.table.submit_s)
        machine = Machine(self.clock, self.table, self._wants, partitions, self.systems, policy, cycles)
        self._arrange(machine, changes)
        self.qpu: QpuSystem | None = None
        if service is not None and service.qpus:
            check_service(service)
            none = QpuJobTable(submit_s=np.empty(0), drawn_s=np.empty(0))
            self.qpu = QpuSystem(self.clock, none, service, rng or Rng(0))

    def row(self, k: int) -> int:
        """Return the row of the k-th open request."""
        return self._first + k

    def _arrange(self, machine: Machine, changes: Sequence[Change]) -> None:
        """Put changes on the clock; whoever asks for ``partitions`` does not see nodes that have not joined yet."""
        arrange(machine, changes)
        for k, change in enumerate(changes, start=1):
            at_s = max(change.at_s - self.table.zero_s, self.clock.now)
            self.clock.call_at(at_s, partial(self._grow, grown(self.partitions, changes[:k])), BEFORE_PASS)

    def _grow(self, partitions: dict[str, Partition], _event: object) -> None:
        self.partitions = partitions

    def ask_for(self, row: int, walltime_s: float) -> None:
        """Let an open job that has not been submitted ask for another walltime."""
        wants, system = self._wants, self.systems[int(self._wants.home[row])]
        self.table.walltime_s[row] = wants.hold_s[row] = wants.est_s[row] = walltime_s
        system.hold_s[row] = system.state.est_s[row] = walltime_s

    def run(self, done_frac: Callable[[], float], progress: Callable[[float], None] | None = None) -> None:
        """Run until nothing is left to happen."""
        drain(self.clock, done_frac, progress)

    def outcome(self) -> tuple[JobTable, Schedule]:
        """Return all jobs that were ever submitted, in order of submission, and what became of them."""
        logs, start_s = logs_of(self.systems, self.table.n)
        end_s, submitted = self.open.times(start_s)
        first = self._first
        hold_s = self._wants.hold_s
        done = np.isfinite(end_s)
        hold_s[done] = end_s[done] - start_s[done]
        self.table.runtime_s[first:] = hold_s[first:]
        home = self._wants.home.copy()
        self._wants.home[first:][np.isnan(start_s[first:])] = -1
        schedule = schedule_of(self.table, self._wants, self.partitions, logs, start_s, "general")
        schedule.end_s[done] = end_s[done]
        schedule.state[sorted(self.open.killed)] = JobState.COMPLETED_WALLTIME_REACHED
        schedule.state[sorted(self.open.lost)] = JobState.COMPLETED_KILLED
        schedule.reason = with_reasons(schedule.reason, self.table.n, dict.fromkeys(sorted(self.open.lost), NODE_FAIL))
        waiting = np.isin(np.arange(self.table.n), submitted) & np.isnan(start_s)
        schedule.state[waiting] = JobState.QUEUED
        schedule.partition[waiting] = home[waiting]
        return _reordered(self.table, schedule, np.concatenate([np.arange(first), submitted]))


def with_requests(table: JobTable, requests: Sequence[OpenRequest], partitions: dict[str, Partition]) -> JobTable:
    """Return a table with one more row a request; those rows are submitted at infinity."""
    n = len(requests)
    if not n:
        return table
    far = np.full(n, np.inf)
    columns: dict[str, object] = {
        "job_id": np.array([*map(str, table.job_id.tolist()), *(r.name for r in requests)], dtype=object),
        "submit_s": np.concatenate([table.submit_s, far]),
        "runtime_s": np.concatenate([table.runtime_s, far]),
        "walltime_s": np.concatenate([table.walltime_s, [r.walltime_s for r in requests]]),
        "nodes": np.concatenate([table.nodes, [r.nodes for r in requests]]).astype(np.int32),
        "user": _more_words(table.user, table.n, [r.user for r in requests]),
        "partition": _more_words(table.partition, table.n, [r.partition for r in requests])
        if len(partitions) > 1
        else _padded(table.partition, n),
    }
    for name in ("group", "account", "qos", "feature", "gpu_type"):
        columns[name] = _padded(getattr(table, name), n)
    if table.waits is not None:
        columns["waits"] = table.waits._replace(offset=np.append(table.waits.offset, [table.waits.offset[-1]] * n))
    if table.array is not None:
        columns["array"] = table.array._replace(code=np.append(table.array.code, np.full(n, -1, np.int32)))
    for name, filler in (
        ("gpus_per_node", 0),
        ("cores_per_node", 0),
        ("memory_per_node_bytes", 0.0),
        ("depends_on", -1),
        ("think_s", 0.0),
        ("status", -1),
        ("fails", False),
    ):
        column = getattr(table, name)
        if column is not None:
            columns[name] = np.concatenate([column, np.full(n, filler, column.dtype)])
    return replace(table, **columns)  # type: ignore[arg-type]


def _more_words(column: Categories | None, n: int, words: Sequence[str]) -> Categories:
    """Return a column of n rows with more words behind it; the empty word is "not given"."""
    code, names = (np.full(n, -1, np.int32), ()) if column is None else column
    known = {name: k for k, name in enumerate(names)}
    more = [known.setdefault(word, len(known)) if word else -1 for word in words]
    return Categories(np.concatenate([code, more]).astype(np.int32), tuple(known))


def _padded(column: Categories | None, n: int) -> Categories | None:
    if column is None:
        return None
    return Categories(np.concatenate([column.code, np.full(n, -1, np.int32)]).astype(np.int32), column.names)


def _check(requests: Sequence[OpenRequest], partitions: dict[str, Partition]) -> None:
    for request in requests:
        partition = partitions.get(request.partition)
        if partition is None:
            raise FacilityError(
                f"{request.name} asks for partition {request.partition!r}, which is not there",
                where="facility.partitions",
                allowed=", ".join(partitions),
                suggestion=nearest(request.partition, partitions),
            )
        if not 1 <= request.nodes <= partition.nodes:
            raise FacilityError(
                f"{request.name} asks for {request.nodes} nodes",
                where=f"facility.partitions.{request.partition}",
                allowed=f"1 … {partition.nodes}",
            )


def _reordered(table: JobTable, schedule: Schedule, rows: IntArray) -> tuple[JobTable, Schedule]:
    """Return some rows of a table and its schedule in order of submission."""
    rows = rows[np.argsort(table.submit_s[rows], kind="stable")]
    place = np.full(table.n, -1, np.int32)
    place[rows] = np.arange(len(rows), dtype=np.int32)
    order = schedule.order
    counts = np.diff(schedule.offset)[rows]
    offset = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    at = np.repeat(schedule.offset[rows], counts) + np.arange(offset[-1]) - np.repeat(offset[:-1], counts)
    return take(table, rows.astype(np.int64)), replace(
        schedule,
        start_s=schedule.start_s[rows],
        end_s=schedule.end_s[rows],
        state=schedule.state[rows],
        partition=schedule.partition[rows],
        order=np.where(order >= 0, place[order], ~place[~order]).astype(np.int32),
        offset=offset,
        lo=schedule.lo[at],
        hi=schedule.hi[at],
        lost=None if schedule.lost is None else schedule.lost._replace(job=place[schedule.lost.job]),
        reason=None if schedule.reason is None else schedule.reason._replace(code=schedule.reason.code[rows]),
    )
