"""Pilots: batch jobs that become nodes of a task pool when they start, and take them away when they end."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from qhpcsim.facility.centre import Centre, OpenRequest
from qhpcsim.facility.open_jobs import NORMAL
from qhpcsim.middleware.pilot_size import PilotSize
from qhpcsim.middleware.pool import TaskPool
from qhpcsim.policies.binding.binding import PilotView

LIVE = ("QUEUED", "STARTING", "RUNNING")
"""States of a pilot that runs or may yet run without being submitted."""


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
    reserve: bool = False
    """Submitted only if a scaling policy asks for it."""
    expected_wait_s: float = 0.0
    """Wait in the batch queue that its user expects; only binding policies see it."""
    step: int = 0
    """Nodes by which it grows or shrinks at a time."""
    n_spares: int = 0
    """Changes of its size that it may make; 0: none."""
    min_nodes: int = 1
    """Nodes that it never goes below."""

    def request(self) -> OpenRequest:
        """Return what it asks the batch system for."""
        return OpenRequest(self.name, self.nodes, self.walltime_s, self.partition, self.user)

    def spare_requests(self) -> list[OpenRequest]:
        """Return the batch jobs that changes of its size may need, whatever they will be."""
        return [
            OpenRequest(f"{self.name}.{k + 1}", self.step, self.walltime_s, self.partition, self.user)
            for k in range(self.n_spares)
        ]


def next_poll_s(origin_s: float, poll_s: float, time_s: float) -> float:
    """Return the first of the times ``origin_s`` + k · ``poll_s`` that is not before ``time_s``; no poll: at once."""
    if poll_s <= 0:
        return time_s
    return max(time_s, origin_s + math.ceil((time_s - origin_s) / poll_s - 1e-9) * poll_s)


@dataclass(frozen=True, slots=True)
class PilotCosts:
    """Time between a batch job's start and a pool that takes tasks."""

    start_s: float = 0.0
    """Starting the scheduler and the first node's workers."""
    start_per_doubling_s: float = 0.0
    """More for every doubling of the nodes."""
    poll_s: float = 0.0
    """The pilot manager asks for the job's state this often, from submission on, for applications that wait for it."""
    cancel_s: float = 0.0
    """Time that giving a pilot back takes."""

    def start_up_s(self, nodes: int) -> float:
        """Return the time from the batch job's start to the first task."""
        return self.start_s + self.start_per_doubling_s * math.log2(nodes)


@dataclass(slots=True)
class PilotRun:
    """What became of a pilot; NaN where a thing never happened."""

    plan: PilotPlan
    submitted_s: float = math.nan
    started_s: float = math.nan
    ready_s: float = math.nan
    """It began to take tasks."""
    ended_s: float = math.nan
    state: str = "NEW"
    """NEW, QUEUED, STARTING, RUNNING, DONE (given back), WALLTIME or CANCELLED (before it started)."""
    sizes: list[tuple[float, int]] = field(default_factory=list)
    """(time, nodes from then on) of every change after it began to take tasks."""


@dataclass(slots=True)
class _Place:
    """Where a pilot stands: its batch row, its index in the pool, and who waits for it."""

    row: int
    pool: int
    run: PilotRun = field(repr=False)
    size: PilotSize = field(repr=False)
    waiting: list[Callable[[], None]] = field(default_factory=list)


