"""Stages with alternatives: what is known of each when the stage begins, and which one a placement policy takes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count

import numpy as np

from qhpcsim.core.errors import ConfigError
from qhpcsim.core.registry import lookup
from qhpcsim.core.workflow_records import Alternative, Bag, Calls, Choice, Need, Workflow
from qhpcsim.facility.centre import Centre
from qhpcsim.middleware.cut_strategies import looking_ahead
from qhpcsim.middleware.node_clock import Slowdown
from qhpcsim.middleware.outlook import Forecast, Outlook, able_qpus, free_slots, live
from qhpcsim.middleware.pool import TaskPool
from qhpcsim.policies.placement.placement import Option, Placement
from qhpcsim.scenario import PlacementParams

_HOUR_S = 3600.0


class Placer:
    """Takes one alternative of a stage when the stage begins.

    Model: for each alternative the predicted end from now (``Outlook``) is split into its time alone and the wait that
        others cause; one that is made for a number of workers is tried with those that are free and with all, and the
        one that ends first counts. Fidelity: 1 on simulators; of QPU jobs the mean over those that each QPU is
        predicted to get, to the power of the parts that are multiplied. Cost: the QPUs' prices, and
        ``node_hour_price`` for the tasks' share of their nodes. What no pilot is left for would never end: it is taken
        only if there is nothing else, and then waits in case another pilot comes.
    Assumes: what is chosen is not changed later.
    Not modelled: the standard error of cut circuits; pilots given back because a stage went elsewhere.
    Source: arXiv:2604.03445, run-time adaptation.

    Args:
        centre: The facility.
        params: Policy and limits.
        pool: Slots of pilots; None: no pilots.
        ready_s: When each pilot that has not started is expected to take tasks; None: as its user expects.
        slowdown: As for the pool.
        sessions: Numbers of workflows, unique on the centre.
    """

    def __init__(
        self,
        centre: Centre,
        params: PlacementParams,
        pool: TaskPool | None = None,
        ready_s: Callable[[int], float] | None = None,
        slowdown: Slowdown | None = None,
        sessions: Iterator[int] | None = None,
    ) -> None:
        self.centre, self.params, self.pool = centre, params, pool
        self.policy: Placement = lookup("placement", params.name, "middleware.placement").target(params)
        self._ready_s = ready_s or self._as_expected
        self._slowdown = slowdown
        self._sessions = count(1) if sessions is None else sessions

    def new_session(self) -> int:
        """Return a number for the workflow that is taken."""
        return next(self._sessions)

    def check(self, choice: Choice, where: str) -> None:
        """Refuse a stage of which no alternative could ever be taken.

        Raises:
            ConfigError: if names repeat, or an alternative has choices itself.
            FacilityError: if none that the policy takes can be taken; says why for each.
        """
        names = [each.name for each in choice.alternatives]
        if len(set(names)) < len(names):
            raise ConfigError(f"alternatives {', '.join(names)}", where=where, allowed="names that differ")
        for each in choice.alternatives:
            if each.flow is not None and any(isinstance(stage.work, Choice) for stage in each.flow.stages):
                raise ConfigError(f"alternative {each.name} has a choice itself", where=where)
        flows = [Workflow("", "") if each.why_not else each.flow_for(1) for each in choice.alternatives]
        reasons = [each.why_not or self._never(flow) for each, flow in zip(choice.alternatives, flows, strict=True)]
        options = [Option(name, why_not=reason) for name, reason in zip(names, reasons, strict=True)]
        self.policy.check(options, where)

    def decide(self, choice: Choice, where: str) -> tuple[str, Workflow]:
        """Return the name of the alternative that is taken now, and what is run.

        Raises:
            FacilityError: if none can be taken; says why for each.
        """
        self._catch_up()
        known = [self._known(each) for each in choice.alternatives]
        taken = self.policy.choose([option for option, _ in known], where)
        return choice.alternatives[taken].name, self._with_least_fidelity(known[taken][1])

    def options(self, choice: Choice) -> list[Option]:
        """Return what is predicted now of each alternative."""
        self._catch_up()
        return [self._known(each)[0] for each in choice.alternatives]

    def _catch_up(self) -> None:
        """Let other users of QPUs, who are not simulated while no job of ours is there, fill the queues until now."""
        if self.centre.qpu is not None:
            self.centre.qpu.catch_up()

    def _as_expected(self, pilot: int) -> float:
        assert self.pool is not None
        return self.pool.pilots[pilot].view.start_s

    def _known(self, each: Alternative) -> tuple[Option, Workflow]:
        """Return what is predicted of an alternative and what it runs: on the workers that end it first."""
        if each.why_not:
            return Option(each.name, why_not=each.why_not), Workflow("", "")
        asked = looking_ahead(each, self._completion_s)
        flows = [asked.flow_for(n) for n in (self._n_workers(each.worker) if each.make is not None else (1,))]
        options = [self._option(each, flow) for flow in flows]
        best = min(range(len(flows)), key=lambda k: (bool(options[k].why_not), options[k].completion_s))
        return options[best], flows[best]

    def _n_workers(self, need: Need) -> list[int]:
        """Return the slots for a kind of task that are free now, and all that there are or will be; at least 1."""
        views = [] if self.pool is None else live(self.pool, need)
        free = sum(free_slots(self.pool.pilots[view.index], need) for view in views if self.pool and view.active)
        every = sum(view.slots(need) for view in views)
        return sorted({max(1, free or every), max(1, every)})

    def _option(self, each: Alternative, flow: Workflow) -> Option:
        why_not = self._never(flow)
        if why_not:
            return Option(each.name, why_not=why_not)
        now_s = self.centre.clock.now
        alone_s = self._outlook(alone=True).forecast(flow).end_s - now_s
        busy = self._outlook(alone=False).forecast(flow)
        fidelity, cost = self._fidelity(busy, each.parts), self._cost(busy, flow)
        wait_s = max(0.0, busy.end_s - now_s - alone_s) if alone_s < math.inf else 0.0
        return Option(each.name, wait_s, alone_s, fidelity, cost, self._beyond_limits(fidelity, cost))

    def _completion_s(self, flow: Workflow) -> float:
        """Return the seconds until a workflow that begins now would be over; infinite if it can never be run."""
        if self._never(flow):
            return math.inf
        return self._outlook(alone=False).forecast(flow).end_s - self.centre.clock.now

    def _outlook(self, alone: bool) -> Outlook:
        return Outlook(
            self.centre.clock.now,
            self.pool,
            self.centre.qpu,
            self._ready_s,
            self._slowdown,
            self.params.min_fidelity,
            alone,
        )

    def _never(self, flow: Workflow) -> str:
        """Return why a workflow can never be run here; empty: it can."""
        pilots = [] if self.pool is None else self.pool.pilots
        for need in flow.needs():
            if not any(pilot.view.slots(need) for pilot in pilots):
                return f"no pilot has room for a task that needs {need}"
        for stage in flow.stages:
            if isinstance(stage.work, Calls) and (reason := self._no_qpu(stage.work)):
                return reason
        return ""

    def _no_qpu(self, calls: Calls) -> str:
        """Return why the service cannot run QPU jobs; empty: it can."""
        if self.centre.qpu is None:
            return "the facility has no QPU"
        n = len(self.centre.qpu.servers)
        if not able_qpus(calls, n, 0.0):
            return "no QPU can run its jobs"
        if not able_qpus(calls, n, self.params.min_fidelity):
            best = -math.inf if calls.fidelity is None else float(np.nan_to_num(calls.fidelity, nan=-math.inf).max())
            known = f"the best has {best:.3g}" if best >= 0 else "none is known"
            return f"no QPU is expected to reach the fidelity {self.params.min_fidelity:g} ({known})"
        return ""

    def _beyond_limits(self, fidelity: float, cost: float) -> str:
        """Return which limit of the scenario an alternative breaks; empty: none."""
        least, most = self.params.min_fidelity, self.params.max_cost
        if least > 0 and not fidelity >= least:
            return f"expected fidelity {fidelity:.3g}, below {least:g}"
        if most is not None and not cost <= most:
            return f"costs {cost:.4g}, above {most:g}" if cost == cost else "its cost is not known"
        return ""

    def _fidelity(self, busy: Forecast, parts: int) -> float:
        """Return the expected fidelity of a workflow's results."""
        total, n = 0.0, 0
        for calls, counts in busy.placed:
            each = np.full(len(counts), np.nan) if calls.fidelity is None else calls.fidelity
            used = [(count, value) for count, value in zip(counts, each.tolist(), strict=True) if count]
            total += sum(count * value for count, value in used)
            n += sum(counts)
        return (total / n) ** parts if n else 1.0

    def _cost(self, busy: Forecast, flow: Workflow) -> float:
        """Return the predicted price of a workflow, NaN where some part of it is not known."""
        total = 0.0
        for calls, counts in busy.placed:
            each = np.full(len(counts), np.nan) if calls.cost is None else calls.cost
            total += sum(count * value for count, value in zip(counts, each.tolist(), strict=True) if count)
        bags = [stage.work for stage in flow.stages if isinstance(stage.work, Bag)]
        if not bags:
            return total
        price = math.nan if self.params.node_hour_price is None else self.params.node_hour_price
        return total + price * sum(map(self._node_s, bags)) / _HOUR_S

    def _node_s(self, bag: Bag) -> float:
        """Return the node seconds that the tasks of a bag are predicted to hold: each its share of a node."""
        run_s = bag.run_s if bag.predicted_s is None else bag.predicted_s
        start_s = 0.0 if self.pool is None else self.pool.costs.own_start_s(bag.need)
        held_s = float(run_s.sum()) + start_s * len(run_s)
        if bag.need.nodes:
            return held_s * bag.need.nodes
        views = [] if self.pool is None else live(self.pool, bag.need)
        n_slots, n_nodes = sum(view.slots(bag.need) for view in views), sum(view.n_nodes for view in views)
        return held_s * n_nodes / n_slots if n_slots else 0.0

    def _with_least_fidelity(self, flow: Workflow) -> Workflow:
        """Return the workflow with the scenario's least fidelity on its QPU jobs."""
        least = self.params.min_fidelity
        if not least:
            return flow
        stages = [
            replace(stage, work=replace(stage.work, min_fidelity=least)) if isinstance(stage.work, Calls) else stage
            for stage in flow.stages
        ]
        return replace(flow, stages=stages)
