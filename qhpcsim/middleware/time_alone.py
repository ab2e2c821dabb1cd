"""How long a workflow is predicted to take on pilots of its own, so that a walltime can be asked for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from qhpcsim.core.errors import ConfigError
from qhpcsim.core.workflow_records import Bag, Calls, Choice, ClientWork, Need, Work, Workflow
from qhpcsim.middleware.node_clock import Slowdown
from qhpcsim.middleware.pilots import PilotPlan
from qhpcsim.policies.binding.binding import PilotView


def time_alone_s(flow: Workflow, plans: Sequence[PilotPlan], slowdown: Slowdown | None = None) -> float:
    """Return the predicted time of a workflow, in seconds, if nobody else used anything.

    Model:
        The longest path through the stages. A bag takes the longest of its tasks and its work over the slots of all
        pilots, slowed down as on full nodes; QPU calls are served one after the other on the QPU that is fastest. Of
        alternatives the longest that the pilots can run counts: nobody knows which is taken.
    Assumes:
        All pilots run from the start.
    Not modelled:
        Dispatch, queues, packing of tasks of unequal length.
    Source:
        Graham 1969, doi:10.1137/0117039 (the two lower bounds of a makespan).

    Args:
        flow: The workflow.
        plans: Its pilots.
        slowdown: As for the pool.

    Raises:
        ConfigError: if no pilot can run some task.
    """
    ends_s: list[float] = []
    for stage in flow.stages:
        start_s = max((ends_s[k] for k in stage.after), default=0.0)
        ends_s.append(start_s + _work_s(stage.work, plans, slowdown))
    return max(ends_s, default=0.0)


def _work_s(work: Work, plans: Sequence[PilotPlan], slowdown: Slowdown | None) -> float:
    if isinstance(work, ClientWork):
        return work.seconds
    if isinstance(work, Choice):
        return max((time_alone_s(flow, plans, slowdown) for flow in _able_flows(work, plans)), default=0.0)
    predicted_s = work.predicted_s
    if isinstance(work, Calls):
        times = work.qpu_s if predicted_s is None else predicted_s
        return float(times.reshape(len(times), -1).min(axis=1).sum()) if len(times) else 0.0
    return _bag_s(work, plans, slowdown)


def _able_flows(choice: Choice, plans: Sequence[PilotPlan]) -> list[Workflow]:
    """Return what alternatives run that the pilots have room for."""
    flows = [
        each.flow_for(max(1, sum(n_slots(plan, each.worker) for plan in plans)))
        for each in choice.alternatives
        if not each.why_not
    ]
    return [flow for flow in flows if all(any(n_slots(plan, need) for plan in plans) for need in flow.needs())]


def _bag_s(bag: Bag, plans: Sequence[PilotPlan], slowdown: Slowdown | None) -> float:
    run_s = bag.run_s if bag.predicted_s is None else bag.predicted_s
    if not len(run_s):
        return 0.0
    slots = [n_slots(plan, bag.need) for plan in plans]
    if not sum(slots):
        raise ConfigError(f"no pilot can run a task that needs {bag.need}", where="pilots")
    factor = 1.0
    if slowdown is not None and not bag.need.nodes:
        on_node = [n / plan.nodes for n, plan in zip(slots, plans, strict=True)]
        factor = max(slowdown(n * bag.need.cores) for n in on_node)
    return factor * max(float(np.max(run_s)), float(np.sum(run_s)) / sum(slots))


def n_slots(plan: PilotPlan, need: Need) -> int:
    """Return how many tasks of a kind run at the same time on a pilot."""
    view = PilotView(-1, plan.name, 0.0, plan.nodes, plan.cores_per_node, plan.gpus_per_node, plan.qpus_per_node)
    return view.slots(need)
