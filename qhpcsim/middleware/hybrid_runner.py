"""One hybrid job: carries out what its coupling asks for and notes what its time goes into."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from math import isnan, nan
from typing import TYPE_CHECKING

import numpy as np

from qhpcsim.core.hybrid_records import STOPPED, HybridJob, HybridRun
from qhpcsim.core.qpu_records import QpuJobState, QpuMode
from qhpcsim.facility.open_jobs import NORMAL
from qhpcsim.facility.qpu_jobs import QpuJob
from qhpcsim.middleware.shared_pilots import PilotTask, SharedPilots
from qhpcsim.policies.coupling.actions import Action, Call, Compute, OpenSession, Pause, Release, Start, Task

if TYPE_CHECKING:
    from qhpcsim.middleware.hybrid import HybridJobs


class HybridRunner:
    """One hybrid job on its way through the actions of its coupling.

    Args:
        owner: The jobs that it is one of.
        index: Its place among them.
        job: The job.
        steps: What it does, in order.
        first_request: Number of the first thing that it asks the batch system for.
        pool: Pilots for its classical phases; None: it has nodes of its own.
    """

    def __init__(
        self,
        owner: HybridJobs,
        index: int,
        job: HybridJob,
        steps: Iterator[Action],
        first_request: int,
        pool: SharedPilots | None = None,
    ) -> None:
        self._owner, self.index, self.job, self._steps, self.pool = owner, index, job, steps, pool
        self._next_row = first_request
        self._held: dict[str, tuple[int, int, float]] = {}
        self._names: dict[int, str] = {}
        self._waiting = 0
        self._since_s = 0.0
        self._session = index
        self._asked: Call | OpenSession | None = None
        self._open_call = -1
        """Job of the QPU service whose answer it waits for; -1: none."""
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
        if self.pool is not None:
            self.pool.enter()
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
            return self._spend("cpu", self.job.phase_s(action.k))
        if isinstance(action, Call):
            return self._call(action)
        if isinstance(action, Start):
            return self._start(action)
        if isinstance(action, Task):
            return self._send(action)
        if isinstance(action, Pause):
            return self._spend(action.kind, action.seconds)
        if isinstance(action, OpenSession):
            return self._open_session()
        return self._release(action)

    def _spend(self, kind: str, seconds: float) -> bool:
        clock = self._owner.centre.clock
        now_s = clock.now
        if kind == "cpu" and isnan(self.run.started_s):
            self.run.started_s = now_s
        if seconds <= 0:
            return False
        self.run.phases.append((kind, now_s, now_s + seconds))
        clock.call_at(now_s + seconds, self.advance, NORMAL)
        return True

    def _send(self, action: Task) -> bool:
        """Let a classical phase wait for nodes of the shared pilots and run there."""
        length_s = self.job.phase_s(action.k)
        if length_s <= 0:
            return self._spend("cpu", 0.0)
        assert self.pool is not None
        self._since_s = self._owner.centre.clock.now
        placed = partial(self._placed, action.launch_s, length_s)
        self.pool.submit(PilotTask(self.job.nodes, action.launch_s + length_s, placed, self.advance, self._replaced))
        return True

    def _placed(self, launch_s: float, length_s: float, now_s: float) -> None:
        """Note when a phase runs on a pilot."""
        begin_s, phases = now_s + launch_s, self.run.phases
        if now_s > self._since_s:
            phases.append(("queue", self._since_s, now_s))
        if begin_s > now_s:
            phases.append(("launch", now_s, begin_s))
        if isnan(self.run.started_s):
            self.run.started_s = begin_s
        phases.append(("cpu", begin_s, now_s + (launch_s + length_s)))

    def _replaced(self, now_s: float) -> None:
        """Note that the phase which runs on a pilot is lost and waits again."""
        self._since_s = now_s
        self.run.phases = [(kind, a, min(b, now_s)) for kind, a, b in self.run.phases if a < now_s]
        if self.run.started_s > now_s:
            self.run.started_s = nan

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
            self._die("FAILED" if row in self._owner.centre.open.lost else "WALLTIME", now_s)

    @property
    def _over(self) -> bool:
        return self.run.state in STOPPED

    def _die(self, state: str, now_s: float) -> None:
        """End the job before its last step; all that it holds or waits for goes too."""
        self.run.phases = [(kind, a, min(b, now_s)) for kind, a, b in self.run.phases]
        self._cut_short(now_s)
        self.run.state, self.run.ended_s = state, now_s
        for row in list(self._names):
            self._owner.centre.open.cancel(row)
        self._leave()

    def _cut_short(self, now_s: float) -> None:
        """Enter what the job waited for when it was stopped: nodes, or the answer to a call."""
        if self._waiting:
            self.run.phases.append(("queue", self._since_s, now_s))
        elif self._open_call >= 0:
            n_before = len(self.run.phases)
            self._enter_call(self._open_call, now_s)
            if len(self.run.phases) == n_before:
                self.run.phases.append(("qpu_wait", now_s, now_s))

    def _enter_call(self, call: int, now_s: float) -> None:
        """Enter a call's wait and run, as far as they are over."""
        assert self._owner.centre.qpu is not None
        jobs = self._owner.centre.qpu.jobs
        sent_s, started_s = jobs.submitted_s[call], jobs.started_s[call]
        self._wait_for_call(sent_s, now_s if isnan(started_s) else started_s)
        if min(jobs.ended_s[call], now_s) > started_s:
            self.run.phases.append(("qpu", started_s, min(jobs.ended_s[call], now_s)))

    def _wait_for_call(self, sent_s: float, until_s: float) -> None:
        if until_s > sent_s:
            self.run.phases.append(("qpu_wait", sent_s, until_s))

    def _leave(self) -> None:
        if self.pool is not None:
            self.pool.leave()
        self._owner.leave(self)

    def _call(self, action: Call) -> bool:
        job = self.job
        times = np.atleast_1d(job.qpu_s[action.k])
        if action.owned:
            return self._spend("qpu", float(times[np.isfinite(times)][0]))
        self._ask(
            action,
            QpuJob(
                tuple(times.tolist()),
                user=job.user or job.name,
                mode=QpuMode.SESSION if action.session else QpuMode.JOB,
                session=self._session if action.session else -1,
                closes_session=action.session and action.k == job.n_calls - 1,
                size=job.call,
                min_fidelity=job.min_fidelity,
            ),
        )
        return True

    def _open_session(self) -> bool:
        """Send a job of no length that begins the session."""
        job = self.job
        self._ask(
            OpenSession(),
            QpuJob(
                (0.0,),
                user=job.user or job.name,
                mode=QpuMode.SESSION,
                session=self._session,
                size=job.call,
                opens=True,
                min_fidelity=job.min_fidelity,
            ),
        )
        return True

    def _ask(self, asked: Call | OpenSession, call: QpuJob) -> None:
        """Send a job to the QPU service."""
        qpu = self._owner.centre.qpu
        assert qpu is not None
        self._asked = asked
        self._open_call = qpu.submit(call, self._answered)

    def _answered(self, call: int, now_s: float) -> None:
        """Note a call's wait and run, and go on."""
        qpu = self._owner.centre.qpu
        assert qpu is not None
        if self._over:
            return
        if qpu.jobs.state[call] != QpuJobState.COMPLETED:
            self._lost(call, now_s)
            return
        self._open_call = -1
        if isinstance(self._asked, OpenSession):
            self._wait_for_call(qpu.jobs.submitted_s[call], now_s)
        else:
            self._enter_call(call, now_s)
        self.advance()

    def _lost(self, call: int, now_s: float) -> None:
        """Begin a new session if the old one was closed; any other call that was refused or failed ends the job."""
        assert self._owner.centre.qpu is not None and self._asked is not None
        jobs = self._owner.centre.qpu.jobs
        closed = jobs.state[call] == QpuJobState.FAILED and isnan(jobs.started_s[call])
        if not closed or not (isinstance(self._asked, OpenSession) or self._asked.session):
            self._die("FAILED", now_s)
            return
        self._enter_call(call, now_s)
        self._session += len(self._owner.runners)
        self._begin(self._asked)

    def _finish(self) -> None:
        self.run.state, self.run.ended_s = "COMPLETED", self._owner.centre.clock.now
        self._leave()
