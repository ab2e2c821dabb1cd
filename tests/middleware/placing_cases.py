"""One GPU slot on a pilot, one QPU, and stages that may use either, for tests of placement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qhpcsim.core.registry import lookup
from qhpcsim.core.rng import Rng
from qhpcsim.core.workflow_records import Alternative, Bag, Calls, Choice, Need, Workflow
from qhpcsim.facility.centre import Centre
from qhpcsim.middleware.client import Client, ClientCosts
from qhpcsim.middleware.pilots import PilotCosts, PilotPlan, Pilots
from qhpcsim.middleware.placing import Placer
from qhpcsim.middleware.pool import TaskPool
from qhpcsim.middleware.pool_costs import PoolCosts
from qhpcsim.middleware.workflows import WorkflowRun
from qhpcsim.qpu_scenario import QpuService
from qhpcsim.scenario import Partition, PlacementParams
from tests.job_tables import FCFS
from tests.middleware.hybrid_cases import no_jobs
from tests.middleware.pool_cases import binding

GPU = Need(1, 1)


def params(name: str = "least_completion", **given) -> PlacementParams:
    """Return a placement policy's parameters."""
    entry = lookup("placement", name)
    assert entry.params is not None
    return entry.params(name=name, **given)


def bag(*run_s: float, predicted_s: Sequence[float] | None = None) -> Bag:
    """Return tasks for the GPU."""
    return Bag(np.array(run_s), GPU, None if predicted_s is None else np.array(predicted_s))


def calls(*qpu_s: float, predicted_s: Sequence[float] | None = None, **more) -> Calls:
    """Return QPU jobs."""
    return Calls(np.array(qpu_s), None if predicted_s is None else np.array(predicted_s), **more)


def flow(*works: Bag | Calls | Choice, name: str = "w") -> Workflow:
    """Return works one after the other."""
    made = Workflow(name, "m")
    for work in works:
        made.add(type(work).__name__, work)
    return made


def either(gpu: Bag, qpu: Calls, **more) -> Choice:
    """Return a choice between the GPU and the QPU."""
    return Choice((Alternative("gpu", flow(gpu)), Alternative("qpu", flow(qpu), **more)))


@dataclass
class Sent:
    """A workflow and when it is sent."""

    at_s: float
    flow: Workflow


class Small:
    """A node with GPUs, a pilot on it, and a QPU service."""

    def __init__(self, placement=None, gpus=1, walltime_s=1e6, service: QpuService | None = None, costs=None):
        plan = PilotPlan("p", 1, walltime_s, "gpu", 8, gpus)
        service = QpuService() if service is None else service
        self.centre = Centre(no_jobs(), [plan.request()], {"gpu": Partition(nodes=1)}, FCFS, service, Rng(0))
        self.pool = TaskPool(self.centre.clock, binding("late"), costs or PoolCosts())
        self.pilots = Pilots(self.centre, self.pool, [plan], PilotCosts())
        self.pilots.submit_all()
        self.client = Client(self.pool, ClientCosts())
        self.placer = Placer(self.centre, placement or params(), self.pool)

    def run(self, *sent: Sent) -> list[WorkflowRun]:
        """Run workflows and return what became of them."""
        runs = []
        for k, each in enumerate(sent):
            run = WorkflowRun(each.flow, self.centre, self.client, session=1000 + k, placer=self.placer)
            self.centre.clock.call_at(each.at_s, lambda _event, run=run: run.start(), 1)
            runs.append(run)
        self.centre.run(lambda: 0.0)
        return runs


def taken(run: WorkflowRun) -> list[str]:
    """Return the alternatives that a workflow took."""
    return [part.workflow.motif.split("/")[-1] for part in run.all_runs()[1:]]
