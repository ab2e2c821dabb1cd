"""The service in front of QPUs, on the facility's clock: who arrives, where to, and what happens at one instant."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from heapq import heapify, heappop, heappush

import numpy as np
import simpy

from qhpcsim.core.qpu_records import QpuInterval, QpuJobState, QpuJobTable, QpuMode
from qhpcsim.core.registry import lookup
from qhpcsim.core.rng import Rng
from qhpcsim.facility.clock import Clock
from qhpcsim.facility.qpu_closures import INF
from qhpcsim.facility.qpu_hall import Hall
from qhpcsim.facility.qpu_jobs import QpuJob, QpuJobs, jobs_of
from qhpcsim.facility.qpu_load import BackgroundLoad, has_background
from qhpcsim.facility.qpu_router import Fidelity, QpuRouter
from qhpcsim.facility.qpu_server import END, GATHER, LOOK, SESSION_MAX, SESSION_TTL, WAKE, QpuServer
from qhpcsim.facility.qpu_session_desk import SessionDesk
from qhpcsim.policies.qpu.choice import BatchChoice
from qhpcsim.qpu_scenario import QpuService

_REJECTED = int(QpuJobState.REJECTED)
_FAILED = int(QpuJobState.FAILED)
_JOB = int(QpuMode.JOB)
_DEDICATED = int(QpuMode.DEDICATED)
_REPORT = 2_000
"""Instants between two reports of progress."""


class QpuSystem:
    """Several QPUs behind one front door.

    One instant: work that ends frees its QPU, then timers ring, other users look and send, and batches leave the front
    door; then jobs come in order of submission, then every QPU that something happened to takes its next job;
    repeated while jobs of length zero end. Between two instants of the rest of the facility the service runs ahead on
    its own calendar, so its jobs cost no events on the clock.

    Args:
        clock: The facility's clock.
        table: Jobs known beforehand.
        service: Parameters.
        rng: Named random streams.
        fidelity: Expected fidelity of the table's jobs, (job, QPU, time); None: what the table says.
        until_s: Background load goes on until then, and while a job of the workload or a session is open.
    """

    def __init__(
        self,
        clock: Clock,
        table: QpuJobTable,
        service: QpuService,
        rng: Rng,
        fidelity: Fidelity | None = None,
        until_s: float = 0.0,
    ) -> None:
        self.clock, self.service, self.until_s = clock, service, until_s
        self.now_s = clock.now
        """The last instant at which something happened here."""
        self.jobs: QpuJobs = jobs_of(table, len(service.qpus))
        self.events: list[tuple[float, int, int, int]] = []
        """Own calendar: (time, kind, QPU or session or batch, token)."""
        self.calibrations: list[QpuInterval] = []
        self.sessions = SessionDesk(self)
        params = service.discipline
        discipline = lookup("discipline", params.name, "discipline.name").target
        queues = discipline.fleet(self.jobs, len(service.qpus), params)
        self.servers = [
            QpuServer(self, k, name, device, queues[k], rng) for k, (name, device) in enumerate(service.qpus.items())
        ]
        self.router = QpuRouter(self.servers, self.jobs, service, self.user_name, rng, fidelity)
        choice = self.router.choice
        self.hall = Hall(self, self.router, choice) if isinstance(choice, BatchChoice) else None
        self.load = BackgroundLoad(self, rng) if has_background(service) else None
        """Jobs of other users; None: there are none."""
        self._n_tickets = 0
        self._armed_s = INF
        self._late: list[tuple[float, int]] = []
        self._after: dict[int, list[int]] = {}
        self._think_s: list[float] = []
        self._arrivals = self._plan_arrivals(table)
        self._next_arrival = 0
        self._arrival_s = self._arrives_s(0)
        self._others_s = clock.now
        self.progress: Callable[[float], None] | None = None
        """Called now and then with the share of the table's jobs that have come."""
        self._n_instants = 0
        self._simple = self._is_simple(table)
        for server in self.servers:
            for reservation in service.qpus[server.name].reservations:
                for time_s in (reservation.start_s, reservation.end_s):
                    heappush(self.events, (max(time_s, clock.now), WAKE, server.index, 0))
        self._arm()

    def submit(self, job: QpuJob, on_end: Callable[[int, float], None] | None = None) -> int:
        """Send a job to the service now and return its index.

        Args:
            job: The job.
            on_end: Called with (job, time) when its result is back, or when it failed or was rejected.
        """
        now_s = self.clock.now
        index = self.jobs.append(job, now_s)
        if self.load is not None:
            self.load.n_open += 1
        if on_end is not None:
            self.jobs.watchers[index] = on_end
        self._simple = False
        heappush(self._late, (now_s + self.service.latency_s, index))
        self._arm()
        return index

    def foretell(self, fidelity: Fidelity) -> None:
        """Let a function say what fidelity is expected of each job, instead of the job itself."""
        self.router.foretold = fidelity

    def send(self, job: QpuJob, now_s: float) -> None:
        """Let a job of another user join at once."""
        self._join(self.jobs.append(job, now_s), now_s)

    def user_name(self, job: int) -> str:
        """Return the name of the job's user."""
        code = self.jobs.user[job]
        return self.jobs.user_names[code] if code >= 0 else ""

    def home(self, job: int) -> int:
        """Return the QPU of a job's session, -1 if it has none."""
        return self.sessions.home(self.jobs.session[job])

    def next_ticket(self) -> int:
        """Return the next place in the order of joining queues."""
        self._n_tickets += 1
        return self._n_tickets

    def fail(self, job: int, now_s: float, state: int = _FAILED) -> None:
        """End a job that never got a QPU."""
        self.jobs.state[job] = state
        self._ended(job, now_s)

    def _plan_arrivals(self, table: QpuJobTable) -> list[int]:
        """Return the jobs whose submission time is known; note the others by the job that they wait for."""
        if table.depends_on is None:
            return list(range(table.n))
        before = table.depends_on
        self._think_s = [0.0] * table.n if table.think_s is None else table.think_s.tolist()
        for job in np.flatnonzero(before >= 0).tolist():
            self._after.setdefault(int(before[job]), []).append(job)
        return np.flatnonzero(before < 0).tolist()

    def _is_simple(self, table: QpuJobTable) -> bool:
        """Return whether all jobs are single ones for one QPU that is always open and takes them all."""
        alone = len(self.servers) == 1 and self.servers[0].plain and self.service.queue_limit is None
        single = table.mode is None or bool((table.mode == _JOB).all())
        runs = all(bool(np.isfinite(x).all()) for x in (table.drawn_s, table.predicted_s) if x is not None)
        return alone and single and runs and table.session is None and table.min_fidelity is None

    def catch_up(self) -> None:
        """Let the background load go on until now, if it stopped because nobody waited for anything."""
        if self.load is not None:
            self.until_s = max(self.until_s, self.clock.now)
            self._run_ahead(self.clock.now)

    def join_at(self, since_s: Mapping[int, float]) -> None:
        """Let some QPUs take jobs, and their other users look at them, only from some time on; before anything ran."""
        self.router.since_s = dict(since_s)
        self.events[:] = [
            (since_s.get(which, time_s), kind, which, token) if kind == LOOK else (time_s, kind, which, token)
            for time_s, kind, which, token in self.events
        ]
        heapify(self.events)

    def look_again(self, qpu: int) -> None:
        """Let a QPU take its next job at this instant, if it is free."""
        heappush(self.events, (self.clock.now, WAKE, qpu, 0))
        self._arm()

    def next_s(self) -> float:
        """Return the time of the next instant at which something happens here; inf if nothing will."""
        time_s = self._arrival_s
        if self.events and self.events[0][0] < time_s:
            time_s = self.events[0][0]
        if self._late and self._late[0][0] < time_s:
            time_s = self._late[0][0]
        return INF if self.load is not None and self.load.over(time_s) else time_s

    def _arm(self) -> None:
        time_s = self.next_s()
        if time_s < self._armed_s:
            self._armed_s = time_s
            self.clock.call_at(max(time_s, self.clock.now), self._wake)

    def _wake(self, _event: simpy.Event) -> None:
        now_s = self.clock.now
        if now_s < self._armed_s:
            return
        self._armed_s = INF
        self._run_ahead(now_s)
        self._arm()

    def _run_ahead(self, now_s: float) -> None:
        """Handle all instants before anything else on the clock; with watchers, those of now."""
        events, late, watchers, load = self.events, self._late, self.jobs.watchers, self.load
        self._others_s = self.clock.peek()
        while True:
            time_s = events[0][0] if events else INF
            if self._arrival_s < time_s:
                time_s = self._arrival_s
            if late and late[0][0] < time_s:
                time_s = late[0][0]
            if time_s > now_s and (time_s >= self._others_s or watchers):
                return
            if load is not None and load.over(time_s):
                return
            self._instant(time_s)
            if self.progress is not None:
                self._report(self.progress)

    def _report(self, progress: Callable[[float], None]) -> None:
        self._n_instants += 1
        if self._n_instants % _REPORT == 0:
            progress(self._next_arrival / max(1, len(self._arrivals)))

    def _instant(self, now_s: float) -> None:
        events, late, servers = self.events, self._late, self.servers
        self.now_s = now_s
        again = True
        while again:
            touched: list[QpuServer] = []
            while events and events[0][0] <= now_s:
                touched.append(self._happen(heappop(events), now_s))
            while self._arrival_s <= now_s or (late and late[0][0] <= now_s):
                where = self._join(self._next_submission(), now_s)
                if where >= 0:
                    touched.append(servers[where])
            for server in touched:
                if server.job < 0:
                    server.dispatch(now_s)
            again = bool(events) and events[0][0] <= now_s

    def _happen(self, event: tuple[float, int, int, int], now_s: float) -> QpuServer:
        """Handle one event of the own calendar and return the QPU that it is about."""
        _, kind, which, token = event
        if kind == END:
            server = self.servers[which]
            if token == server.token and not server.free:
                job = server.job
                server.finish(now_s)
                if job >= 0 and (self._after or self.jobs.watchers or self.load is not None):
                    self._ended(job, now_s)
            return server
        if kind == SESSION_TTL:
            return self.sessions.interactive_timer(which, token, now_s)
        if kind == SESSION_MAX:
            return self.sessions.max_timer(which, now_s)
        if kind == GATHER and self.hall is not None:
            self.hall.send(which, now_s)
            return self.servers[0]
        if kind == LOOK and self.load is not None:
            self.load.look(which, token, now_s)
        return self.servers[which]

    def _next_submission(self) -> int:
        """Return the job that reaches the service next."""
        at = self._next_arrival
        if self._late and (self._arrival_s == INF or self._late[0] < (self._arrival_s, self._arrivals[at])):
            return heappop(self._late)[1]
        self._next_arrival = at + 1
        self._arrival_s = self._arrives_s(at + 1)
        return self._arrivals[at]

    def _arrives_s(self, at: int) -> float:
        """Return when the table's ``at``-th job reaches the service, inf if there is none."""
        if at == len(self._arrivals):
            return INF
        return self.jobs.submitted_s[self._arrivals[at]] + self.service.latency_s

    def _join(self, job: int, now_s: float) -> int:
        """Send a job to a QPU's queue and return the QPU, -1 if it is rejected or stays at the front door."""
        self.jobs.queued_s[job] = now_s
        if self._simple:
            return self.enter(job, 0, now_s)
        home = self.home(job)
        if self.hall is not None and self.hall.takes(job, home, now_s):
            return -1
        return self.enter(job, self.router.choose(job, home, now_s), now_s)

    def enter(self, job: int, where: int, now_s: float) -> int:
        """Let a job join the queue of a QPU and return the QPU; -1: it is rejected."""
        jobs = self.jobs
        if where < 0:
            self.fail(job, now_s, _REJECTED)
            return -1
        jobs.ticket[job] = self.next_ticket()
        jobs.where[job] = where
        server = self.servers[where]
        if jobs.session[job] >= 0:
            self.sessions.arrive(server, job, now_s)
            return where
        server.add(job)
        if jobs.mode[job] == _DEDICATED:
            server.dedicated.append(job)
            return where
        server.queue.push(job)
        running = server.job
        if server.queue.preemptive and running >= 0 and _may_interrupt(jobs, server, job, running):
            server.preempt(now_s)
        return where

    def _ended(self, job: int, now_s: float) -> None:
        """Tell those who wait for a job's result, one network latency later."""
        if self.load is not None:
            self.load.ended(job, now_s)
        back_s = now_s + self.service.latency_s
        for after in self._after.pop(job, ()) if self._after else ():
            due_s = max(self.jobs.submitted_s[after], back_s + self._think_s[after])
            self.jobs.submitted_s[after] = due_s
            heappush(self._late, (due_s + self.service.latency_s, after))
        watcher = self.jobs.watchers.pop(job, None)
        if watcher is not None:
            self.clock.call_at(back_s, lambda _event: watcher(job, back_s))
            self._others_s = self.clock.peek()


def _may_interrupt(jobs: QpuJobs, server: QpuServer, job: int, running: int) -> bool:
    """Return whether a new job interrupts the running one; sessions and dedicated jobs are left alone."""
    protected = jobs.session[running] >= 0 or jobs.mode[running] == _DEDICATED
    return not protected and server.queue.beats(job, running)
