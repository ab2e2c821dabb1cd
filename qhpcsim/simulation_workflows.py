"""The applications of a scenario: workflows of motifs on pilots, one clock for nodes and QPUs."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from qhpcsim.core.collection import no_collection
from qhpcsim.core.records import JobTable, Schedule
from qhpcsim.core.rng import Rng
from qhpcsim.core.workflow_records import WorkflowWork
from qhpcsim.facility.changed_sizes import in_partitions
from qhpcsim.facility.qpu_changes import refuse_new_qpus
from qhpcsim.metrics.workflows import ApplicationRow
from qhpcsim.middleware.applications import Applications, TaskLayer
from qhpcsim.middleware.backends import open_backend
from qhpcsim.middleware.client import ClientCosts
from qhpcsim.middleware.pilots import PilotCosts
from qhpcsim.middleware.pool_costs import PoolCosts
from qhpcsim.models.circuit_times import ModelTimes
from qhpcsim.models.node_contention import TaskBag
from qhpcsim.models.qpu_fleet import Fleet
from qhpcsim.results.qpu_outcome import QpuOutcome
from qhpcsim.results.workflow_outcome import WorkflowOutcome
from qhpcsim.scenario import Middleware, Partition, Scenario
from qhpcsim.simulation_calls import calls_outcome, check_one_clock


@dataclasses.dataclass
class WorkflowResult:
    """What a run of applications gave: all batch jobs that came of it, the QPU service's jobs, the applications."""

    table: JobTable
    schedule: Schedule
    partitions: dict[str, Partition]
    qpu: QpuOutcome | None
    workflows: WorkflowOutcome


@no_collection()
def simulate_workflows(
    scenario: Scenario,
    work: WorkflowWork,
    partitions: dict[str, Partition],
    progress: Callable[[float], None] | None = None,
) -> WorkflowResult:
    """Return what becomes of applications and the rigid jobs beside them.

    Args:
        scenario: Its QPUs, policy, scheduler cycles, middleware and seed.
        work: The applications.
        partitions: The machine.
        progress: Called now and then with the fraction done.

    Raises:
        QhpcsimError: for a scenario that cannot be run.
    """
    check_one_clock(scenario, "applications", "set workload.n_applications", "set workload.gaps")
    refuse_new_qpus(
        scenario.changes,
        "applications draw the times of their circuits for all QPUs before they begin",
        "count=2 of the QPU from the beginning, or a workload of hybrid jobs",
    )
    rng = Rng(scenario.seed)
    fleet = Fleet.open(scenario.qpu, rng) if scenario.qpu.qpus else None
    applications = Applications(
        work,
        ModelTimes(rng, fleet),
        partitions,
        scenario.policy,
        task_layer(scenario.middleware),
        None if fleet is None else fleet.service,
        rng,
        scenario.scheduler,
        scenario.workload.overrun,
        in_partitions(scenario.changes, partitions),
    )
    applications.simulate(progress)
    table, schedule = applications.centre.outcome()
    qpu = None if fleet is None else calls_outcome(applications.centre, fleet)
    found = WorkflowOutcome(_rows(work, applications), applications.tasks())
    return WorkflowResult(table, schedule, applications.centre.partitions, qpu, found)


def task_layer(params: Middleware) -> TaskLayer:
    """Return what a scenario's middleware costs and decides.

    Raises:
        CardError: if a card is missing or wrong.
    """
    pilot, pool, client = PilotCosts(), PoolCosts(), ClientCosts()
    if params.backend:
        backend = open_backend(params.backend, params.faithful)
        pilot, pool, client = backend.pilot, backend.pool, backend.client
    return TaskLayer(
        binding=params.binding,
        scaling=params.scaling,
        placement=params.placement,
        pool=dataclasses.replace(pool, retries=params.retries),
        pilot=pilot,
        client=client,
        slowdown=_slowdown(params.contention) if params.contention else None,
        waits=params.waits,
    )


def _slowdown(card: str) -> Callable[[float], float]:
    node = TaskBag.open(card).node
    return lambda cores: float(node.slowdown(cores))


def _rows(work: WorkflowWork, applications: Applications) -> list[ApplicationRow]:
    """Return one row an application."""
    return [
        ApplicationRow(
            asked.name,
            asked.motif,
            asked.user,
            asked.submit_s,
            run.started_s,
            run.ended_s if not np.isnan(run.ended_s) else np.nan,
            run.state,
            sum(len(stage.tasks) + len(stage.calls) for part in run.all_runs() for stage in part.stages),
            run.n_failed,
        )
        for asked, run in zip(work.applications, applications.runs, strict=True)
    ]
