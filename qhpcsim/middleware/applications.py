"""Runs applications on a centre: each brings its pilots, or shares others', and sends its tasks and QPU calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count

from qhpcsim.core.circuit_times import CircuitTimes
from qhpcsim.core.errors import ConfigError, FacilityError, nearest
from qhpcsim.core.registry import lookup
from qhpcsim.core.rng import Rng
from qhpcsim.core.task_records import TaskTable
from qhpcsim.core.workflow_records import Application, PilotAsk, Workflow, WorkflowWork
from qhpcsim.facility.centre import Centre
from qhpcsim.facility.open_jobs import NORMAL
from qhpcsim.middleware.client import Client, ClientCosts
from qhpcsim.middleware.cut_strategies import with_strategies
from qhpcsim.middleware.node_clock import Slowdown
from qhpcsim.middleware.pilot_starts import PilotStarts
from qhpcsim.middleware.pilots import PilotCosts, PilotPlan, PilotRun, Pilots, requests_of
from qhpcsim.middleware.placing import Placer
from qhpcsim.middleware.pool import TaskPool
from qhpcsim.middleware.pool_costs import PoolCosts
from qhpcsim.middleware.scaling import Scaler, needs_left, resizable
from qhpcsim.middleware.task_rows import task_table
from qhpcsim.middleware.time_alone import n_slots, time_alone_s
from qhpcsim.middleware.workflows import WorkflowRun
from qhpcsim.qpu_scenario import QpuService
from qhpcsim.scenario import BindingParams, Change, Partition, PlacementParams, Policy, ScalingParams, Scheduler
from qhpcsim.workloads.motifs.making import workflow_of


@dataclass(frozen=True, slots=True)
class TaskLayer:
    """How applications run their tasks."""

    binding: BindingParams = field(default_factory=BindingParams)
    scaling: ScalingParams = field(default_factory=ScalingParams)
    placement: PlacementParams = field(default_factory=PlacementParams)
    pool: PoolCosts = field(default_factory=PoolCosts)
    """Its ``load_s`` is the least; an application may take longer to load."""
    pilot: PilotCosts = field(default_factory=PilotCosts)
    client: ClientCosts = field(default_factory=ClientCosts)
    slowdown: Slowdown | None = None
    """Run time over run time alone, as a function of the cores in use on a node; None: 1."""
    waits: bool = False
    """Applications begin when their first pilot runs; False: at once, and their tasks wait for pilots."""


@dataclass(slots=True)
class _Group:
    """Applications that share pilots."""

    members: list[int]
    pool: TaskPool
    pilots: Pilots
    placer: Placer
    n_over: int = 0

    @property
    def is_over(self) -> bool:
        """Whether all its applications are."""
        return self.n_over == len(self.members)


class Applications:
    """The applications of a workload on a centre of their own, rigid jobs beside them.

    Model: at its submission an application puts its pilots into the batch queue and begins; its tasks wait for slots
        of its pilots, its QPU calls go to the service, and its pilots are given back when it, and all others that use
        them, are over. Each has a client of its own.
    Assumes: the client runs outside the pilots and is never waited for.
    Not modelled: users who submit again when an application failed.
    Source: arXiv:2604.03445, all four layers.

    Args:
        work: Applications, and rigid jobs beside them.
        times: Device models; the workflows are made with them.
        partitions: The machine.
        policy: Batch policy.
        layer: How tasks run.
        service: QPUs; None: none.
        rng: Streams ``motif/NAME`` and those of the QPU service.
        scheduler: Cycles of a Slurm-like scheduler.
        overrun: ``kill`` or ``extend``, for the rigid jobs.
        changes: Of the machine or its rules, on the way.

    Raises:
        QhpcsimError: for an application that could never run; names it.
    """

    def __init__(
        self,
        work: WorkflowWork,
        times: CircuitTimes,
        partitions: dict[str, Partition],
        policy: Policy,
        layer: TaskLayer | None = None,
        service: QpuService | None = None,
        rng: Rng | None = None,
        scheduler: Scheduler | None = None,
        overrun: str = "kill",
        changes: Sequence[Change] = (),
    ) -> None:
        self.work, self.layer = work, layer or TaskLayer()
        rng = rng or Rng(0)
        flows = [with_strategies(workflow_of(each, rng, times), self.layer.pool) for each in work.applications]
        groups = _grouped(work.applications)
        plans = [
            _plans([work.applications[k] for k in members], [flows[k] for k in members], partitions, self.layer)
            for members in groups
        ]
        requests = [request for of_group in plans for request in requests_of(of_group)]
        self.centre = Centre(work.table, requests, partitions, policy, service, rng, scheduler, overrun, changes)
        self._groups: list[_Group] = []
        self._sessions = count(len(flows))
        first = 0
        for members, of_group in zip(groups, plans, strict=True):
            self._groups.append(self._open(members, of_group, first, [flows[k] for k in members]))
            first += len(requests_of(of_group))
        of = {k: group for group in self._groups for k in group.members}
        self.runs = [self._run(k, flow, of[k]) for k, flow in enumerate(flows)]
        """What became of each workflow, in the order of the applications."""
        for k, run in enumerate(self.runs):
            begin = partial(self._arrive, k, of[k])
            self.centre.clock.call_at(max(run.workflow.submit_s, self.centre.clock.now), begin, NORMAL)

    def _open(self, members: list[int], plans: list[PilotPlan], first: int, flows: Sequence[Workflow]) -> _Group:
        """Make the pool and the pilots of applications that share them."""
        layer = self.layer
        costs = replace(layer.pool, load_s=max([layer.pool.load_s, *(flow.load_s for flow in flows)]))
        binding = lookup("binding", layer.binding.name, "binding").target(layer.binding)
        pool = TaskPool(self.centre.clock, binding, costs, layer.slowdown)
        pilots = Pilots(self.centre, pool, plans, layer.pilot, first)
        pilots.submit_all()
        starts = PilotStarts(self.centre, pilots, first)
        placer = Placer(self.centre, layer.placement, pool, starts, layer.slowdown, self._sessions)
        return _Group(members, pool, pilots, placer)

    def _run(self, k: int, flow: Workflow, group: _Group) -> WorkflowRun:
        client = Client(group.pool, self.layer.client) if group.pool.pilots else None
        return WorkflowRun(flow, self.centre, client, partial(self._leave, group), k, group.placer)

    @property
    def pilots(self) -> list[PilotRun]:
        """What became of each pilot, pool by pool."""
        return [run for group in self._groups for run in group.pilots.runs]

    @property
    def n_over(self) -> int:
        """Applications that are over."""
        return sum(group.n_over for group in self._groups)

    def simulate(self, progress: Callable[[float], None] | None = None) -> None:
        """Run until nothing is left to happen."""
        self.centre.run(lambda: self.n_over / max(1, len(self.runs)), progress)

    def tasks(self) -> TaskTable:
        """Return all tasks, QPU calls and client steps in order of submission."""
        return task_table(self.runs)

    def _arrive(self, k: int, group: _Group, _event: object) -> None:
        """Let an application begin, now or when its first pilot runs."""
        if k == group.members[0]:
            params = self.layer.scaling
            policy = lookup("scaling", params.name, "scaling").target(params)
            runs = [self.runs[member] for member in group.members]
            Scaler(group.pilots, policy, lambda: group.is_over, lambda: needs_left(runs)).start()
        own = [at for at, run in enumerate(group.pilots.runs) if run.plan.name.startswith(self._prefix(k))]
        if self.layer.waits and own:
            group.pilots.wait(own[0], self.runs[k].start)
        else:
            self.runs[k].start()

    def _prefix(self, k: int) -> str:
        return f"{self.work.applications[k].name}/"

    def _leave(self, group: _Group) -> None:
        """Note that an application is over; the last one gives the pilots back."""
        group.n_over += 1
        if group.is_over:
            group.pilots.end_all()


def _grouped(applications: Sequence[Application]) -> list[list[int]]:
    """Return which applications share pilots, in order of their first one."""
    groups: dict[str, list[int]] = {}
    for k, each in enumerate(applications):
        groups.setdefault(f"pool {each.pool}" if each.pool else f"own {k}", []).append(k)
    return list(groups.values())


def _plans(
    members: Sequence[Application], flows: Sequence[Workflow], partitions: dict[str, Partition], layer: TaskLayer
) -> list[PilotPlan]:
    """Return the pilots of applications that share them, one application after the other.

    Raises:
        ConfigError: if some task could never run on any of them.
    """
    asked = [
        [_plan(application, k, ask, partitions) for k, ask in enumerate(application.pilots)] for application in members
    ]
    together = [plan for own in asked for plan in own]
    for flow in flows:
        _check_needs(flow, together)
    scaling = lookup("scaling", layer.scaling.name, "scaling").target(layer.scaling)
    return [
        resizable(plan, scaling, flows)
        for application, flow, own in zip(members, flows, asked, strict=True)
        for plan in _with_walltimes(application, flow, own, together, layer)
    ]


def _with_walltimes(
    application: Application,
    flow: Workflow,
    own: list[PilotPlan],
    together: list[PilotPlan],
    layer: TaskLayer,
) -> list[PilotPlan]:
    """Return an application's pilots; walltimes that are not given come from what is predicted for it alone."""
    if all(plan.walltime_s > 0 for plan in own):
        return own
    planned = [plan for plan in own if not plan.reserve] or own
    enough = all(any(n_slots(plan, need) for plan in planned) for need in flow.needs())
    alone_s = time_alone_s(flow, planned if enough else together, layer.slowdown)
    start_s = max(flow.load_s, layer.pool.load_s) + max(layer.pilot.start_up_s(plan.nodes) for plan in own)
    walltime_s = max(1.0, application.walltime_factor * (alone_s + start_s))
    return [plan if plan.walltime_s > 0 else replace(plan, walltime_s=walltime_s) for plan in own]


