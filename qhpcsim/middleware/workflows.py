"""Runs workflows: stage after stage on a task pool, in the application itself, or on the QPU service."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from qhpcsim.core.errors import ConfigError, nearest
from qhpcsim.core.qpu_records import QpuJobState, QpuMode
from qhpcsim.core.task_records import TaskState
from qhpcsim.core.workflow_records import Bag, Calls, Choice, ClientWork, Workflow
from qhpcsim.facility.centre import Centre
from qhpcsim.facility.open_jobs import NORMAL
from qhpcsim.facility.qpu_jobs import QpuJob
from qhpcsim.middleware.client import Client
from qhpcsim.middleware.placing import Placer
from qhpcsim.middleware.slots import PoolTask

_ENDED = (int(TaskState.QUEUED), int(TaskState.RUNNING))
_GATHERED = (QpuMode.SESSION, QpuMode.BATCH)
MODES = tuple(mode.name.lower() for mode in (QpuMode.JOB, *_GATHERED))
"""Ways in which calls reach a QPU."""


@dataclass(slots=True)
class StageRun:
    """When a stage ran; NaN where a thing never happened."""

    name: str
    started_s: float = math.nan
    ended_s: float = math.nan
    tasks: list[PoolTask] = field(default_factory=list)
    """Tasks of a bag."""
    calls: list[int] = field(default_factory=list)
    """Jobs of the QPU service."""
    inner: WorkflowRun | None = None
    """The alternative that was taken, where the stage had several."""


class WorkflowRun:
    """One workflow on its way.

    Model: a stage starts when the stages before it are over and is over when its last result is in; a task or call
        that failed for good does not hold its stage up, and is counted. The workflow's session is closed by the last
        call that is sent. A stage with alternatives is the workflow that the placer takes when the stage begins, with
        a session of its own, and is over when that is.
    Assumes: control passes from stage to stage without delay.
    Not modelled: the size of what stages hand on.
    Source: arXiv:2604.03445, workflow and workload layers.

    Args:
        workflow: The stages.
        centre: The facility.
        client: Sends bags to the pool; None if the workflow has none.
        on_end: Called when the last stage is over.
        session: Number of the workflow, unique among those on the centre.
        placer: Chooses among the alternatives of stages; None if there are none.

    Raises:
        ConfigError: for a workflow that could not be run to its end.
    """

    def __init__(
        self,
        workflow: Workflow,
        centre: Centre,
        client: Client | None,
        on_end: Callable[[], None] | None = None,
        session: int = 0,
        placer: Placer | None = None,
    ) -> None:
        self.workflow, self.centre, self.client, self._placer = workflow, centre, client, placer
        self.started_s = math.nan
        """When it began; NaN: not yet."""
        self._on_end, self._session = on_end, session
        self.stages = [StageRun(stage.name) for stage in workflow.stages]
        self._blocked = [len(stage.after) for stage in workflow.stages]
        self._then: list[list[int]] = [[] for _ in workflow.stages]
        for k, stage in enumerate(workflow.stages):
            self._check(k)
            for before in stage.after:
                self._then[before].append(k)
        self._left = len(self.stages)
        self._calls_left: dict[int, int] = {}
        works = [stage.work for stage in workflow.stages]
        self._session_calls = sum(len(w.qpu_s) for w in works if isinstance(w, Calls) and w.mode == "session")

    def _check(self, k: int) -> None:
        """Refuse a stage that could not be run."""
        flow, stage = self.workflow, self.workflow.stages[k]
        work, where = stage.work, f"{flow.name}: stage {stage.name}"
        if len(set(stage.after)) < len(stage.after) or not all(0 <= before < k for before in stage.after):
            raise ConfigError(f"waits for stages {stage.after}", where=where, allowed="earlier stages, each once")
        if isinstance(work, ClientWork):
            _check_times(work.seconds, work.seconds, where)
        elif isinstance(work, Bag):
            _check_times(work.run_s.min(initial=0.0), work.run_s.max(initial=0.0), where)
            if self.client is None:
                raise ConfigError("has tasks for pilots and no pilot", where=where)
            if work.pilot:
                self._pilot(work.pilot)
        elif isinstance(work, Choice):
            if self._placer is None:
                raise ConfigError("has alternatives and nobody to choose", where=where)
            self._placer.check(work, where)
        else:
            if self.centre.qpu is None:
                raise ConfigError("calls a QPU and the facility has none", where=where, hint="qpu.qpus")
            if work.mode not in MODES:
                raise ConfigError(f"{work.mode!r}", where=where, allowed=", ".join(MODES))
            _check_times(work.qpu_s.min(initial=0.0), 0.0, where)

    @property
    def ended_s(self) -> float:
        """When the last stage was over; NaN if some stage is not."""
        if self._left:
            return math.nan
        return max((stage.ended_s for stage in self.stages), default=self.started_s)

    @property
    def state(self) -> str:
        """What has become of it.

        QUEUED, RUNNING, COMPLETED, INCOMPLETE (it is over, but some tasks or calls failed) or STRANDED (its tasks wait
        for pilots that have all ended, or were in reserve and never asked for).
        """
        if not self._left and not math.isnan(self.started_s):
            return "INCOMPLETE" if self.n_failed else "COMPLETED"
        if math.isnan(self.started_s):
            return "QUEUED"
        return "STRANDED" if self._is_stranded() else "RUNNING"

    def all_runs(self) -> list[WorkflowRun]:
        """Return this run and those of the alternatives that were taken."""
        return [self, *(run for stage in self.stages if stage.inner is not None for run in stage.inner.all_runs())]

    @property
    def n_failed(self) -> int:
        """Number of tasks and calls that failed for good, those of alternatives among them."""
        return sum(run._n_failed_here() for run in self.all_runs())

    def _n_failed_here(self) -> int:
        tasks = Counter(task.state for stage in self.stages for task in stage.tasks)
        ended = sum(n for state, n in tasks.items() if state not in (int(TaskState.SUCCESS), *_ENDED))
        if self.centre.qpu is None:
            return ended
        states = self.centre.qpu.jobs.state
        lost = (int(QpuJobState.FAILED), int(QpuJobState.REJECTED))
        return ended + sum(states[call] in lost for stage in self.stages for call in stage.calls)

    def _is_stranded(self) -> bool:
        if self.client is None:
            return False
        views = [pilot.view for pilot in self.client.pool.pilots]
        stages = [stage for run in self.all_runs() for stage in run.stages]
        waiting = [task for stage in stages for task in stage.tasks if task.state == TaskState.QUEUED]
        coming = [view for view in views if not (view.ended or view.reserve)]
        return any(not any(view.slots(task.need) for view in coming) for task in waiting)

    def start(self) -> None:
        """Begin with the stages that wait for nothing, now."""
        self.started_s = self.centre.clock.now
        if not self.stages and self._on_end is not None:
            self._on_end()
        for k in [k for k, blocked in enumerate(self._blocked) if not blocked]:
            self._begin(k)

    def _begin(self, k: int) -> None:
        work, run, clock = self.workflow.stages[k].work, self.stages[k], self.centre.clock
        run.started_s = clock.now
        if isinstance(work, ClientWork):
            clock.call_at(clock.now + work.seconds, partial(self._client_done, k), NORMAL)
        elif isinstance(work, Bag):
            self._send(k, work)
        elif isinstance(work, Choice):
            self._place(k, work)
        else:
            self._call(k, work)

    def _place(self, k: int, choice: Choice) -> None:
        """Begin the alternative that is taken now; its rows carry its name behind the motif's."""
        assert self._placer is not None
        flow = self.workflow
        name, chosen = self._placer.decide(choice, f"{flow.name}: stage {flow.stages[k].name}")
        named = replace(chosen, name=flow.name, motif=f"{flow.motif}/{name}", user=flow.user)
        done = partial(self._over, k)
        inner = WorkflowRun(named, self.centre, self.client, done, self._placer.new_session(), self._placer)
        self.stages[k].inner = inner
        inner.start()

    def _client_done(self, k: int, _event: object) -> None:
        self._over(k)

    def _send(self, k: int, bag: Bag) -> None:
        assert self.client is not None
        predicted_s = bag.run_s if bag.predicted_s is None else bag.predicted_s
        fails = np.zeros(len(bag.run_s), np.bool_) if bag.fails is None else bag.fails
        self.stages[k].tasks = [
            PoolTask(run_s, bag.need, predicted, fail)
            for run_s, predicted, fail in zip(bag.run_s.tolist(), predicted_s.tolist(), fails.tolist(), strict=True)
        ]
        pilot = self._pilot(bag.pilot) if bag.pilot else -1
        self.client.run(self.stages[k].tasks, partial(self._over, k), pilot)

    def _pilot(self, name: str) -> int:
        """Return the index in the pool of the pilot that the application names."""
        assert self.client is not None
        names = [pilot.view.name for pilot in self.client.pool.pilots]
        if name not in names:
            raise ConfigError(
                f"no pilot {name!r}", where="pilots", allowed=", ".join(names), suggestion=nearest(name, names)
            )
        return names.index(name)

    def _call(self, k: int, calls: Calls) -> None:
        """Send a stage's QPU jobs; the workflow's session and its batch have numbers of their own."""
        qpu, n = self.centre.qpu, len(calls.qpu_s)
        if not n:
            self.centre.clock.call_at(self.centre.clock.now, partial(self._client_done, k), NORMAL)
            return
        assert qpu is not None
        mode = QpuMode[calls.mode.upper()]
        self._calls_left[k] = n
        predicted = calls.qpu_s if calls.predicted_s is None else calls.predicted_s
        on_end = partial(self._answered, k)
        fidelity = () if calls.fidelity is None else tuple(calls.fidelity.tolist())
        for times, medians in zip(calls.qpu_s.reshape(n, -1).tolist(), predicted.reshape(n, -1).tolist(), strict=True):
            if mode == QpuMode.SESSION:
                self._session_calls -= 1
            job = QpuJob(
                tuple(times),
                tuple(medians),
                user=self.workflow.user or self.workflow.name,
                mode=mode,
                session=2 * self._session + (mode == QpuMode.BATCH) if mode in _GATHERED else -1,
                closes_session=mode == QpuMode.SESSION and not self._session_calls,
                fidelity=fidelity,
                min_fidelity=calls.min_fidelity,
            )
            self.stages[k].calls.append(qpu.submit(job, on_end))

    def _answered(self, k: int, _job: int, _now_s: float) -> None:
        self._calls_left[k] -= 1
        if not self._calls_left[k]:
            self._over(k)

    def _over(self, k: int) -> None:
        self.stages[k].ended_s = self.centre.clock.now
        self._left -= 1
        for after in self._then[k]:
            self._blocked[after] -= 1
            if not self._blocked[after]:
                self._begin(after)
        if not self._left and self._on_end is not None:
            self._on_end()


def _check_times(least_s: float, most_s: float, where: str) -> None:
    """Refuse times of which the least is negative, the most infinite, or one is NaN."""
    if not (least_s >= 0 and most_s < math.inf):
        raise ConfigError("times must be finite and not negative", where=where)
