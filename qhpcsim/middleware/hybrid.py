"""Runs hybrid jobs on a centre: each follows the actions of its coupling."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from qhpcsim.core.errors import ConfigError, FacilityError
from qhpcsim.core.hybrid_records import HybridJob, HybridRun
from qhpcsim.core.rng import Rng
from qhpcsim.facility.centre import Centre, OpenRequest
from qhpcsim.facility.open_jobs import NORMAL
from qhpcsim.middleware.hybrid_runner import HybridRunner
from qhpcsim.middleware.shared_pilots import (
    OutOfRowsError,
    SharedPilots,
    first_rows,
    pilot_plans,
    pilot_requests,
    share_out,
)
from qhpcsim.policies.coupling.actions import Coupling, PilotPlan, Start
from qhpcsim.qpu_scenario import QpuService
from qhpcsim.scenario import Change, Policy, Scheduler

MOST_PILOTS = 2_000_000
"""Pilots of a pool that are too many to be meant."""
OnCentre = Callable[[Centre], None]


class HybridJobs:
    """Hybrid jobs on a centre of their own, with rigid jobs beside them.

    How often pilots are renewed is not known beforehand, but the table of batch jobs has a fixed number of rows. Where
    those kept for pilots do not suffice, the simulation begins anew with twice as many: rows that are never submitted
    change nothing.

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
        prepare: Called with the centre before anything happens on it.
        changes: Of the machine or its rules, on the way.
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
        prepare: OnCentre | None = None,
        changes: Sequence[Change] = (),
    ) -> None:
        for job in jobs:
            _check(job)
        self._jobs, self._coupling, self._home = jobs, coupling, next(iter(partitions), "")
        self._plan_of = pilot_plans(jobs, coupling, self._home)
        self._n_rows = first_rows(jobs, self._plan_of)
        self._prepare = prepare
        self._open_centre: Callable[[list[OpenRequest]], Centre] = lambda requests: Centre(
            table, requests, partitions, policy, service, rng, scheduler, overrun, changes
        )
        self._begin()

    def _begin(self) -> None:
        """Set everything to time 0."""
        requests: list[OpenRequest] = []
        firsts: list[int] = []
        rows: dict[PilotPlan, range] = {}
        for job in self._jobs:
            firsts.append(len(requests))
            requests += _requests(job, self._coupling, self._home)
        for plan, n in self._n_rows.items():
            rows[plan] = range(len(requests), len(requests) + n)
            requests += pilot_requests(plan, n)
        self.centre = self._open_centre(requests)
        pools = {plan: SharedPilots(self.centre, plan, map(self.centre.row, rows[plan])) for plan in rows}
        self.pools = list(pools.values())
        """Pilots that jobs share."""
        self.runners = [
            HybridRunner(self, k, job, self._coupling.steps(job), firsts[k], None if plan is None else pools[plan])
            for k, (job, plan) in enumerate(zip(self._jobs, self._plan_of, strict=True))
        ]
        self._n_done = 0
        self._outside: list[HybridRunner] = []
        self._admitted: list[HybridRunner] = []
        for runner in self.runners:
            self.centre.clock.call_at(runner.job.submit_s, runner.arrive, NORMAL)
        if self._prepare is not None:
            self._prepare(self.centre)

    @property
    def runs(self) -> list[HybridRun]:
        """What became of each job."""
        return [runner.run for runner in self.runners]

    @property
    def pilots(self) -> list[tuple[int, float, float]]:
        """(nodes, start, end) of every pilot that jobs shared."""
        return [held for pool in self.pools for held in pool.held]

    def simulate(self, progress: Callable[[float], None] | None = None) -> None:
        """Run until nothing is left to happen."""
        while True:
            try:
                self.centre.run(lambda: self._n_done / max(1, len(self.runners)), progress)
            except OutOfRowsError:
                self._more_rows()
                self._begin()
            else:
                break
        for pool in self.pools:
            share_out(pool, [(each.job, each.run) for each in self.runners if each.pool is pool])

    def _more_rows(self) -> None:
        """Keep twice as many rows for pilots.

        Raises:
            FacilityError: if pilots are renewed without end.
        """
        self._n_rows = {plan: 2 * n for plan, n in self._n_rows.items()}
        if max(self._n_rows.values()) > MOST_PILOTS:
            raise FacilityError(
                f"more than {MOST_PILOTS // 2:,} pilots were needed",
                where="coupling.walltime_s",
                hint="longer pilots, or nodes that fail less often",
            )

    def arrive(self, runner: HybridRunner) -> None:
        """Let a job begin as soon as its coupling admits it, in order of submission."""
        self._outside.append(runner)
        self._admit()

    def leave(self, runner: HybridRunner) -> None:
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
    times = np.concatenate([np.ravel(job.cpu_s), job.least_qpu_s, [job.last_s]])
    if not (np.isfinite(times) & (times >= 0)).all() or len(job.qpu_s) != job.n_calls:
        raise ConfigError(f"hybrid job {job.name}: phases must be finite, ≥ 0 and as many as calls", where="workload")
