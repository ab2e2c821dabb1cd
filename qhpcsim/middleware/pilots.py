"""Pilots: batch jobs that become nodes of a task pool when they start, and take them away when they end."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from qhpcsim.facility.centre import Centre, OpenRequest
from qhpcsim.facility.open_jobs import NORMAL
from qhpcsim.middleware.pool import TaskPool
from qhpcsim.policies.binding.binding import PilotView


@dataclass(frozen=True, slots=True)
class PilotPlan:
    """A pilot as its user describes it."""

    name: str
    nodes: int
    walltime_s: float
    partition: str
    cores_per_node: float
    """Slots for cores that its workers offer on each node; may exceed the physical cores."""
    gpus_per_node: float = 0.0
    qpus_per_node: float = 0.0
    submit_s: float = 0.0
    user: str = ""

    def request(self) -> OpenRequest:
        """Return what it asks the batch system for."""
        return OpenRequest(self.name, self.nodes, self.walltime_s, self.partition, self.user)


@dataclass(frozen=True)
class PilotCosts:
    """Time between a batch job's start and a pool that takes tasks."""

    start_s: float = 0.0
    """Starting the scheduler and the first node's workers."""
    start_per_doubling_s: float = 0.0
    """More for every doubling of the nodes."""
    poll_s: float = 0.0
    """The pilot manager asks the batch system for the job's state this often, from submission on; 0: it is told."""
    cancel_s: float = 0.0
    """Time that giving a pilot back takes."""

    def ready_s(self, submit_s: float, start_s: float, nodes: int) -> float:
        """Return when a pilot takes its first task."""
        seen_s = start_s
        if self.poll_s > 0:
            seen_s = submit_s + math.ceil((start_s - submit_s) / self.poll_s) * self.poll_s
        return max(start_s, seen_s) + self.start_s + self.start_per_doubling_s * math.log2(nodes)


@dataclass(slots=True)
class PilotRun:
    """What became of a pilot; NaN where a thing never happened."""

    plan: PilotPlan
    submitted_s: float = math.nan
    started_s: float = math.nan
    ready_s: float = math.nan
    ended_s: float = math.nan
    state: str = "NEW"
    """NEW, QUEUED, STARTING, RUNNING, DONE (given back), WALLTIME or CANCELLED (before it started)."""


@dataclass(slots=True)
class _Place:
    """Where a pilot stands: its batch row and its index in the pool."""

    row: int
    pool: int
    run: PilotRun = field(repr=False)


class Pilots:
    """The pilots of one application.

    Model: NEW → QUEUED (submitted) → STARTING (has its nodes) → RUNNING (takes tasks, ``PilotCosts`` later) → DONE or
        WALLTIME. Tasks that run when a pilot ends are lost.
    Assumes: all nodes of a pilot become ready together.
    Not modelled: nodes that fail to start.
    Source: Pilot-Quantum, arXiv:2412.18519.

    Args:
        centre: The facility; its open requests ``first`` … are these pilots'.
        pool: Pool that they feed.
        plans: The pilots.
        costs: Start-up.
        first: Number of the first plan among the centre's requests.
    """

    def __init__(
        self, centre: Centre, pool: TaskPool, plans: Sequence[PilotPlan], costs: PilotCosts, first: int = 0
    ) -> None:
        self.centre, self.pool, self.costs = centre, pool, costs
        self._places: list[_Place] = []
        self._by_row: dict[int, _Place] = {}
        for k, plan in enumerate(plans):
            view = PilotView(
                -1, plan.name, math.inf, plan.nodes, plan.cores_per_node, plan.gpus_per_node, plan.qpus_per_node
            )
            place = _Place(centre.row(first + k), pool.announce(view), PilotRun(plan))
            self._places.append(place)
            self._by_row[place.row] = place

    @property
    def runs(self) -> list[PilotRun]:
        """What became of each pilot."""
        return [place.run for place in self._places]

    def submit_all(self) -> None:
        """Submit every pilot at its time."""
        for k, place in enumerate(self._places):
            time_s = max(place.run.plan.submit_s, self.centre.clock.now)
            self.centre.clock.call_at(time_s, partial(self._submit_now, k), NORMAL)

    def submit(self, pilot: int) -> None:
        """Put a pilot into the batch queue now."""
        place = self._places[pilot]
        place.run.submitted_s, place.run.state = self.centre.clock.now, "QUEUED"
        self.centre.open.submit(place.row, self._started, self._ended)

    def _submit_now(self, pilot: int, _event: object) -> None:
        self.submit(pilot)

    def end(self, pilot: int) -> None:
        """Give a pilot back, or take it out of the queue; tasks on it are lost."""
        place = self._places[pilot]
        if place.run.state in ("STARTING", "RUNNING"):
            self._close(place)
            time_s = self.centre.clock.now + self.costs.cancel_s
            self.centre.clock.call_at(time_s, lambda _event: self._give_back(place), NORMAL)
        elif place.run.state == "QUEUED":
            self.centre.open.cancel(place.row)
            place.run.state, place.run.ended_s = "CANCELLED", self.centre.clock.now
            self._close(place)

    def end_all(self) -> None:
        """Give back every pilot."""
        for k in range(len(self._places)):
            self.end(k)

    def _give_back(self, place: _Place) -> None:
        if self.centre.open.is_running(place.row):
            self.centre.open.release(place.row)

    def _close(self, place: _Place) -> None:
        view = self.pool.pilots[place.pool].view
        if not view.ended:
            self.pool.close_pilot(place.pool)

    def _started(self, row: int, now_s: float) -> None:
        place = self._by_row[row]
        run = place.run
        run.started_s, run.state = now_s, "STARTING"
        ready_s = self.costs.ready_s(run.submitted_s, now_s, run.plan.nodes)
        self.centre.clock.call_at(ready_s, lambda _event: self._ready(place), NORMAL)

    def _ready(self, place: _Place) -> None:
        if place.run.state == "STARTING" and not self.pool.pilots[place.pool].view.ended:
            place.run.ready_s, place.run.state = self.centre.clock.now, "RUNNING"
            self.pool.open_pilot(place.pool)

    def _ended(self, row: int, now_s: float, killed: bool) -> None:
        place = self._by_row[row]
        place.run.ended_s, place.run.state = now_s, "WALLTIME" if killed else "DONE"
        self._close(place)