def _plan(application: Application, k: int, ask: PilotAsk, partitions: dict[str, Partition]) -> PilotPlan:
    partition = partitions.get(ask.partition)
    if partition is None:
        raise FacilityError(
            f"a pilot of {application.name} asks for partition {ask.partition!r}, which is not there",
            where="facility.partitions",
            allowed=", ".join(partitions),
            suggestion=nearest(ask.partition, partitions),
        )
    if not 1 <= ask.nodes <= partition.nodes:
        raise FacilityError(
            f"a pilot of {application.name} asks for {ask.nodes} nodes",
            where=f"facility.partitions.{ask.partition}",
            allowed=f"1 … {partition.nodes}",
        )
    return PilotPlan(
        name=f"{application.name}/{k}",
        nodes=ask.nodes,
        walltime_s=ask.walltime_s,
        partition=ask.partition,
        cores_per_node=float(ask.cores_per_node or partition.cores_per_node),
        gpus_per_node=float(partition.gpus_per_node),
        submit_s=application.submit_s,
        user=application.user,
        reserve=ask.reserve,
    )


def _check_needs(flow: Workflow, plans: Sequence[PilotPlan]) -> None:
    """Refuse a workflow with tasks that none of its pilots can ever run."""
    for need in flow.needs():
        if not any(n_slots(plan, need) for plan in plans):
            has = "; ".join(
                f"{p.name}: {p.nodes} nodes of {p.cores_per_node:g} cores, {p.gpus_per_node:g} GPUs" for p in plans
            )
            raise ConfigError(
                f"no pilot of application {flow.name} ({flow.motif}) can run a task that needs {need}",
                where="pilots",
                allowed=has or "it asks for no pilot",
                hint="larger nodes, more of them, or a pilot of another kind",
            )
