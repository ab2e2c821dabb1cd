"""What a scaling policy sees of an application's pilots and tasks, and what it decides."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from qhpcsim.core.errors import ConfigError
from qhpcsim.scenario import ScalingParams


@dataclass(frozen=True, slots=True)
class PilotLoad:
    """A pilot that runs or waits, as scaling policies see it."""

    pilot: int
    """Its number among the application's pilots."""
    running: bool
    """It takes tasks; false: it waits in the batch queue or starts."""
    idle_s: float
    """Time since it had a task, or one that waited for it; 0 while it has."""
    added: bool
    """A scaling policy asked for it."""
    n_nodes: int = 0
    idle_nodes_s: tuple[float, ...] = ()
    """Time since each node without tasks had one, longest first."""
    left_s: float = math.inf
    """Time to the end of its walltime."""
    n_spares: int = 0
    """Changes of its size that it may still make."""
    useful: bool = True
    """One step more would be used by tasks that wait."""
    growing: bool = False
    """More nodes for it are in the batch queue, or start."""


@dataclass(frozen=True, slots=True)
class Load:
    """An application at one look."""

    now_s: float
    n_waiting: int
    """Tasks without a slot."""
    drain_s: float
    """Predicted time in which the pilots that were asked for work off the waiting tasks; infinite if they cannot."""
    pilots: tuple[PilotLoad, ...]
    """Pilots that run or wait, in order."""
    n_reserve: int
    """Pilots that may still be asked for."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do now."""

    add: int = 0
    """Pilots of the reserve to submit."""
    end: tuple[int, ...] = ()
    """Pilots to give back, or to take out of the batch queue."""
    grow: tuple[int, ...] = ()
    """Pilots for which to ask for more nodes, one step each."""
    withdraw: tuple[int, ...] = ()
    """Pilots whose further nodes are not wanted any more."""
    shrink: tuple[tuple[int, int], ...] = ()
    """(pilot, idle nodes to give back at most)."""


NOTHING = Decision()


class Scaling:
    """Adds pilots and gives them back while an application runs; the base of all policies.

    Args:
        params: Parameters.
    """

    watches = True
    """Whether the policy wants to look at all."""

    def __init__(self, params: ScalingParams) -> None:
        self.params = params

    def size_rule(self) -> tuple[int, int]:
        """Return by how many nodes pilots grow or shrink at a time, and how often each may; (0, 0): never."""
        return 0, 0

    def decide(self, load: Load) -> Decision:
        """Return what to do after a look."""
        return NOTHING


def check_least(params: object, limits: Mapping[str, float]) -> None:
    """Raise ``ConfigError`` if a parameter is below its least value, or not a number."""
    for name, least in limits.items():
        value = getattr(params, name)
        if not value >= least:
            raise ConfigError(f"{name} is {value}", where=f"scaling.{name}", allowed=f"at least {least:g}")
