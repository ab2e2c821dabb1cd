"""Pilots that hybrid jobs share: long batch jobs on whose nodes classical phases run, first come first served."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from math import ceil, isnan, nan, ulp

from qhpcsim.core.errors import ConfigError
from qhpcsim.core.hybrid_records import HybridJob, HybridRun
from qhpcsim.facility.centre import Centre, OpenRequest
from qhpcsim.facility.open_jobs import NORMAL
from qhpcsim.policies.coupling.actions import Coupling, PilotPlan, Task


class OutOfRowsError(Exception):
    """More pilots are wanted than the table of batch jobs has rows for."""


@dataclass(slots=True, eq=False)
class PilotTask:
    """A classical phase for some nodes of one pilot."""

    nodes: int
    length_s: float
    """Launch and phase."""
    on_start: Callable[[float], None]
    """Called with the time at which it has its nodes."""
    on_end: Callable[[], None]
    """Called when it has given them back."""
    on_lost: Callable[[float], None]
    """Called with the time at which its pilot lost a node; it waits again, before all others."""
    end_s: float = nan


@dataclass(slots=True)
class _Pilot:
    """A pilot that is queued (``start_s`` is NaN) or running."""

    start_s: float = nan
    free_nodes: int = 0
    tasks: list[PilotTask] = field(default_factory=list)


@dataclass(slots=True)
class SharedPilots:
    """The pilots of one pool; see ``policies.coupling.pilot`` for what they do.

    Args:
        centre: The facility.
        plan: The pilots.
        rows: Rows of the batch table that are free for them.
    """

    centre: Centre
    plan: PilotPlan
    rows: Iterator[int]
    held: list[tuple[int, float, float]] = field(default_factory=list)
    """(nodes, start, end) of every pilot that ended."""
    _live: dict[int, _Pilot] = field(default_factory=dict)
    _waiting: deque[PilotTask] = field(default_factory=deque)
    _n_jobs: int = 0

    def enter(self) -> None:
        """Note that a hybrid job that shares the pilots is under way."""
        self._n_jobs += 1

    def leave(self) -> None:
        """Note that such a job is over; the last one gives the pilots back."""
        self._n_jobs -= 1
        if not self._n_jobs:
            for row, pilot in list(self._live.items()):
                pilot.free_nodes = 0
                if isnan(pilot.start_s):
                    del self._live[row]
                self.centre.open.cancel(row)

    def submit(self, task: PilotTask) -> None:
        """Let a phase wait for nodes, hold them for its length, and give them back."""
        self._waiting.append(task)
        self._place()

    def _place(self) -> None:
        """Start the phases that have room, in order; while one has none, see that pilots come for those that wait."""
        while self._waiting:
            row = self._room(self._waiting[0])
            if row < 0:
                self._submit_more()
                return
            self._start(self._waiting.popleft(), row)

    def _room(self, task: PilotTask) -> int:
        """Return the first pilot with room for a phase until it ends, -1 for none."""
        end_s = self.centre.clock.now + task.length_s
        for row, pilot in self._live.items():
            if pilot.free_nodes >= task.nodes and end_s <= pilot.start_s + self.plan.walltime_s + _rounding(end_s):
                return row
        return -1

    def _start(self, task: PilotTask, row: int) -> None:
        now_s, pilot = self.centre.clock.now, self._live[row]
        pilot.free_nodes -= task.nodes
        pilot.tasks.append(task)
        task.end_s = now_s + task.length_s
        task.on_start(now_s)
        self.centre.clock.call_at(task.end_s, lambda _event: self._end(task, pilot), NORMAL)

    def _end(self, task: PilotTask, pilot: _Pilot) -> None:
        """End a phase, unless it was lost before."""
        if task in pilot.tasks:
            pilot.tasks.remove(task)
            pilot.free_nodes += task.nodes
            self._place()
            task.on_end()

    def _submit_more(self) -> None:
        """Submit pilots until those that are queued have as many nodes as the phases that wait, as far as allowed."""
        wanted = sum(task.nodes for task in self._waiting)
        n_queued = sum(isnan(pilot.start_s) for pilot in self._live.values())
        missing = ceil(wanted / self.plan.nodes) - n_queued
        for _ in range(min(missing, self.plan.count - len(self._live))):
            row = next(self.rows, -1)
            if row < 0:
                raise OutOfRowsError(self.plan.pool)
            self._live[row] = _Pilot()
            self.centre.open.submit(row, self._started, self._ended)

    def _started(self, row: int, now_s: float) -> None:
        """Take a pilot's nodes, behind those of pilots that started before; one given up at this instant has none."""
        if self._live.pop(row, None) is None:
            return
        self._live[row] = _Pilot(now_s, self.plan.nodes)
        self._place()

    def _ended(self, row: int, now_s: float, _killed: bool) -> None:
        pilot = self._live.pop(row, None)
        if pilot is not None:
            self.held.append((self.plan.nodes, pilot.start_s, now_s))
            self._lose(pilot, now_s)
        self._place()

    def _lose(self, pilot: _Pilot, now_s: float) -> None:
        """Let the phases on a pilot that lost a node wait again; those that end as it ends are not lost."""
        lost = [task for task in pilot.tasks if task.end_s > now_s + _rounding(now_s)]
        for task in lost:
            pilot.tasks.remove(task)
            task.on_lost(now_s)
        self._waiting.extendleft(reversed(lost))


