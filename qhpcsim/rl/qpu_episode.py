"""One run of a QPU service, stopped wherever a job has a choice of QPUs, or a free QPU a choice of jobs.

The clock is stepped until a decision is due: no thread, no second simulator. A job with a choice stays at the front
door, and a QPU does not begin what is next, until the agent has decided; then both go on at the same instant.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from simpy.core import EmptySchedule

from qhpcsim.core.errors import ConfigError
from qhpcsim.facility.qpu_server import QpuServer
from qhpcsim.facility.qpu_service import QpuSystem
from qhpcsim.results.qpu_outcome import QpuOutcome
from qhpcsim.scenario import Scenario
from qhpcsim.simulation_qpu import QpuSide

_NOBODY = -1
NEVER_S = float("-inf")


class Door:
    """Keeps jobs that have a choice of QPUs until the agent sends them on."""

    def __init__(self, system: QpuSystem) -> None:
        self._system = system
        self.waiting: list[int] = []
        """Jobs, in order of arrival."""

    def takes(self, job: int, home: int, now_s: float) -> bool:
        """Return whether a job that has come stays here."""
        if len(self._system.router.able(job, home, now_s)) < 2:
            return False
        self.waiting.append(job)
        return True


class ChosenQueue:
    """A queue of which the agent, once it has spoken, says who is next at that instant.

    Args:
        queue: The discipline; says who is next where nobody was asked.
    """

    def __init__(self, queue: Any) -> None:
        self._queue = queue
        self.jobs: dict[int, None] = {}
        """Jobs that wait, in order of joining."""
        self._chosen, self._chosen_s = _NOBODY, NEVER_S

    def __getattr__(self, name: str) -> Any:
        return getattr(self._queue, name)

    def __len__(self) -> int:
        return len(self._queue)

    def push(self, job: int) -> None:
        """Let a job join."""
        self.jobs[job] = None
        self._queue.push(job)

    def remove(self, job: int) -> None:
        """Take a job out."""
        del self.jobs[job]
        self._queue.remove(job)

    def peek(self, now_s: float) -> int:
        """Return who is next."""
        return self._chosen if self.is_decided(now_s) else int(self._queue.peek(now_s))

    def is_decided(self, now_s: float) -> bool:
        """Return whether the agent has spoken at this instant."""
        return self._chosen_s == now_s and self._chosen in self.jobs

    def choose(self, job: int, now_s: float) -> None:
        """Note who is next at this instant."""
        self._chosen, self._chosen_s = job, now_s


class QpuEpisode:
    """The QPU jobs of a scenario under an agent.

    Args:
        scenario: It has QPUs and jobs for them.
        asks_job: The agent says which job a free QPU takes; else which QPU takes a job.

    Raises:
        QhpcsimError: for a scenario that is wrong or that an agent cannot run.
    """

    def __init__(self, scenario: Scenario, asks_job: bool) -> None:
        check_service(scenario, asks_job)
        self.scenario, self._side = scenario, QpuSide(scenario)
        self.system = system = self._side.open()
        self.clock, self.jobs = system.clock, system.jobs
        self.door = Door(system)
        if not asks_job:
            system.hall = self.door  # type: ignore[assignment]
        self.queues = [ChosenQueue(server.queue) for server in system.servers]
        self._held: list[int] = []
        """QPUs that would take their next job now, but have to wait for a decision."""
        for server, queue in zip(system.servers, self.queues, strict=True):
            server.queue = queue  # type: ignore[assignment]
            server.dispatch = self._gate(server, queue, server.dispatch)  # type: ignore[assignment, method-assign]
        # With a watcher, even of no job, the service makes one instant at a time and then hands back.
        self.jobs.watchers[_NOBODY] = lambda _job, _now_s: None
        self._asks_job = asks_job
        self.able: list[int] = []
        """QPUs that can take the job at the door that a decision is due for."""
        self.at = -1
        """QPU whose next job is to be chosen, -1 for none."""

    def advance(self) -> bool:
        """Run until a decision is due; return False if none ever is again: the run is over."""
        while not (self._find_qpu() if self._asks_job else self._find_job()):
            try:
                self.clock.step()
            except EmptySchedule:
                return False
        return True

    def _gate(
        self, server: QpuServer, queue: ChosenQueue, dispatch: Callable[[float], None]
    ) -> Callable[[float], None]:
        """Return how a QPU begins what is next: not before the agent has decided."""

        def later(now_s: float) -> None:
            waits = self._is_choice(server, queue, now_s) if self._asks_job else bool(self.door.waiting)
            if waits and server.index not in self._held:
                self._held.append(server.index)
            elif not waits:
                dispatch(now_s)

        return later

    def _is_choice(self, server: QpuServer, queue: ChosenQueue, now_s: float) -> bool:
        """Return whether a QPU is about to take one of several jobs, and the agent has not said which."""
        if len(queue.jobs) < 2 or queue.is_decided(now_s) or not server.free or server.settle(now_s):
            return False
        session = server.session
        if session is not None and (session.waiting or self.system.sessions.holds(session, now_s)):
            return False
        return not (server.reserved and server.calendar is not None and server.calendar.reservation(now_s))

    def _find_qpu(self) -> bool:
        self.at = self._held[0] if self._held else -1
        return self.at >= 0

    def _find_job(self) -> bool:
        """Let jobs at the door in that have no choice any more, until one has."""
        door, system = self.door, self.system
        while door.waiting:
            job = door.waiting[0]
            self.able = system.router.able(job, system.home(job), self.clock.now)
            if len(self.able) > 1:
                return True
            self._enter(job, self.able[0] if self.able else -1)
        return False

    @property
    def job(self) -> int:
        """Job at the door that a decision is due for."""
        return self.door.waiting[0]

    def send(self, qpu: int) -> None:
        """Let the job at the door join the queue of a QPU."""
        self._enter(self.job, qpu)

    def _enter(self, job: int, qpu: int) -> None:
        self.door.waiting.pop(0)
        where = self.system.enter(job, qpu, self.clock.now)
        if where >= 0 and where not in self._held:
            self._held.append(where)
        if not self.door.waiting:
            for each in self._held:
                self.system.look_again(each)
            self._held.clear()

    def take(self, job: int) -> None:
        """Let the QPU that waits for a decision take a job of its queue."""
        self._held.pop(0)
        self.queues[self.at].choose(job, self.clock.now)
        self.system.look_again(self.at)

    def outcome(self) -> QpuOutcome:
        """Return what became of the jobs, as ``simulate`` would; after the end only."""
        return self._side.outcome_of(self.system)


def check_service(scenario: Scenario, asks_job: bool) -> None:
    """Raise ``ConfigError`` for what an agent cannot run, rather than leave it out."""
    service = scenario.qpu
    if not service.qpus or scenario.qpu_workload.source == "none":
        raise ConfigError("the scenario has no QPU jobs", where="scenario", hint="qpu_service, or qpu_workload=stream")
    if service.access != "queue":
        raise ConfigError("QPUs would be nodes of the batch system", where="qpu.access", allowed="queue")
    if scenario.changes:
        raise ConfigError("the QPUs of an agent do not change on the way", where="changes", allowed="none")
    if not asks_job and len(service.qpus) < 2:
        raise ConfigError("there is one QPU, so nothing to choose", where="decision", allowed="job")
