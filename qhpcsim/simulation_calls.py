"""What runs with nodes and QPUs on one clock have in common: what they refuse, and the table of their QPU calls."""

from __future__ import annotations

import dataclasses

import numpy as np

from qhpcsim.core.errors import ConfigError
from qhpcsim.core.qpu_records import QpuDemand, QpuJobState, QpuJobTable, QpuSchedule
from qhpcsim.core.records import FloatArray, IntArray
from qhpcsim.core.registry import lookup
from qhpcsim.core.rng import Rng
from qhpcsim.facility.centre import Centre
from qhpcsim.facility.qpu_calls import calls_of
from qhpcsim.facility.qpu_guests import Guests
from qhpcsim.facility.qpu_ledger import ledger
from qhpcsim.facility.qpu_service import QpuSystem
from qhpcsim.models.call_quality import CallQuality
from qhpcsim.models.qpu_fleet import Fleet
from qhpcsim.models.qpu_quality import Quality
from qhpcsim.models.requests import Outside
from qhpcsim.qpu_scenario import QpuService
from qhpcsim.results.qpu_outcome import QpuOutcome
from qhpcsim.scenario import Scenario


def check_one_clock(
    scenario: Scenario, what: str, count_hint: str, load_hint: str, *, takes_guests: bool = False
) -> None:
    """Raise ``ConfigError`` for what such a run does not know, rather than leave it out.

    Args:
        scenario: The scenario.
        what: ``hybrid jobs`` or ``applications``, for the message.
        count_hint: What to set instead of ``workload.max_jobs``.
        load_hint: What to set instead of ``workload.load_scale``.
        takes_guests: QPU jobs of ``qpu_workload`` may come beside theirs.
    """
    workload, service = scenario.workload, scenario.qpu
    other_jobs = scenario.qpu_workload.source != "none" and not takes_guests
    unknown = (
        ("workload.max_jobs", workload.max_jobs is not None, count_hint),
        ("workload.load_scale", workload.load_scale != 1.0, load_hint),
        ("qpu_workload", other_jobs, f"{what} bring their own QPU calls; qpu.qpus.NAME.background loads the QPUs"),
        ("qpu.access", service.access != "queue", "qpu.access=queue"),
        ("engine", scenario.engine == "kernel", "engine=auto"),
    )
    for key, there, hint in unknown:
        if there:
            raise ConfigError(f"does not go together with {what}", where=key, hint=hint)


def qpu_demand(scenario: Scenario, rng: Rng) -> QpuDemand:
    """Return the QPU jobs of a scenario.

    Raises:
        QhpcsimError: for a workload that is wrong.
    """
    workload = scenario.qpu_workload
    entry = lookup("qpu_generator", workload.source, "qpu_workload.source")
    demand: QpuDemand = entry.target(workload, rng)
    return demand


class Foretold:
    """The fidelity that is expected of every job of a service.

    That of a job with a known size follows the drift of the QPUs; of any other it is what its sender said.

    Args:
        system: The service.
        fleet: Its QPUs.
        quality: Of jobs with a size.
    """

    def __init__(self, system: QpuSystem, fleet: Fleet, quality: CallQuality | None = None) -> None:
        self.quality = quality or CallQuality(fleet)
        self.guests: Guests | None = None
        """Jobs of other users beside those of the simulation."""
        self._system, self._fleet = system, fleet
        self._of_guests: Quality | None = None
        self._outside: list[tuple[str, Outside]] = []

    def invite(self, scenario: Scenario, centre: Centre) -> None:
        """Let the QPU jobs of a scenario come too.

        Raises:
            QhpcsimError: for jobs that are wrong.
        """
        if scenario.qpu_workload.source != "none":
            demand = qpu_demand(scenario, self._fleet.rng)
            self._of_guests, self._outside = self._fleet.quality(demand), self._fleet.outside(demand)
            self.guests = Guests(centre.clock, self._system, self._fleet.jobs(demand))

    def at(self, job: int, qpu: int, time_s: float) -> float:
        """Return the expected fidelity of a job that starts then on that QPU; NaN where nobody knows."""
        jobs = self._system.jobs
        if job in jobs.sizes:
            return self.quality.at(jobs.sizes[job], qpu, time_s)
        if self.guests is not None and self._of_guests is not None and job in self.guests.row_of:
            return self._of_guests.at(self.guests.row_of[job], qpu, time_s)
        return jobs.fidelity[qpu][job]

    def outside(self) -> list[str]:
        """Return sentences about guests whose times are extrapolated."""
        return [f"extrapolated for {name}: {part}" for name, part in self._outside]


