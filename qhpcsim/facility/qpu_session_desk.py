"""Gives QPUs to sessions and batches and takes them back."""

from __future__ import annotations

from heapq import heappush
from typing import TYPE_CHECKING

from qhpcsim.facility.qpu_server import SESSION_MAX, SESSION_TTL
from qhpcsim.facility.qpu_sessions import Phase, Session

if TYPE_CHECKING:
    from qhpcsim.facility.qpu_server import QpuServer
    from qhpcsim.facility.qpu_service import QpuSystem


class SessionDesk:
    """All sessions and batches of a service (the rules are those of ``Session``).

    Args:
        system: The service.
    """

    def __init__(self, system: QpuSystem) -> None:
        self._system = system
        self._sessions: dict[int, Session] = {}
        self.holds_log: list[tuple[int, int, float, float]] = []
        """(session, QPU, start, end) of the times at which a session had a QPU."""

    def home(self, session: int) -> int:
        """Return the QPU of a session, -1 if it has none yet."""
        found = self._sessions.get(session)
        return found.qpu if found is not None else -1

    def arrive(self, server: QpuServer, job: int, now_s: float) -> None:
        """Let a job join its session; a closed session fails it."""
        jobs, number = self._system.jobs, self._system.jobs.session[job]
        session = self._sessions.get(number)
        if session is None:
            limits = self._system.service.sessions
            session = Session(number, jobs.mode[job], jobs.user[job], server.index, limits)
            self._sessions[number] = session
        if session.lapsed(now_s):
            session.phase = Phase.CLOSED
        if session.phase is Phase.CLOSED or session.closing:
            self._system.fail(job, now_s)
            return
        server.add(job)
        session.waiting.append(job)
        self._queue(server, session)

    def job_started(self, server: QpuServer, job: int, now_s: float) -> None:
        """Note the start of a job of a session; from the queue, it brings the QPU to the session."""
        session = self._sessions[self._system.jobs.session[job]]
        if server.session is None:
            server.session = session
            if session.begin(now_s):
                due_s = now_s + session.max_ttl_s
                heappush(self._system.events, (due_s, SESSION_MAX, session.index, 0))
        else:
            self._charge(session, now_s)
        session.running = job
        session.stamp += 1

    def job_ended(self, server: QpuServer, session: Session, job: int, now_s: float) -> None:
        """Note the end of the session's job."""
        session.running, session.charged_job = -1, job
        session.held_since_s = session.last_used_s = now_s
        session.stamp += 1
        session.closing = session.closing or job in self._system.jobs.closes
        if session.phase is Phase.CLOSED:
            self._release(server, session, now_s)

    def holds(self, session: Session, now_s: float) -> bool:
        """Return whether a session without waiting jobs keeps its QPU; sets the timer that ends this."""
        until_s = session.held_since_s + session.interactive_ttl_s
        if session.closing or now_s >= until_s:
            return False
        if session.timed != session.stamp:
            session.timed = session.stamp
            heappush(self._system.events, (until_s, SESSION_TTL, session.index, session.stamp))
        return True

    def interactive_timer(self, number: int, stamp: int, now_s: float) -> QpuServer:
        """Take the QPU back from a session that has had no job for the interactive TTL; return the QPU."""
        session = self._sessions[number]
        server = self._system.servers[session.qpu]
        if session.stamp == stamp and session.phase is Phase.ACTIVE and not session.waiting:
            self.deactivate(server, session, now_s)
        return server

    def max_timer(self, number: int, now_s: float) -> QpuServer:
        """Close a session that has reached its maximum age: waiting jobs fail; return its QPU."""
        session = self._sessions[number]
        server = self._system.servers[session.qpu]
        session.phase = Phase.CLOSED
        if session.token >= 0:
            server.queue.remove(session.token)
            session.waiting.appendleft(session.token)
            session.token = -1
        while session.waiting:
            job = session.waiting.popleft()
            server.drop(job)
            self._system.fail(job, now_s)
        if server.session is session and session.running < 0:
            self._release(server, session, now_s)
        return server

    def deactivate(self, server: QpuServer, session: Session, now_s: float) -> None:
        """Take the QPU back; the session's waiting jobs queue again."""
        self._release(server, session, now_s)
        session.phase = Phase.CLOSED if session.closing and not session.waiting else Phase.INACTIVE
        self._queue(server, session)

    def _release(self, server: QpuServer, session: Session, now_s: float) -> None:
        self._charge(session, now_s)
        self.holds_log.append((session.index, session.qpu, session.since_s, now_s))
        session.stamp += 1
        server.session = None

    def _charge(self, session: Session, now_s: float) -> None:
        """Charge the time without a job to the job that ran before."""
        held_s = self._system.jobs.held_s
        held_s[session.charged_job] = held_s.get(session.charged_job, 0.0) + now_s - session.held_since_s

    def _queue(self, server: QpuServer, session: Session) -> None:
        """Put the session's oldest waiting job into the QPU's queue, if none stands there and it has no QPU."""
        job = session.next_token()
        if job >= 0:
            self._system.jobs.ticket[job] = self._system.next_ticket()
            server.queue.push(job)
