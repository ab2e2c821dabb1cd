"""The hybrid side of a scenario: hybrid jobs, their coupling, and one clock for nodes and QPUs."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from qhpcsim.core.hybrid_records import HybridWork
from qhpcsim.core.records import JobTable, Schedule
from qhpcsim.core.registry import lookup
from qhpcsim.core.rng import Rng
from qhpcsim.middleware.hybrid import HybridJobs
from qhpcsim.models.qpu_fleet import Fleet
from qhpcsim.policies.coupling.actions import TOKENS, Coupling
from qhpcsim.qpu_scenario import QpuService
from qhpcsim.results.hybrid_outcome import HybridOutcome
from qhpcsim.results.qpu_outcome import QpuOutcome
from qhpcsim.scenario import Partition, Scenario
from qhpcsim.simulation_calls import calls_outcome, check_one_clock


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
    check_one_clock(scenario, "hybrid jobs", "set workload.n_jobs", "set workload.gaps and workload.rigid.load")
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
    qpu = calls_outcome(jobs.centre, fleet)
    hybrid = HybridOutcome(scenario.coupling.name, work.jobs, jobs.runs, len(fleet.service.qpus))
    return HybridResult(table, schedule, machine, qpu, hybrid)
