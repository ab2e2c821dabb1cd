"""Elastic scaling: pilots that run grow while work piles up and give idle nodes back."""

from __future__ import annotations

from dataclasses import dataclass, replace

from qhpcsim.core.registry import register
from qhpcsim.policies.scaling.backlog import Backlog, BacklogParams
from qhpcsim.policies.scaling.scaling import Decision, Load, PilotLoad, check_least


@dataclass(frozen=True)
class ElasticParams(BacklogParams):
    """Thresholds of the elastic policy, besides those of ``backlog``."""

    name: str = "elastic"
    step: int = 1
    """Nodes by which a pilot grows or shrinks at a time; where its tasks are gangs, no fewer than the largest has."""
    grow: bool = True
    """Pilots that run ask for more nodes before a pilot of the reserve is added."""
    max_nodes: int = 1_000_000
    """Nodes above which a pilot does not grow."""
    shrink_idle_s: float = 120.0
    """A node without tasks is given back after this time."""
    max_changes: int = 16
    """Times that each pilot asks for nodes or splits its first job."""


@register(
    "scaling",
    "elastic",
    summary="as backlog; pilots that run also grow and give idle nodes back",
    source="malleable jobs: D. Feitelson, L. Rudolph 1996, doi:10.1007/BFb0022284; Slurm's expansion jobs, "
    "https://slurm.schedmd.com/faq.html#job_size",
    params=ElasticParams,
)
class Elastic(Backlog):
    """Changes the size of running pilots before it changes their number.

    Model: at a look, if predicted backlog/slots > ``drain_s``, the pilot with the most time left asks for ``step``
        nodes, unless it has an idle node, no waiting task would use them, or its time is over within ``drain_s``; if
        none may, a pilot of the reserve is added as by ``backlog``. Pilots and expansions in the batch queue count
        together towards ``max_waiting``. Else pilots that are idle as a whole are ended as by ``backlog``, and
        expansions in the queue are withdrawn once no task waits. Nodes that were idle for ``shrink_idle_s`` are given
        back in any case, ``step`` at a time: what waits could not use them.
    Assumes: predictions are right on average; a node's worth is the same whenever it comes.
    Not modelled: the wait in the batch queue is not predicted.
    Source: Feitelson and Rudolph 1996; the delayed-off rule of Gandhi et al. 2012.

    Args:
        params: Parameters.

    Raises:
        ConfigError: if a parameter is out of range.
    """

    def __init__(self, params: ElasticParams) -> None:
        super().__init__(params)
        self._elastic = params
        check_least(params, {"step": 1, "max_nodes": 1, "shrink_idle_s": 0.0, "max_changes": 0})

    def size_rule(self) -> tuple[int, int]:
        """Return the step and the number of changes that each pilot may make."""
        return self._elastic.step, self._elastic.max_changes

    def decide(self, load: Load) -> Decision:
        """Return one pilot to grow or to add, or what to give back."""
        params, number = self._elastic, super().decide(load)
        kept = [each for each in load.pilots if each.running and each.pilot not in number.end]
        idle = [(each.pilot, sum(s >= params.shrink_idle_s for s in each.idle_nodes_s)) for each in kept]
        shrink = tuple((pilot, n) for pilot, n in idle if n >= params.step)
        if load.drain_s > params.drain_s:
            able = [each for each in kept if self._may_grow(each)]
            if sum(not each.running or each.growing for each in load.pilots) >= params.max_waiting:
                return Decision(shrink=shrink)
            if able:
                return Decision(grow=(max(able, key=lambda each: (each.left_s, -each.pilot)).pilot,), shrink=shrink)
            return replace(number, shrink=shrink)
        unwanted = tuple(each.pilot for each in kept if each.growing) if not load.n_waiting else ()
        return replace(number, withdraw=unwanted, shrink=shrink)

    def _may_grow(self, pilot: PilotLoad) -> bool:
        """Return whether a pilot may have more nodes, and would use them for long enough."""
        params = self._elastic
        fits = pilot.n_nodes + params.step <= params.max_nodes and pilot.n_spares > 0
        worth_it = pilot.useful and pilot.left_s > params.drain_s and not pilot.idle_nodes_s
        return params.grow and fits and worth_it and not pilot.growing
