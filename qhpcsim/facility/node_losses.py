"""What becomes of jobs whose nodes go away: they begin again, or are over."""

from __future__ import annotations

import math
from typing import NamedTuple, Protocol

from qhpcsim.core.errors import FacilityError
from qhpcsim.facility.node_health import NodeHealth
from qhpcsim.policies.batch.state import QueueState

MOST_RESTARTS = 10_000
"""Losses of its nodes after which a job is said never to finish."""
MOST_CHANGES = 1_000_000
"""Failures and repairs in a row without a job on the nodes, after which the waiting ones are said never to start."""


class LostRun(NamedTuple):
    """A run that ended because a node went away, and its job began again."""

    job: int
    start_s: float
    end_s: float
    nodes: tuple[int, ...]


class _System(Protocol):
    state: QueueState

    @property
    def is_idle(self) -> bool: ...

    def is_open(self, job: int) -> bool: ...

    def take_off(self, job: int) -> None: ...

    def tell_cut(self, job: int) -> None: ...

    def reconsider(self) -> None: ...


class NodeLosses:
    """Takes jobs off nodes that go away.

    Model: a job on such a node leaves all its nodes at once. It goes back into the queue, at the place that its
        first submission gives it, and begins again from nothing; or it is killed. Open jobs always end, as at their
        walltime: whoever steers them decides what follows.
    Assumes: no checkpoints; the time between a failure and the return to the queue is nought.
    Not modelled: jobs that go on with fewer nodes (Slurm --no-kill); a new submission time, which Slurm gives a
        requeued job.
    Source: JobRequeue in https://slurm.schedmd.com/slurm.conf.html, --requeue in https://slurm.schedmd.com/sbatch.html

    Args:
        health: When the nodes are away.
        requeue: Jobs begin again; False: they are killed.
    """

    def __init__(self, health: NodeHealth, requeue: bool) -> None:
        self.health, self.requeue = health, requeue
        self.lost: list[LostRun] = []
        """Runs after which a job began again."""
        self.cut_s: dict[int, float] = {}
        """Job that was killed because it lost a node -> when."""
        self._restarts: dict[int, int] = {}
        self._n_changes = 0

    @property
    def next_s(self) -> float:
        """Time of the next change; inf if there is none."""
        return self.health.next_s

    def advance(self, system: _System, now_s: float) -> list[int]:
        """Let nodes fail and come back by now; return the jobs that have to join the queue again.

        Raises:
            FacilityError: if a job begins again and again, or none can ever start.
        """
        before = len(self.lost)
        if self.health.advance(now_s, lambda job: self._lose(system, job)):
            self._n_changes = self._n_changes + 1 if system.is_idle else 0
            if self._n_changes > MOST_CHANGES:
                raise FacilityError(
                    f"{len(system.state.queue)} jobs wait for nodes that are hardly ever up together",
                    where="facility.failures",
                    hint="raise mtbf_s, shorten the repair, or ask for fewer nodes",
                )
            system.reconsider()
        return [run.job for run in self.lost[before:]]

    def _lose(self, system: _System, job: int) -> None:
        state = system.state
        start_s = state.start_s[job]
        system.take_off(job)
        if self.requeue and not system.is_open(job):
            self._count(job, state)
            self.lost.append(LostRun(job, start_s, state.now_s, tuple(state.placement[job])))
            state.start_s[job] = math.nan
            return
        if not system.is_open(job):
            self.cut_s[job] = state.now_s
        system.tell_cut(job)

    def _count(self, job: int, state: QueueState) -> None:
        self._restarts[job] = self._restarts.get(job, 0) + 1
        if self._restarts[job] > MOST_RESTARTS:
            raise FacilityError(
                f"job {state.table.job_id[job]} lost its nodes {MOST_RESTARTS:,} times and never finished",
                where="facility.failures",
                hint="raise mtbf_s, or set facility.requeue=false",
            )
