"""Runs workflows: stage after stage on a task pool, in the application itself, or on the QPU service."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from qhpcsim.core.errors import ConfigError, nearest
from qhpcsim.core.qpu_records import QpuMode
from qhpcsim.core.workflow_records import Bag, Calls, ClientWork, Workflow
from qhpcsim.facility.centre import Centre
from qhpcsim.facility.open_jobs import NORMAL
from qhpcsim.facility.qpu_jobs import QpuJob
from qhpcsim.middleware.client import Client
from qhpcsim.middleware.slots import PoolTask


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


class WorkflowRun:
    """One workflow on its way.

    Model: a stage starts when the stages before it are over and is over when its last result is in; a task that
        failed for good does not hold its stage up, and is counted.
    Assumes: control passes from stage to stage without delay.
    Not modelled: the size of what stages hand on.
    Source: arXiv:2604.03445, workflow and workload layers.

    Args:
        workflow: The stages.
        centre: The facility.
        client: Sends bags to the pool; None if the workflow has none.
        on_end: Called when the last stage is over.
        session: Number of the workflow's session at the QPU service.
    """

    def __init__(
        self,
        workflow: Workflow,
        centre: Centre,
        client: Client | None,
        on_end: Callable[[], None] | None = None,
        session: int = -1,
    ) -> None:
        self.workflow, self.centre = workflow, centre
        self._client, self._on_end, self._session = client, on_end, session
        stages = workflow.stages
        self.stages = [StageRun(stage.name) for stage in stages]
        self._blocked = [len(stage.after) for stage in stages]
        self._then: list[list[int]] = [[] for _ in stages]
        for k, stage in enumerate(stages):
            for before in stage.after:
                if not 0 <= before < k:
                    raise ConfigError(f"stage {stage.name} of {workflow.name} waits for stage {before}", where="stages")
                self._then[before].append(k)
        self._left = len(stages)
        self._calls_left: dict[int, int] = {}
        self._last_call = max((k for k, stage in enumerate(stages) if isinstance(stage.work, Calls)), default=-1)

    @property
    def client(self) -> Client | None:
        """Who sends its bags."""
        return self._client

    @property
    def ended_s(self) -> float:
        """When the last stage was over; NaN if some stage is not."""
        if self._left:
            return math.nan
        return max((stage.ended_s for stage in self.stages), default=self.workflow.submit_s)

    def start(self) -> None:
        """Begin with the stages that wait for nothing, now."""
        if not self.stages and self._on_end is not None:
            self._on_end()
        for k, blocked in enumerate(self._blocked):
            if not blocked:
                self._begin(k)

    def _begin(self, k: int) -> None:
        work, run, clock = self.workflow.stages[k].work, self.stages[k], self.centre.clock
        run.started_s = clock.now
        if isinstance(work, ClientWork):
            clock.call_at(clock.now + work.seconds, lambda _event: self._over(k), NORMAL)
        elif isinstance(work, Bag):
            self._send(k, work)
        else:
            self._call(k, work)

    def _send(self, k: int, bag: Bag) -> None:
        if self._client is None:
            raise ConfigError(f"{self.workflow.name} has tasks for pilots and no pilot", where="pilots")
        predicted_s = bag.run_s if bag.predicted_s is None else bag.predicted_s
        fails = np.zeros(len(bag.run_s), np.bool_) if bag.fails is None else bag.fails
        self.stages[k].tasks = [
            PoolTask(run_s, bag.need, predicted, fail)
            for run_s, predicted, fail in zip(bag.run_s.tolist(), predicted_s.tolist(), fails.tolist(), strict=True)
        ]
        self._client.run(self.stages[k].tasks, lambda: self._over(k), self._pilot(bag.pilot))

    def _pilot(self, name: str) -> int:
        if not name:
            return -1
        assert self._client is not None
        names = [pilot.view.name for pilot in self._client.pool.pilots]
        if name not in names:
            raise ConfigError(
                f"no pilot {name!r}", where="pilots", allowed=", ".join(names), suggestion=nearest(name, names)
            )
        return names.index(name)

    def _call(self, k: int, calls: Calls) -> None:
        qpu = self.centre.qpu
        if qpu is None:
            raise ConfigError(f"{self.workflow.name} calls a QPU and the facility has none", where="qpu.qpus")
        mode = QpuMode[calls.mode.upper()]
        n = len(calls.qpu_s)
        self._calls_left[k] = n
        for each, times in enumerate(calls.qpu_s.reshape(n, -1).tolist()):
            job = QpuJob(
                tuple(times),
                user=self.workflow.user or self.workflow.name,
                mode=mode,
                session=self._session if mode in (QpuMode.SESSION, QpuMode.BATCH) else -1,
                closes_session=k == self._last_call and each == n - 1 and mode == QpuMode.SESSION,
            )
            self.stages[k].calls.append(qpu.submit(job, lambda _job, _now_s: self._answered(k)))
        if not n:
            self._over(k)

    def _answered(self, k: int) -> None:
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