class Pilots:
    """The pilots of one application.

    Model: NEW → QUEUED (submitted) → STARTING (has its nodes) → RUNNING (takes tasks, ``PilotCosts`` later) → DONE or
        WALLTIME. Tasks that run when a pilot ends are lost. An application that waits for a pilot goes on when the
        manager has seen that its batch job runs, be its workers there or not.
    Assumes: all nodes of a pilot become ready together.
    Not modelled: nodes that fail to start.
    Source: Pilot-Quantum, arXiv:2412.18519; https://github.com/radical-cybertools/pilot-quantum

    Args:
        centre: The facility; its open requests ``first`` … are these pilots'.
        pool: Pool that they feed.
        plans: The pilots.
        costs: Start-up.
        first: Number of the first of ``requests_of(plans)`` among the centre's requests.
    """

    def __init__(
        self, centre: Centre, pool: TaskPool, plans: Sequence[PilotPlan], costs: PilotCosts, first: int = 0
    ) -> None:
        self.centre, self.pool, self.costs = centre, pool, costs
        self._places: list[_Place] = []
        spare = first + len(plans)
        for k, plan in enumerate(plans):
            row, index, run = centre.row(first + k), pool.announce(_view(plan, costs)), PilotRun(plan)
            spares = [centre.row(k) for k in range(spare, spare + plan.n_spares)]
            spare += plan.n_spares
            self._places.append(_Place(row, index, run, PilotSize(self, row, index, run, spares)))
        self._by_row = {place.row: place for place in self._places}

    @property
    def runs(self) -> list[PilotRun]:
        """What became of each pilot."""
        return [place.run for place in self._places]

    def in_pool(self, pilot: int) -> int:
        """Return a pilot's index in the pool."""
        return self._places[pilot].pool

    def size(self, pilot: int) -> PilotSize:
        """Return what grows and shrinks a pilot."""
        return self._places[pilot].size

    def submit_all(self) -> None:
        """Submit every pilot at its time, but for the reserve."""
        for k, place in enumerate(self._places):
            if not place.run.plan.reserve:
                time_s = max(place.run.plan.submit_s, self.centre.clock.now)
                self.centre.clock.call_at(time_s, partial(self._submit_now, k), NORMAL)

    def submit(self, pilot: int) -> None:
        """Put a pilot into the batch queue now; nothing happens if it has been submitted or given up before."""
        place = self._places[pilot]
        if place.run.state != "NEW":
            return
        place.run.submitted_s, place.run.state = self.centre.clock.now, "QUEUED"
        self.pool.expect(place.pool)
        self.centre.open.submit(place.row, self._started, self._ended)

    def _submit_now(self, pilot: int, _event: object) -> None:
        self.submit(pilot)

    def wait(self, pilot: int, on_seen: Callable[[], None]) -> None:
        """Call back when the manager sees that a pilot runs, or that it has been given up before."""
        place = self._places[pilot]
        if place.run.state in ("NEW", "QUEUED"):
            place.waiting.append(on_seen)
        else:
            self._tell(place, on_seen)

    def _tell(self, place: _Place, on_seen: Callable[[], None]) -> None:
        now_s = self.centre.clock.now
        origin_s = place.run.submitted_s if place.run.submitted_s <= now_s else now_s
        seen_s = next_poll_s(origin_s, self.costs.poll_s, now_s)
        self.centre.clock.call_at(seen_s, lambda _event: on_seen(), NORMAL)

    def _tell_all(self, place: _Place) -> None:
        waiting, place.waiting = place.waiting, []
        for on_seen in waiting:
            self._tell(place, on_seen)

    def end(self, pilot: int) -> None:
        """Give a pilot back, or take it out of the queue, or never submit it; tasks on it are lost."""
        place = self._places[pilot]
        now_s = self.centre.clock.now
        if place.run.state in ("NEW", "QUEUED"):
            if place.run.state == "QUEUED":
                self.centre.open.cancel(place.row)
            place.run.state, place.run.ended_s = "CANCELLED", now_s
            self._tell_all(place)
        elif place.run.state in LIVE:
            self.centre.clock.call_at(now_s + self.costs.cancel_s, lambda _event: self._give_back(place), NORMAL)
            place.size.withdraw()
        self.pool.close_pilot(place.pool)

    def end_all(self) -> None:
        """Give back every pilot."""
        for k in range(len(self._places)):
            self.end(k)

    def _give_back(self, place: _Place) -> None:
        if self.centre.open.is_running(place.row):
            self.centre.open.release(place.row)
        place.size.close()

    def _started(self, row: int, now_s: float) -> None:
        place = self._by_row[row]
        run = place.run
        run.started_s, run.state = now_s, "STARTING"
        ready_s = now_s + self.costs.start_up_s(run.plan.nodes)
        self.centre.clock.call_at(ready_s, lambda _event: self._ready(place), NORMAL)
        self._tell_all(place)

    def _ready(self, place: _Place) -> None:
        if place.run.state == "STARTING" and not self.pool.pilots[place.pool].view.ended:
            place.run.ready_s, place.run.state = self.centre.clock.now, "RUNNING"
            self.pool.open_pilot(place.pool)

    def _ended(self, row: int, now_s: float, killed: bool) -> None:
        place = self._by_row[row]
        place.run.ended_s, place.run.state = now_s, "WALLTIME" if killed else "DONE"
        self.pool.close_pilot(place.pool)
        place.size.close()


def requests_of(plans: Sequence[PilotPlan]) -> list[OpenRequest]:
    """Return what pilots ask the batch system for: each its own job, then the jobs that changes of size may need."""
    return [plan.request() for plan in plans] + [spare for plan in plans for spare in plan.spare_requests()]


def _view(plan: PilotPlan, costs: PilotCosts) -> PilotView:
    """Return what binding policies see of a pilot before it starts."""
    return PilotView(
        -1,
        plan.name,
        plan.submit_s + plan.expected_wait_s + costs.start_up_s(plan.nodes),
        plan.nodes,
        plan.cores_per_node,
        plan.gpus_per_node,
        plan.qpus_per_node,
        reserve=plan.reserve,
    )
