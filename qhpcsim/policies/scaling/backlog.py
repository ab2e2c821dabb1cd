"""Scaling on backlog: more pilots while work piles up, fewer when they are idle."""

from __future__ import annotations

from dataclasses import dataclass

from qhpcsim.core.registry import register
from qhpcsim.policies.scaling.scaling import Decision, Load, Scaling, check_least
from qhpcsim.scenario import ScalingParams


@dataclass(frozen=True)
class BacklogParams(ScalingParams):
    """Thresholds of the backlog policy."""

    name: str = "backlog"
    drain_s: float = 300.0
    """A pilot is added while the waiting tasks would take longer than this on all pilots asked for."""
    max_waiting: int = 1
    """Pilots in the batch queue, or starting, at the same time."""
    idle_s: float = 120.0
    """A pilot without tasks is given back after this time."""
    min_pilots: int = 0
    """Pilots that are kept, idle or not."""


@register(
    "scaling",
    "backlog",
    summary="adds a pilot while waiting tasks would take long, gives idle ones back",
    source="queue-driven scaling: A. Gandhi et al., AutoScale, ACM TOCS 30 (2012), doi:10.1145/2382553.2382556",
    params=BacklogParams,
)
class Backlog(Scaling):
    """Adds one pilot a look while the backlog is long; gives back pilots that have been idle for some time.

    Model: add one if predicted backlog/slots > ``drain_s`` and fewer than ``max_waiting`` pilots are waiting; end a
        pilot idle for ``idle_s``, the one idle longest first, and, once no task waits, added ones that have not
        started; never fewer than ``min_pilots`` are kept.
    Assumes: predictions are right on average; a pilot's worth is the same whenever it starts.
    Not modelled: the wait in the batch queue is not predicted.
    Source: the delayed-off rule of Gandhi et al. 2012.

    Args:
        params: Parameters.

    Raises:
        ConfigError: if a parameter is out of range.
    """

    def __init__(self, params: BacklogParams) -> None:
        super().__init__(params)
        self._params = params
        check_least(params, {"drain_s": 0.0, "max_waiting": 1, "idle_s": 0.0, "min_pilots": 0})

    def decide(self, load: Load) -> Decision:
        """Return at most one pilot to add, and the idle ones to end."""
        params = self._params
        waiting = [each for each in load.pilots if not each.running]
        if load.drain_s > params.drain_s and load.n_reserve and len(waiting) < params.max_waiting:
            return Decision(add=1)
        idle = sorted((-each.idle_s, each.pilot) for each in load.pilots if each.running)
        ends = [pilot for minus_s, pilot in idle if -minus_s >= params.idle_s]
        if not load.n_waiting:
            ends += [each.pilot for each in waiting if each.added]
        return Decision(end=tuple(ends[: max(0, len(load.pilots) - params.min_pilots)]))
