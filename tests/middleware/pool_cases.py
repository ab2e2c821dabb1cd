"""Pilots, pools and clients for tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from qhpcsim.core.registry import lookup
from qhpcsim.core.task_records import TaskState
from qhpcsim.core.workflow_records import Need
from qhpcsim.facility.centre import Centre
from qhpcsim.middleware.client import Client, ClientCosts
from qhpcsim.middleware.pilots import PilotCosts, PilotPlan, Pilots, requests_of
from qhpcsim.middleware.pool import TaskPool
from qhpcsim.middleware.pool_costs import PoolCosts
from qhpcsim.middleware.slots import ONE_CORE, PoolTask
from qhpcsim.scenario import Partition, Policy
from tests.job_tables import FCFS
from tests.middleware.hybrid_cases import no_jobs


def binding(name: str, **params):
    """Return a binding policy."""
    entry = lookup("binding", name)
    assert entry.params is not None
    return entry.target(entry.params(**params))


def plan(name: str = "p", nodes: int = 1, cores: float = 1.0, walltime_s: float = 1e6, **more) -> PilotPlan:
    """Return a pilot of the only partition."""
    return PilotPlan(name, nodes, walltime_s, "cpu", cores, **more)


def tasks(*run_s: float, need: Need = ONE_CORE, **more) -> list[PoolTask]:
    """Return tasks of these lengths, rightly predicted."""
    return [PoolTask(each, need, each, **more) for each in run_s]


@dataclass
class Case:
    """A centre with pilots, their pool and its client."""

    centre: Centre
    pool: TaskPool
    pilots: Pilots
    client: Client
    done_s: list[float] = field(default_factory=list)

    def bag(self, work: Sequence[PoolTask], pilot: int = -1, at_s: float = 0.0) -> None:
        """Let the client send a bag at a time and note when it is done."""
        clock = self.centre.clock
        clock.call_at(at_s, lambda _e: self.client.run(work, lambda: self.done_s.append(clock.now), pilot), 1)

    def at(self, time_s: float, function: Callable[[], object]) -> None:
        """Call a function at a time."""
        self.centre.clock.call_at(time_s, lambda _event: function(), 1)

    def run(self) -> None:
        """Run until nothing is left to happen."""
        self.centre.run(lambda: 0.0)


def case(
    plans: Sequence[PilotPlan],
    costs: PoolCosts | None = None,
    policy: str = "late",
    client: ClientCosts | None = None,
    pilot_costs: PilotCosts | None = None,
    slowdown: Callable[[float], float] | None = None,
    nodes: int = 64,
    table=None,
    batch: Policy = FCFS,
) -> Case:
    """Return a case whose pilots are submitted at their times."""
    partitions = {"cpu": Partition(nodes=nodes)}
    centre = Centre(no_jobs() if table is None else table, requests_of(plans), partitions, batch)
    pool = TaskPool(centre.clock, binding(policy), costs or PoolCosts(), slowdown)
    pilots = Pilots(centre, pool, plans, pilot_costs or PilotCosts())
    pilots.submit_all()
    return Case(centre, pool, pilots, Client(pool, client or ClientCosts()))


def starts(work: Sequence[PoolTask]) -> list[float]:
    """Return when tasks started."""
    return [each.started_s for each in work]


def ends(work: Sequence[PoolTask]) -> list[float]:
    """Return when tasks ended."""
    return [each.ended_s for each in work]


def states(work: Sequence[PoolTask]) -> list[str]:
    """Return the names of tasks' states."""
    return [TaskState(each.state).name for each in work]
