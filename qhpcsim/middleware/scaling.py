"""Looks at an application's tasks and pilots at intervals and does what its scaling policy decides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import isnan

from qhpcsim.core.errors import ConfigError
from qhpcsim.core.workflow_records import Bag, Choice, Need, Workflow
from qhpcsim.facility.open_jobs import NORMAL
from qhpcsim.middleware.pilots import LIVE, PilotPlan, Pilots
from qhpcsim.middleware.slots import PoolPilot
from qhpcsim.middleware.workflows import WorkflowRun
from qhpcsim.policies.scaling.scaling import Load, PilotLoad, Scaling


class Scaler:
    """Carries out a scaling policy.

    Model: the policy looks every ``interval_s``, first when the scaler starts, until the application is over or has
        neither a pilot nor a reserve left; pilots are added in the order of the reserve. The last pilot that can run
        some task to come is not given back, whatever the policy says. How a running pilot changes its size:
        ``PilotSize``.
    Assumes: looking costs nothing.
    Not modelled: decisions between two looks.
    Source: dynamic resource allocation, arXiv:2604.03445.

    Args:
        pilots: Pilots of the application; those of the reserve may be added.
        policy: Scaling policy.
        is_over: Says whether the application is over.
        needs: Returns what tasks to come may need, None: nobody knows; not given: nothing.

    Raises:
        ConfigError: if the interval is not a positive time.
    """

    def __init__(
        self,
        pilots: Pilots,
        policy: Scaling,
        is_over: Callable[[], bool],
        needs: Callable[[], list[Need] | None] = list,
    ) -> None:
        self.pilots, self.policy, self._is_over, self._needs = pilots, policy, is_over, needs
        if not 0 < policy.params.interval_s < float("inf"):
            raise ConfigError(f"interval_s is {policy.params.interval_s}", where="scaling.interval_s", allowed="> 0")

    def start(self) -> None:
        """Look now, after everything else of this instant, and at intervals from then on."""
        if self.policy.watches:
            clock = self.pilots.centre.clock
            clock.call_at(clock.now, self._look, NORMAL)

    def load(self) -> Load:
        """Return what the policy sees now."""
        pilots, now_s = self.pilots, self.pilots.centre.clock.now
        live = [k for k, run in enumerate(pilots.runs) if run.state in LIVE and not self._pool_pilot(k).view.ended]
        return Load(
            now_s,
            pilots.pool.n_waiting,
            pilots.pool.drain_s(),
            tuple(self._pilot_load(k, now_s) for k in live),
            len(self._reserve()),
        )

    def _pool_pilot(self, pilot: int) -> PoolPilot:
        return self.pilots.pool.pilots[self.pilots.in_pool(pilot)]

    def _pilot_load(self, pilot: int, now_s: float) -> PilotLoad:
        here = self._pool_pilot(pilot)
        idle = self.pilots.pool.is_idle(here.view.index)
        idle_s = now_s - here.idle_since_s if idle else 0.0
        run, size = self.pilots.runs[pilot], self.pilots.size(pilot)
        return PilotLoad(
            pilot,
            here.view.active,
            idle_s,
            run.plan.reserve,
            here.view.n_nodes,
            tuple(sorted((now_s - here.nodes[k].idle_since_s for k in here.idle_nodes()), reverse=True)),
            run.plan.walltime_s if isnan(run.started_s) else run.started_s + run.plan.walltime_s - now_s,
            size.n_spares,
            self.pilots.pool.would_use(here.view.index, run.plan.step) if size.n_spares else True,
            size.is_growing,
        )

    def _reserve(self) -> list[int]:
        return [k for k, run in enumerate(self.pilots.runs) if run.state == "NEW" and run.plan.reserve]

    def _dispensable(self, ends: Sequence[int]) -> list[int]:
        """Return which of the pilots that a policy gives back leave no task to come without a pilot."""
        needs = self._needs()
        if needs is None:
            return []
        left = {k: self._pool_pilot(k).view for k in range(len(self.pilots.runs)) if not self._pool_pilot(k).view.ended}
        for pilot in ends:
            own = left.pop(pilot)
            if any(own.slots(need) and not any(view.slots(need) for view in left.values()) for need in needs):
                left[pilot] = own
        return [pilot for pilot in ends if pilot not in left]

    def _look(self, _event: object) -> None:
        load = self.load()
        planned = any(run.state == "NEW" and not run.plan.reserve for run in self.pilots.runs)
        if self._is_over() or not (load.pilots or load.n_reserve or planned):
            return
        decision = self.policy.decide(load)
        for pilot in self._reserve()[: decision.add]:
            self.pilots.submit(pilot)
        for pilot in self._dispensable(decision.end) if decision.end else ():
            self.pilots.end(pilot)
        for pilot in decision.withdraw:
            self.pilots.size(pilot).withdraw()
        for pilot in decision.grow:
            self.pilots.size(pilot).grow()
        for pilot, n_nodes in decision.shrink:
            self.pilots.size(pilot).shrink(n_nodes)
        clock = self.pilots.centre.clock
        clock.call_at(clock.now + self.policy.params.interval_s, self._look, NORMAL)


def needs_left(runs: Sequence[WorkflowRun]) -> list[Need] | None:
    """Return what tasks of stages that are not over need, each need once; None: a stage may yet take alternatives."""
    found: dict[Need, None] = {}
    for run in (each for top in runs for each in top.all_runs()):
        for asked, stage in zip(run.workflow.stages, run.stages, strict=True):
            if isinstance(asked.work, Choice) and stage.inner is None:
                return None
            if isinstance(asked.work, Bag) and isnan(stage.ended_s):
                found[asked.work.need] = None
    return list(found)


def resizable(plan: PilotPlan, policy: Scaling, flows: Sequence[Workflow]) -> PilotPlan:
    """Return a pilot with the changes of its size that a policy may want.

    Args:
        plan: The pilot.
        policy: Scaling policy of its applications.
        flows: Their workflows. It changes by no fewer nodes than the largest gang that fits on it has, and keeps as
            many; where a stage has alternatives it keeps all that it began with: nobody knows what they will need.
    """
    step, n_spares = policy.size_rule()
    if not n_spares:
        return plan
    gang = max([1, *(need.nodes for flow in flows for need in flow.needs() if need.nodes <= plan.nodes)])
    free = not any(isinstance(stage.work, Choice) for flow in flows for stage in flow.stages)
    return replace(plan, step=max(step, gang), n_spares=n_spares, min_nodes=gang if free else plan.nodes)
