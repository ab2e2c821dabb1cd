"""The hybrid side of a scenario: hybrid jobs, their coupling, and one clock for nodes and QPUs."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from qhpcsim.core.collection import no_collection
from qhpcsim.core.errors import ConfigError, WorkloadError
from qhpcsim.core.hybrid_records import HybridJob, HybridWork
from qhpcsim.core.records import JobTable, Schedule
from qhpcsim.core.registry import lookup
from qhpcsim.core.rng import Rng
from qhpcsim.facility.centre import Centre
from qhpcsim.facility.changed_sizes import in_partitions
from qhpcsim.facility.qpu_changes import with_new_qpus
from qhpcsim.middleware.hybrid import HybridJobs
from qhpcsim.models.call_quality import CallQuality
from qhpcsim.models.qpu_fleet import Fleet
from qhpcsim.policies.coupling.actions import TOKENS, Call, Coupling
from qhpcsim.qpu_scenario import QpuService
from qhpcsim.results.hybrid_outcome import HybridOutcome
from qhpcsim.results.qpu_outcome import QpuOutcome
from qhpcsim.scenario import Change, Partition, Scenario
from qhpcsim.simulation_calls import Foretold, calls_outcome, check_one_clock


@dataclasses.dataclass
class HybridResult:
    """What a run of hybrid jobs gave: all batch jobs that came of it, the QPU service's jobs, the hybrid jobs."""

    table: JobTable
    schedule: Schedule
    partitions: dict[str, Partition]
    qpu: QpuOutcome
    hybrid: HybridOutcome
    scenario: Scenario
    """As given, with the tokens of QPUs that join among its changes."""


@no_collection()
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
    check_one_clock(
        scenario, "hybrid jobs", "set workload.n_jobs", "set workload.gaps and workload.rigid.load", takes_guests=True
    )
    rng = Rng(scenario.seed)
    given = scenario.qpu if scenario.qpu.qpus else QpuService()
    service, since_s = with_new_qpus(given, scenario.changes, work.table.zero_s)
    fleet = Fleet.open(service, rng)
    coupling: Coupling = lookup("coupling", scenario.coupling.name, "coupling").target(scenario.coupling)
    machine, changes = dict(partitions), in_partitions(scenario.changes, partitions)
    n_tokens = coupling.n_tokens(len(given.qpus))
    if n_tokens and TOKENS not in machine:
        machine[TOKENS] = Partition(nodes=n_tokens)
        changes = with_tokens(changes, coupling, len(given.qpus))
    quality = CallQuality(fleet)
    asked = [fitted(job, coupling, fleet, quality) for job in work.jobs]
    foretold: list[Foretold] = []

    def prepare(centre: Centre) -> None:
        assert centre.qpu is not None
        foretold[:] = [Foretold(centre.qpu, fleet, quality)]
        foretold[0].invite(scenario, centre)
        centre.qpu.join_at(since_s)
        centre.qpu.foretell(foretold[0].at)

    jobs = HybridJobs(
        asked,
        coupling,
        work.table,
        machine,
        scenario.policy,
        fleet.service,
        rng,
        scenario.scheduler,
        scenario.workload.overrun,
        prepare,
        changes,
    )
    jobs.simulate(progress)
    table, schedule = jobs.centre.outcome()
    qpu = calls_outcome(jobs.centre, fleet, foretold[0])
    hybrid = HybridOutcome(scenario.coupling.name, asked, jobs.runs, len(fleet.service.qpus), jobs.pilots)
    told = dataclasses.replace(scenario, changes=tuple(changes)) if changes else scenario
    return HybridResult(table, schedule, jobs.centre.partitions, qpu, hybrid, told)


def with_tokens(changes: Sequence[Change], coupling: Coupling, n_qpus: int) -> list[Change]:
    """Return changes that add tokens of QPUs together with the QPUs.

    Args:
        changes: In order of time.
        coupling: Says how many tokens there are for how many QPUs.
        n_qpus: At the beginning.
    """
    found: list[Change] = []
    for change in changes:
        found.append(change)
        more = coupling.n_tokens(n_qpus + change.add_qpus) - coupling.n_tokens(n_qpus)
        n_qpus += change.add_qpus
        if more:
            found.append(Change(at_s=change.at_s, add_nodes=more, partition=TOKENS))
    return found


def fitted(job: HybridJob, coupling: Coupling, fleet: Fleet, quality: CallQuality) -> HybridJob:
    """Return a hybrid job whose calls take infinitely long on QPUs that cannot run them.

    Raises:
        ConfigError: for an impossible call, or a least fidelity that nobody could tell.
        WorkloadError: if no QPU can run its calls.
    """
    n_qpus = len(fleet.service.qpus)
    refused = _refused(job, quality)
    if not np.isnan(job.min_fidelity):
        _check_least(job, coupling, quality, n_qpus)
    if not refused:
        return job
    if len(refused) == n_qpus:
        why = "; ".join(refused.values())
        raise WorkloadError(f"no QPU can run the calls of {job.name}: {why}", where="workload.call")
    times_s = np.broadcast_to(job.qpu_s.reshape(job.n_calls, -1), (job.n_calls, n_qpus)).copy()
    times_s[:, list(refused)] = np.inf
    return dataclasses.replace(job, qpu_s=times_s)


def _refused(job: HybridJob, quality: CallQuality) -> dict[int, str]:
    """Return why QPUs, by index, cannot run a job's calls."""
    if job.call is None:
        return {}
    try:
        return quality.refused(job.call)
    except ConfigError as error:
        raise ConfigError(error.message, where="workload.call", allowed=error.allowed) from None


def _check_least(job: HybridJob, coupling: Coupling, quality: CallQuality, n_qpus: int) -> None:
    """Refuse a least fidelity where no QPU could ever be said to reach it."""
    where = "workload.min_fidelity"
    if job.call is None:
        raise ConfigError("nobody says what a call asks for", where=where, hint="give workload.call.n_2q and the like")
    if any(isinstance(step, Call) and step.owned for step in coupling.steps(job)):
        raise ConfigError("the batch system chooses the QPU of such a job", where=where, hint="another coupling")
    if all(np.isnan(quality.at(job.call, qpu, 0.0)) for qpu in range(n_qpus)):
        raise ConfigError("no QPU's card states errors", where=where, hint="qpu.qpus.NAME.card=CARD, or leave it out")