def _rounding(time_s: float) -> float:
    """Return by how much two sums of the same times may differ."""
    return 4 * ulp(time_s)


def pilot_plans(jobs: Sequence[HybridJob], coupling: Coupling, home: str) -> list[PilotPlan | None]:
    """Return the pilots of each job, those of one pool equal: their size, and a pool for each partition.

    Args:
        jobs: Hybrid jobs.
        coupling: Says which of them share pilots.
        home: Partition of those that name none.

    Raises:
        ConfigError: for a job that its pilots could never run.
    """
    plans = [_placed(coupling.pilots(job), job.partition or home, home) for job in jobs]
    largest: dict[PilotPlan, int] = {}
    for job, plan in zip(jobs, plans, strict=True):
        if plan is not None:
            largest[plan] = max(largest.get(plan, 0), job.nodes)
    sized = [None if plan is None else replace(plan, nodes=plan.nodes or largest[plan]) for plan in plans]
    for job, plan in zip(jobs, sized, strict=True):
        if plan is not None:
            _check(job, plan, coupling)
    return sized


def _placed(plan: PilotPlan | None, partition: str, home: str) -> PilotPlan | None:
    """Return pilots of one partition; the pool has that in its name where it is not the first."""
    if plan is None:
        return None
    return replace(plan, partition=partition, pool=plan.pool if partition == home else f"{plan.pool}-{partition}")


def _check(job: HybridJob, plan: PilotPlan, coupling: Coupling) -> None:
    if job.nodes > plan.nodes:
        raise ConfigError(
            f"hybrid job {job.name} needs {job.nodes} nodes at a time",
            where="coupling.pilot_nodes",
            allowed=f"at least {job.nodes}",
        )
    tasks = [step for step in coupling.steps(job) if isinstance(step, Task)]
    longest_s = max((task.launch_s + job.phase_s(task.k) for task in tasks), default=0.0)
    if longest_s > plan.walltime_s:
        raise ConfigError(
            f"a phase of hybrid job {job.name} takes {longest_s:g} s, and pilots last {plan.walltime_s:g} s",
            where="coupling.walltime_s",
            allowed=f"at least {longest_s:g} s",
        )


def first_rows(jobs: Sequence[HybridJob], plans: Sequence[PilotPlan | None]) -> dict[PilotPlan, int]:
    """Return how many pilots each pool is likely to need at most: as if its jobs ran one after the other."""
    total_s: dict[PilotPlan, float] = {}
    for job, plan in zip(jobs, plans, strict=True):
        if plan is not None:
            alone_s = float(job.cpu_s.sum() + job.least_qpu_s.sum()) + job.last_s
            total_s[plan] = total_s.get(plan, 0.0) + alone_s
    return {plan: plan.count * (1 + ceil(alone_s / plan.walltime_s)) for plan, alone_s in total_s.items()}


def pilot_requests(plan: PilotPlan, n: int) -> list[OpenRequest]:
    """Return what the first n pilots of a pool ask the batch system for."""
    return [OpenRequest(f"{plan.pool}.{k}", plan.nodes, plan.walltime_s, plan.partition) for k in range(n)]


def share_out(pool: SharedPilots, members: Sequence[tuple[HybridJob, HybridRun]]) -> None:
    """Charge the pilots' node time to the jobs that shared them, in proportion to what their phases used of it."""
    held = sum(nodes * (end_s - start_s) for nodes, start_s, end_s in pool.held)
    used = [
        job.nodes * sum(end_s - start_s for kind, start_s, end_s in run.phases if kind in ("launch", "cpu"))
        for job, run in members
    ]
    total = sum(used)
    for (_, run), mine in zip(members, used, strict=True):
        run.shared_node_s = held * mine / total if total > 0 else held / len(members)
