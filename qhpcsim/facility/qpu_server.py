"""One QPU: what it works on, what waits for it, what comes next."""

from __future__ import annotations

from collections import deque
from heapq import heappush
from math import isnan
from typing import TYPE_CHECKING

from qhpcsim.core.qpu_records import QpuInterval, QpuJobState
from qhpcsim.core.rng import Rng
from qhpcsim.facility.qpu_calendar import QpuCalendar, Run, has_calendar
from qhpcsim.facility.qpu_closures import INF
from qhpcsim.facility.qpu_draws import Draws
from qhpcsim.facility.qpu_idle import IdleWork, has_idle_work
from qhpcsim.facility.qpu_sessions import Session
from qhpcsim.policies.qpu.discipline import Discipline
from qhpcsim.qpu_scenario import QpuDevice, Reservation

if TYPE_CHECKING:
    from qhpcsim.facility.qpu_service import QpuSystem

END, SESSION_TTL, SESSION_MAX, WAKE, LOOK, GATHER = range(6)
"""Kinds of a service's own events; at one instant they are handled in this order."""
_COMPLETED = int(QpuJobState.COMPLETED)
_FAILED = int(QpuJobState.FAILED)


class QpuServer:
    """A single server with a queue.

    Model: a free QPU takes the first of the queue (or of its session, or of the holder of a reservation). The end of
        a job is known when it starts: its drawn time, stretched over the windows and outages that come. So a job is
        one event on the clock; an idle or closed QPU has none.
    Assumes: one job at a time; the first of the queue is not overtaken while it waits for a window to pass.
    Not modelled: several jobs side by side on one chip; changes of fidelity while a job waits.
    Source: none.

    Args:
        system: The service.
        index: The QPU's place in it.
        name: Its name.
        device: Its parameters.
        queue: Its queue.
        rng: Streams ``qpu/<name>/…`` are used.
    """

    def __init__(
        self, system: QpuSystem, index: int, name: str, device: QpuDevice, queue: Discipline, rng: Rng
    ) -> None:
        self.system, self.index, self.name, self.queue = system, index, name, queue
        self.jobs = system.jobs
        self.drawn_s = self.jobs.drawn_s[index]
        self.predicted_s = self.jobs.predicted_s[index]
        self.job = -1
        """The job that runs, -1 for none; its end is known already."""
        self.working = False
        """True while it calibrates or warms up."""
        self.n_waiting = 0
        self.waiting_s = 0.0
        """Predicted time of the jobs that wait."""
        self.session: Session | None = None
        self.dedicated: deque[int] = deque()
        self.calendar = QpuCalendar(device, name, rng) if has_calendar(device) else None
        self.reserved = bool(device.reservations)
        calibrations = system.calibrations
        self.idle = IdleWork(device, name, rng, calibrations, index) if has_idle_work(device) else None
        self.warm_up = Draws(device.warm_up, rng.stream(f"qpu/{name}/warm_up")) if device.warm_up else None
        self.plain = self.calendar is None and self.idle is None and self.warm_up is None
        self.token = 0
        """Counts what it has begun, so that the end of an interrupted job is not taken for the end of another."""
        self._run: Run | None = None
        self.run_since_s = 0.0
        """When the running job started, or went on."""
        self._idle_since_s = system.clock.now
        self._is_idle = True
        self._wake_s = INF

    @property
    def free(self) -> bool:
        """Whether it works on nothing."""
        return self.job < 0 and not self.working

    def add(self, job: int) -> None:
        """Count a job that begins to wait for this QPU."""
        self.n_waiting += 1
        self.waiting_s += self.predicted_s[job]

    def drop(self, job: int) -> None:
        """Count a job that does not wait any longer."""
        self.n_waiting -= 1
        self.waiting_s = self.waiting_s - self.predicted_s[job] if self.n_waiting else 0.0

    def dispatch(self, now_s: float) -> None:
        """Begin what is next, if the QPU is free."""
        if self.job >= 0 or self.working:
            return
        if self.plain and self.session is None:
            job = self.queue.peek(now_s)
            if job >= 0:
                self.queue.remove(job)
                self._start(job, now_s)
            return
        if self.settle(now_s):
            return
        reservation = self.calendar.reservation(now_s) if self.reserved and self.calendar else None
        job = self._reserved_job(reservation, now_s) if reservation else self._next_job(now_s)
        if self.idle is not None and (job >= 0 or self.session is None):
            until_s = self.idle.turn(now_s)
            if until_s > now_s:
                self._work(until_s)
                return
        if job >= 0:
            self._try(job, now_s, reservation)
        elif self.session is None and not self._is_idle:
            self._is_idle, self._idle_since_s = True, now_s

    def settle(self, now_s: float) -> bool:
        """Catch up on what the QPU has calibrated while it was idle; return whether it still does."""
        if self._is_idle and self.idle is not None and self._idle_since_s < now_s:
            until_s = self.idle.settle(self._idle_since_s, now_s)
            self._idle_since_s = now_s
            if until_s > now_s:
                self._work(until_s)
                return True
        return False

    def preempt(self, now_s: float) -> None:
        """Put the running job back into the queue; it will go on where it was."""
        job, jobs = self.job, self.jobs
        jobs.pieces.setdefault(job, []).extend(self.stretches(now_s))
        jobs.left_s[job] = self._left_s(now_s)
        self.job = -1
        self.add(job)
        self.queue.push(job)

    def stretches(self, now_s: float) -> list[tuple[float, float]]:
        """Return what the running job has had of the QPU since it started or went on."""
        if self._run is None:
            return [(self.run_since_s, now_s)]
        return [(start_s, min(end_s, now_s)) for start_s, end_s, _ in self._run.pieces if start_s < now_s]

    def close(self, now_s: float) -> None:
        """Note what an idle QPU has calibrated by the end of the simulation."""
        if self._is_idle and self.idle is not None and self._idle_since_s < now_s:
            self.idle.settle(self._idle_since_s, now_s)
            self._idle_since_s = now_s

    def _left_s(self, now_s: float) -> float:
        """Return the work that the running job still has to do."""
        if self._run is None:
            return self.jobs.ended_s[self.job] - now_s
        for start_s, end_s, left_s in self._run.pieces:
            if end_s > now_s:
                return left_s - max(0.0, now_s - start_s)
        return 0.0

    def finish(self, now_s: float) -> None:
        """End what the QPU works on."""
        job = self.job
        if job < 0:
            self.working = False
            return
        self.job = -1
        jobs = self.jobs
        run = self._run
        if job in jobs.pieces or (run is not None and len(run.pieces) > 1):
            pieces = [(p.start_s, p.end_s) for p in run.pieces] if run else [(self.run_since_s, now_s)]
            jobs.pieces.setdefault(job, []).extend(pieces)
        jobs.state[job] = _COMPLETED if run is None or run.done else _FAILED
        if self.idle is not None:
            self.idle.user_job_ended()
        if self.queue.watches_use:
            self.queue.used(job, jobs.used_s(job), now_s)
        if self.session is not None:
            self.system.sessions.job_ended(self, self.session, job, now_s)

    def _next_job(self, now_s: float) -> int:
        """Return the next job of the session that has the QPU, else of the queue; -1 if there is none."""
        self._expire_dedicated(now_s)
        if self.session is not None:
            if self.session.waiting:
                return self.session.waiting[0]
            if self.system.sessions.holds(self.session, now_s):
                return -1
            self.system.sessions.deactivate(self, self.session, now_s)
        return self.queue.peek(now_s)

    def _reserved_job(self, reservation: Reservation, now_s: float) -> int:
        """Return the next dedicated job of the holder; a session of someone else gives the QPU back."""
        self._expire_dedicated(now_s)
        if self.session is not None:
            self.system.sessions.deactivate(self, self.session, now_s)
        name = self.system.user_name
        return next((job for job in self.dedicated if name(job) == reservation.user), -1)

    def _expire_dedicated(self, now_s: float) -> None:
        """Fail dedicated jobs whose last reservation has ended."""
        calendar = self.calendar
        if self.dedicated and calendar is not None:
            for job in list(self.dedicated):
                if not calendar.reserved_later(self.system.user_name(job), now_s):
                    self.dedicated.remove(job)
                    self.drop(job)
                    self.system.fail(job, now_s)

    def _try(self, job: int, now_s: float, reservation: Reservation | None) -> None:
        """Start a job, or warm up for it, or wait until the calendar lets it start."""
        calendar = self.calendar
        if calendar is not None:
            start_s = self._gate(job, now_s, reservation)
            if start_s > now_s:
                self._wake_at(start_s, now_s)
                self._is_idle = False
                return
        if self.warm_up is not None and self._is_idle:
            until_s = now_s + self.warm_up.next()
            self.system.calibrations.append(QpuInterval(self.index, now_s, until_s, "warm_up"))
            self._work(until_s)
            return
        self._is_idle = False
        if reservation is not None:
            self.dedicated.remove(job)
        elif self.session is not None:
            self.session.waiting.popleft()
        else:
            self.queue.remove(job)
        self._start(job, now_s)

    def _gate(self, job: int, now_s: float, reservation: Reservation | None) -> float:
        """Return when the job may start as far as the service can know now."""
        calendar = self.calendar
        assert calendar is not None
        need_s = self.jobs.left_s.get(job, self.predicted_s[job])
        if reservation is None:
            return max(calendar.open_s(now_s), calendar.earliest_start(now_s, need_s))
        start_s = max(calendar.open_s(now_s), calendar.earliest_start(now_s, need_s, holder=True))
        return start_s if start_s + need_s <= reservation.end_s else max(now_s, reservation.end_s)

    def _start(self, job: int, now_s: float) -> None:
        jobs = self.jobs
        self.n_waiting -= 1
        if self.n_waiting:
            self.waiting_s -= self.predicted_s[job]
        else:
            self.waiting_s = 0.0
        work_s = self.drawn_s[job] if not jobs.left_s else jobs.left_s.pop(job, self.drawn_s[job])
        if self.calendar is None:
            end_s = now_s + work_s
        else:
            self._run = self.calendar.run(now_s, work_s, self.system.service.max_attempts)
            end_s = self._run.end_s
        if isnan(jobs.started_s[job]):
            jobs.started_s[job] = now_s
        jobs.ended_s[job] = end_s
        self.job, self.run_since_s = job, now_s
        self.token += 1
        heappush(self.system.events, (end_s, END, self.index, self.token))
        if jobs.session[job] >= 0:
            self.system.sessions.job_started(self, job, now_s)

    def _work(self, until_s: float) -> None:
        """Calibrate or warm up until ``until_s``."""
        self.working, self._is_idle = True, False
        self.token += 1
        heappush(self.system.events, (until_s, END, self.index, self.token))

    def _wake_at(self, time_s: float, now_s: float) -> None:
        if not now_s < self._wake_s <= time_s:
            self._wake_s = time_s
            heappush(self.system.events, (time_s, WAKE, self.index, 0))
