"""The hybrid side of a scenario: hybrid jobs, their coupling, and one clock for nodes and QPUs."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from qhpcsim.core.errors import ConfigError
from qhpcsim.core.hybrid_records import HybridWork
from qhpcsim.core.records import JobTable, Schedule
from qhpcsim.core.registry import lookup
from qhpcsim.core.rng import Rng
from qhpcsim.facility.qpu_calls import calls_of
from qhpcsim.facility.qpu_ledger import ledger
from qhpcsim.facility.qpu_simulation import schedule_of
from qhpcsim.middleware.hybrid import HybridJobs
from qhpcsim.models.qpu_fleet import Fleet
from qhpcsim.policies.coupling.actions import TOKENS, Coupling
from qhpcsim.qpu_scenario import QpuService
from qhpcsim.results.hybrid_outcome import HybridOutcome
from qhpcsim.results.qpu_outcome import QpuOutcome
from qhpcsim.scenario import Partition, Scenario


@dataclasses.dataclass
class HybridResult:
    """What a run of hybrid jobs gave: all batch jobs that came of it, the QPU service's jobs, the hybrid jobs."""

    table: JobTable
    schedule: Schedule
    partitions: dict[str, Partition]
    qpu: QpuOutcome
    hybrid: HybridOutcome


def simulate_hybrid(
    scenario: Scenario,
    work: HybridWork,
    partitions: dict[str, Partition],
    progress: Callable[[float], None] | None = None,
) -> HybridResult:
    """Return what becomes of hybrid jobs and the rigid jobs beside them.

    Args:
        scenario: Its QPUs (one abstract QPU if it has none), scheduler cycles, coupling and seed.
        work: The jobs.
        partitions: The machine; a partition ``qpu`` of tokens is added where the coupling needs one.
        progress: Called now and then with the fraction done.

    Raises:
        QhpcsimError: for a scenario that cannot be run.
    """
    _check(scenario)
    rng = Rng(scenario.seed)
    given = scenario.qpu if scenario.qpu.qpus else QpuService()
    fleet = Fleet.open(given, rng)
    coupling: Coupling = lookup("coupling", scenario.coupling.name, "coupling").target(scenario.coupling)
    machine = dict(partitions)
    n_tokens = coupling.n_tokens(len(fleet.service.qpus))
    if n_tokens and TOKENS not in machine:
        machine[TOKENS] = Partition(nodes=n_tokens)
    jobs = HybridJobs(
        work.jobs,
        coupling,
        work.table,
        machine,
        scenario.policy,
        fleet.service,
        rng,
        scenario.scheduler,
        scenario.workload.overrun,
    )
    jobs.simulate(progress)
    table, schedule = jobs.centre.outcome()
    qpu = _qpu_outcome(jobs, fleet)
    hybrid = HybridOutcome(scenario.coupling.name, work.jobs, jobs.runs, len(fleet.service.qpus))
    return HybridResult(table, schedule, machine, qpu, hybrid)


def _check(scenario: Scenario) -> None:
    """Raise ``ConfigError`` for what a run of hybrid jobs does not know, rather than leave it out."""
    workload, service = scenario.workload, scenario.qpu
    unknown = (
        ("workload.max_jobs", workload.max_jobs is not None, "set workload.n_jobs"),
        ("workload.load_scale", workload.load_scale != 1.0, "set workload.gaps and workload.rigid.load"),
        ("qpu_workload", scenario.qpu_workload.source != "none", "the hybrid jobs bring their own calls"),
        ("qpu.access", service.access != "queue", "coupling=exclusive gives each job a QPU of its own"),
        ("qpu.qpus", any(device.background for device in service.qpus.values()), "leave out background"),
        ("engine", scenario.engine == "kernel", "engine=auto"),
    )
    for key, there, hint in unknown:
        if there:
            raise ConfigError("does not go together with hybrid jobs", where=key, hint=hint)


def _qpu_outcome(jobs: HybridJobs, fleet: Fleet) -> QpuOutcome:
    system = jobs.centre.qpu
    assert system is not None
    calls, schedule = calls_of(system), schedule_of(system)
    return QpuOutcome(
        service=fleet.service,
        jobs=calls,
        schedule=schedule,
        book=ledger(calls, schedule, fleet.service),
        fidelity=np.full(calls.n, np.nan),
        quality=[[] for _ in fleet.service.qpus],
    )