def calls_outcome(centre: Centre, fleet: Fleet, foretold: Foretold | None = None) -> QpuOutcome:
    """Return what became of the jobs that a centre's QPU service got while it ran.

    Args:
        centre: After its run.
        fleet: Its QPUs.
        foretold: What was expected of the jobs; None: what they said themselves.
    """
    system, service = centre.qpu, fleet.service
    assert system is not None
    foretold = foretold or Foretold(system, fleet)
    order, jobs, schedule = calls_of(system)
    jobs = _filled(jobs, system, order, foretold)
    fidelity = [
        foretold.at(job, qpu, start_s) if start_s == start_s and job not in system.jobs.opens else np.nan
        for job, qpu, start_s in zip(order.tolist(), schedule.qpu.tolist(), schedule.started_s.tolist(), strict=True)
    ]
    return QpuOutcome(
        service=service,
        jobs=jobs,
        schedule=schedule,
        book=ledger(jobs, schedule, service),
        fidelity=np.array(fidelity, dtype=np.float64),
        quality=[foretold.quality.timeline(k, schedule.end_s) for k in range(len(service.qpus))],
        notes=(*foretold.outside(), *_notes(jobs, schedule, service)),
    )


def _filled(jobs: QpuJobTable, system: QpuSystem, order: IntArray, foretold: Foretold) -> QpuJobTable:
    """Return the table with credits, and with ids, circuits and shots of guests."""
    sizes = [None if job in system.jobs.opens else system.jobs.sizes.get(job) for job in order.tolist()]
    credits_used: FloatArray = np.array([foretold.quality.hqc(size) for size in sizes], dtype=np.float64)
    guests = foretold.guests
    if guests is None:
        return dataclasses.replace(jobs, hqc=credits_used) if any(sizes) else jobs
    n, table = jobs.n, guests.table
    circuits = np.zeros(n, np.int32) if jobs.circuits is None else jobs.circuits
    shots = np.zeros(n, np.int64) if jobs.shots is None else jobs.shots
    others = np.zeros(n, np.bool_) if jobs.background is None else jobs.background
    ids = np.array([f"background-{k}" if other else f"call-{k}" for k, other in enumerate(others)], dtype=object)
    for place, job in enumerate(order.tolist()):
        row = guests.row_of.get(job)
        if row is not None:
            ids[place] = str(row if table.job_id is None else table.job_id[row])
            circuits[place] = 0 if table.circuits is None else table.circuits[row]
            shots[place] = 0 if table.shots is None else table.shots[row]
            credits_used[place] = 0.0 if table.hqc is None else table.hqc[row]
    return dataclasses.replace(jobs, hqc=credits_used, circuits=circuits, shots=shots, job_id=ids)


def _notes(jobs: QpuJobTable, schedule: QpuSchedule, service: QpuService) -> tuple[str, ...]:
    """Return what a reader of the figures must know."""
    own = np.ones(jobs.n, np.bool_) if jobs.background is None else ~jobs.background
    found = []
    n_rejected = int((own & (schedule.state == QpuJobState.REJECTED)).sum())
    if n_rejected:
        found.append(f"{n_rejected:,} QPU jobs rejected: queues full, or no QPU good enough or open long enough")
    prices = [device.prices for device in service.qpus.values() if device.prices is not None]
    unknown = own & (schedule.used_s > 0) & (jobs.shots == 0 if jobs.shots is not None else True)
    n_unknown = int(unknown.sum())
    if n_unknown and any(price.per_shot or price.per_hqc for price in prices):
        found.append(f"the cost of {n_unknown:,} QPU calls holds no price of shots: nobody says how many they are")
    return tuple(found)
