"""The QPU side of a scenario: demand, QPUs with their cards, and what the service makes of the two."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from qhpcsim.core.qpu_records import QpuDemand, QpuJobState, QpuJobTable, QpuSchedule
from qhpcsim.core.records import FloatArray, JobTable, Schedule
from qhpcsim.core.rng import Rng
from qhpcsim.facility.qpu_changes import with_new_qpus
from qhpcsim.facility.qpu_gres import GresJobs, as_batch_jobs, qpu_schedule
from qhpcsim.facility.qpu_ledger import ledger
from qhpcsim.facility.qpu_service import QpuSystem
from qhpcsim.facility.qpu_simulation import open_service, run_of, run_qpu
from qhpcsim.models.qpu_fleet import Fleet, request_of
from qhpcsim.results.qpu_outcome import QpuOutcome
from qhpcsim.scenario import Partition, Scenario
from qhpcsim.simulation_calls import qpu_demand

Progress = Callable[[float], None]
_SHOWN = 5
"""Impossible jobs that a note names."""


class QpuSide:
    """QPU jobs on the QPUs of one scenario.

    Args:
        scenario: It has QPUs.
        zero_s: The simulation's zero on the axis of the workload's file.

    Raises:
        QhpcsimError: for a card, a workload or a service that is wrong.
    """

    def __init__(self, scenario: Scenario, zero_s: float = 0.0) -> None:
        self._rng = Rng(scenario.seed)
        service, self._since_s = with_new_qpus(scenario.qpu, scenario.changes, zero_s)
        self._fleet = Fleet.open(service, self._rng)
        self._demand = qpu_demand(scenario, self._rng)
        self._jobs = self._fleet.jobs(self._demand)
        self._quality = self._fleet.quality(self._demand)
        self._gres: GresJobs | None = None

    @property
    def on_premises(self) -> bool:
        """Whether the QPUs are resources of a partition of the batch system."""
        return self._fleet.service.access == "gres"

    def join(self, table: JobTable, partitions: Mapping[str, Partition]) -> tuple[JobTable, dict[str, Partition]]:
        """Return the batch workload with the QPU jobs in it, and the machine, for QPUs on premises."""
        limit_s = walltimes_s(self._fleet, self._demand)
        self._gres = as_batch_jobs(table, self._jobs, limit_s, self._fleet.service, partitions)
        return self._gres.table, self._gres.partitions

    def outcome(self, schedule: Schedule, progress: Progress | None = None) -> QpuOutcome:
        """Return what became of the QPU jobs.

        Args:
            schedule: Of the batch system, which has run already.
            progress: Called now and then with the fraction done.
        """
        service = self._fleet.service
        if self._gres is not None:
            return self._outcome(self._gres.jobs, qpu_schedule(self._gres, schedule, service))
        run = run_qpu(
            self._jobs, service, self._rng, fidelity=self._quality.at, progress=progress, since_s=self._since_s
        )
        if progress is not None:
            progress(1.0)
        return self._outcome(run.jobs, run.schedule)

    def open(self) -> QpuSystem:
        """Return the service with its jobs, ready to run, for those who step its clock themselves."""
        service, quality = self._fleet.service, self._quality
        return open_service(self._jobs, service, self._rng, quality.at, since_s=self._since_s)

    def outcome_of(self, system: QpuSystem) -> QpuOutcome:
        """Return what became of the QPU jobs of a service that ``open`` gave, after its clock has run out."""
        run = run_of(system, self._jobs)
        return self._outcome(run.jobs, run.schedule)

    def _outcome(self, jobs: QpuJobTable, schedule: QpuSchedule) -> QpuOutcome:
        service = self._fleet.service
        fidelity = np.full(jobs.n, np.nan)
        own = np.arange(self._demand.n)
        fidelity[own] = self._quality.of(own, schedule.qpu[own], schedule.started_s[own])
        return QpuOutcome(
            service=service,
            jobs=jobs,
            schedule=schedule,
            book=ledger(jobs, schedule, service),
            fidelity=fidelity,
            quality=[self._quality.timeline(k, schedule.end_s) for k in range(len(service.qpus))],
            notes=self._notes(jobs, schedule),
        )

    def _notes(self, jobs: QpuJobTable, schedule: QpuSchedule) -> tuple[str, ...]:
        """Return what a reader of the figures must know: times beyond a card's range, and why jobs were lost."""
        found = [f"extrapolated for {name}: {part}" for name, part in self._fleet.outside(self._demand)]
        rejected = schedule.state[: self._demand.n] == QpuJobState.REJECTED
        impossible = rejected & ~np.isfinite(jobs.drawn_s[: self._demand.n]).any(axis=1)
        if impossible.any():
            found += self._impossible(np.flatnonzero(impossible).tolist())
        if n_others := int((rejected & ~impossible).sum()):
            found.append(f"{n_others:,} QPU jobs rejected: queues full, or no QPU good enough or open long enough")
        n_killed = int((schedule.state == QpuJobState.FAILED).sum())
        if self._gres is not None and n_killed:
            found.append(
                f"{n_killed:,} QPU jobs killed at their walltime, the time that 95 % of such jobs keep; "
                "workload.overrun=extend lets them run on"
            )
        return tuple(found)

    def _impossible(self, lost: list[int]) -> list[str]:
        """Return why no QPU can run some jobs, the first ones by name."""
        why = {refusal.job: refusal.message for refusal in self._fleet.refusals(self._demand)}
        found = [f"no QPU can run {why[job].removeprefix('qpu_workload: ')}" for job in lost[:_SHOWN]]
        return found if len(lost) <= _SHOWN else [*found, f"no QPU can run {len(lost) - _SHOWN:,} more jobs"]


def walltimes_s(fleet: Fleet, demand: QpuDemand) -> FloatArray:
    """Return (n, q) the time that a batch job for each QPU asks for: 95 % of such jobs take no longer.

    A job whose time on the QPU the workload gives asks for that time.
    """
    request = request_of(demand)
    limit_s = np.column_stack([model.predict(request).p95_s for model in fleet.models])
    if demand.service_s is not None:
        given = np.isfinite(demand.service_s)
        limit_s[given] = demand.service_s[given, None]
    return limit_s
