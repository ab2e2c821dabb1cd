"""Runs hybrid jobs on a centre: each follows the actions of its coupling."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from qhpcsim.core.errors import ConfigError
from qhpcsim.core.hybrid_records import HybridJob, HybridRun
from qhpcsim.core.qpu_records import QpuMode
from qhpcsim.core.rng import Rng
from qhpcsim.facility.centre import Centre, OpenRequest
from qhpcsim.facility.open_jobs import NORMAL
from qhpcsim.facility.qpu_jobs import QpuJob
from qhpcsim.policies.coupling.actions import Action, Call, Compute, Coupling, OpenSession, Pause, Release, Start
from qhpcsim.qpu_scenario import QpuService
from qhpcsim.scenario import Policy, Scheduler


class HybridJobs:
    """Hybrid jobs on a centre of their own, with rigid jobs beside them.

    Args:
        jobs: Hybrid jobs.
        coupling: How they hold resources.
        table: Rigid jobs.
        partitions: The machine; classical phases go to the first partition unless a job says otherwise.
        policy: Batch policy.
        service: QPUs.
        rng: Named random streams.
        scheduler: Cycles of a Slurm-like scheduler.
        overrun: ``kill`` or ``extend``, for the rigid jobs.
    """

    def __init__(
        self,
        jobs: Sequence[HybridJob],
        coupling: Coupling,
        table: Any,
        partitions: dict[str, Any],
        policy: Policy,
        service: QpuService,
        rng: Rng,
        scheduler: Scheduler | None = None,
        overrun: str = "kill",
    ) -> None:
        home = next(iter(partitions), "")
        requests: list[OpenRequest] = []
        self.runners: list[_Runner] = []
        for k, job in enumerate(jobs):
            _check(job)
            mine = _requests(job, coupling, home)
            self.runners.append(_Runner(self, k, job, coupling.steps(job), len(requests)))
            requests += mine
        self.centre = Centre(table, requests, partitions, policy, service, rng, scheduler, overrun)
        self._coupling, self._home = coupling, home
        self._n_done = 0
        self._outside: list[_Runner] = []
        self._admitted: list[_Runner] = []
        for runner in self.runners:
            self.centre.clock.call_at(runner.job.submit_s, runner.arrive, NORMAL)

    @property
    def runs(self) -> list[HybridRun]:
        """What became of each job."""
        return [runner.run for runner in self.runners]

    def simulate(self, progress: Callable[[float], None] | None = None) -> None:
        """Run until nothing is left to happen."""
        self.centre.run(lambda: self._n_done / max(1, len(self.runners)), progress)

    def arrive(self, runner: _Runner) -> None:
        """Let a job begin as soon as its coupling admits it, in order of submission."""
        self._outside.append(runner)
        self._admit()

    def leave(self, runner: _Runner) -> None:
        """Note that a job is over."""
        self._n_done += 1
        self._admitted.remove(runner)
        self._admit()

    def _admit(self) -> None:
        while self._outside:
            runner = self._outside[0]
            partition = self.centre.partitions[runner.job.partition or self._home]
            if not self._coupling.admits(runner.job, [each.job for each in self._admitted], partition.nodes):
                return
            del self._outside[0]
            self._admitted.append(runner)
            runner.begin()


def _requests(job: HybridJob, coupling: Coupling, home: str) -> list[OpenRequest]:
    """Return what a job will ask the batch system for, in order."""
    return [
        OpenRequest(
            f"{job.name}.{part.name}", part.nodes, part.walltime_s, part.partition or job.partition or home, job.user
        )
        for action in coupling.steps(job)
        if isinstance(action, Start)
        for part in action.parts
    ]


def _check(job: HybridJob) -> None:
    times = np.concatenate([np.ravel(job.cpu_s), np.ravel(job.qpu_s), [job.last_s]])
    if not (np.isfinite(times) & (times >= 0)).all() or len(job.qpu_s) != job.n_calls:
        raise ConfigError(f"hybrid job {job.name}: phases must be finite, ≥ 0 and as many as calls", where="workload")


class _Runner:
    """One hybrid job on its way through the actions of its coupling."""

    def __init__(
        self, owner: HybridJobs, index: int, job: HybridJob, steps: Iterator[Action], first_request: int
    ) -> None:
        self._owner, self.index, self.job, self._steps = owner, index, job, steps
        self._next_row = first_request
        self._held: dict[str, tuple[int, int, float]] = {}
        self._names: dict[int, str] = {}
        self._waiting = 0
        self._since_s = 0.0
        self._session = index
        self._asked: Call | OpenSession | None = None
        self.run = HybridRun()

    def arrive(self, _event: object = None) -> None:
        """Join the jobs that want to begin."""
        self._owner.arrive(self)

    def begin(self) -> None:
        """Take the first step."""
        now_s = self._owner.centre.clock.now
        if now_s > self.job.submit_s:
            self.run.phases.append(("queue", self.job.submit_s, now_s))
        self.run.state = "RUNNING"
        self.advance()

    def advance(self, _event: object = None) -> None:
        """Do what comes next; called whenever the last step is done."""
        if self._over:
            return
        for action in self._steps:
            if self._begin(action):
                return
        self._finish()

    def _begin(self, action: Action) -> bool:
        """Begin a step; return whether it takes time."""
        if isinstance(action, Compute):
            k, job = action.k, self.job
            return self._spend("cpu", float(job.cpu_s[k]) if k < job.n_calls else job.last_s)
        if isinstance(action, Call):
            return self._call(action)
        if isinstance(action, Start):
            return self._start(action)
        if isinstance(action, Pause):
            return self._spend(action.kind, action.seconds)
        if isinstance(action, OpenSession):
            return self._open_session()
        return self._release(action)

    def _spend(self, kind: str, seconds: float) -> bool:
        clock = self._owner.centre.clock
        now_s = clock.now
        if kind == "cpu" and self.run.started_s != self.run.started_s:
            self.run.started_s = now_s
        if seconds <= 0:
            return False
        self.run.phases.append((kind, now_s, now_s + seconds))
        clock.call_at(now_s + seconds, self.advance, NORMAL)
        return True

    def _start(self, action: Start) -> bool:
        centre = self._owner.centre
        first = centre.row(self._next_row)
        rows = list(range(first, first + len(action.parts)))
        self._next_row += len(rows)
        self._names.update(zip(rows, (part.name for part in action.parts), strict=True))
        self._waiting, self._since_s = len(rows), centre.clock.now
        aged_s = self.job.submit_s if action.aged else None
        centre.open.submit_het(rows, self._started, self._ended, aged_s)
        return True

    def _started(self, row: int, now_s: float) -> None:
        nodes = int(self._owner.centre.table.nodes[row])
        self._held[self._names[row]] = (row, nodes, now_s)
        self._waiting -= 1
        if not self._waiting:
            if now_s > self._since_s:
                self.run.phases.append(("queue", self._since_s, now_s))
            self.advance()

    def _release(self, action: Release) -> bool:
        self._owner.centre.open.release(self._held[action.part][0])
        return False

    def _ended(self, row: int, now_s: float, killed: bool) -> None:
        name = self._names.pop(row)
        _, nodes, since_s = self._held.pop(name)
        self.run.held.append((name, nodes, since_s, now_s))
        if killed and not self._over:
            self._die("WALLTIME", now_s)

    @property
    def _over(self) -> bool:
        return self.run.state in ("WALLTIME", "FAILED")

    def _die(self, state: str, now_s: float) -> None:
        """End the job before its last step; all that it holds or waits for goes too."""
        self.run.state, self.run.ended_s = state, now_s
        self.run.phases = [(kind, a, min(b, now_s)) for kind, a, b in self.run.phases]
        for row in list(self._names):
            self._owner.centre.open.cancel(row)
        self._owner.leave(self)

    def _call(self, action: Call) -> bool:
        job, qpu = self.job, self._owner.centre.qpu
        times = np.atleast_1d(job.qpu_s[action.k])
        if action.owned:
            return self._spend("qpu", float(times[0]))
        assert qpu is not None
        self._asked = action
        last = action.session and action.k == job.n_calls - 1
        qpu.submit(
            QpuJob(
                tuple(times.tolist()),
                user=job.user or job.name,
                mode=QpuMode.SESSION if action.session else QpuMode.JOB,
                session=self._session if action.session else -1,
                closes_session=last,
            ),
            self._answered,
        )
        return True

    def _open_session(self) -> bool:
        """Send a job of no length that begins the session."""
        qpu = self._owner.centre.qpu
        assert qpu is not None
        self._asked = OpenSession()
        qpu.submit(
            QpuJob((0.0,), user=self.job.user or self.job.name, mode=QpuMode.SESSION, session=self._session),
            self._answered,
        )
        return True

    def _answered(self, call: int, now_s: float) -> None:
        """Note a call's wait and run, and go on."""
        qpu = self._owner.centre.qpu
        assert qpu is not None
        if self._over:
            return
        jobs = qpu.jobs
        sent_s, started_s, ended_s = jobs.submitted_s[call], jobs.started_s[call], jobs.ended_s[call]
        if started_s != started_s:
            self.run.phases.append(("qpu_wait", sent_s, now_s))
            self._refused(now_s)
            return
        if started_s > sent_s:
            self.run.phases.append(("qpu_wait", sent_s, started_s))
        if ended_s > started_s:
            self.run.phases.append(("qpu", started_s, ended_s))
        self.advance()

    def _refused(self, now_s: float) -> None:
        """Begin a new session if the old one was closed; a call that the service does not take ends the job."""
        in_session = isinstance(self._asked, OpenSession) or (isinstance(self._asked, Call) and self._asked.session)
        if not in_session or self._owner.centre.qpu is None:
            self._die("FAILED", now_s)
            return
        self._session += len(self._owner.runners)
        if isinstance(self._asked, Call):
            self._call(self._asked)
        else:
            self._open_session()

    def _finish(self) -> None:
        self.run.state, self.run.ended_s = "COMPLETED", self._owner.centre.clock.now
        self._owner.leave(self)
