"""What a binding policy sees of tasks and pilots, and what it decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from qhpcsim.core.workflow_records import Need
from qhpcsim.scenario import BindingParams

ROUNDING = 1e-9
"""Shares of a node add up to whole ones only up to rounding."""


@dataclass(slots=True)
class PilotView:
    """A pilot as binding policies see it."""

    index: int
    name: str
    start_s: float
    """When it began to take tasks, or is expected to."""
    n_nodes: int
    cores: float
    """Of each node; so are the next two."""
    gpus: float
    qpus: float
    active: bool = False
    """It takes tasks."""
    ended: bool = False
    reserve: bool = False
    """Nobody has asked the batch system for it; a scaling policy may."""
    load_s: float = 0.0
    """Predicted seconds of the tasks bound to it and not ended, each weighted by its share of the pilot."""

    known: dict[Need, int] = field(default_factory=dict)
    """Slots by kind of task, as far as they were asked for."""

    def resize(self, n_nodes: int) -> None:
        """Note that it has another number of nodes now."""
        self.n_nodes = n_nodes
        self.known.clear()

    def slots(self, need: Need) -> int:
        """Return how many tasks of a kind run on it at the same time."""
        if need not in self.known:
            self.known[need] = self.slots_on(need, self.n_nodes)
        return self.known[need]

    def slots_on(self, need: Need, n_nodes: int) -> int:
        """Return how many tasks of a kind would run at the same time if it had so many nodes."""
        if need.nodes:
            return n_nodes // need.nodes
        has = ((self.cores, need.cores), (self.gpus, need.gpus), (self.qpus, need.qpus))
        return n_nodes * min((int(have / want + ROUNDING) for have, want in has if want > 0), default=10**9)


class Binding:
    """Binds tasks to pilots; the base of all policies.

    Args:
        params: Parameters.
    """

    def __init__(self, params: BindingParams) -> None:
        self.params = params

    def pin(self, need: Need, predicted_s: float, pilots: Sequence[PilotView], now_s: float) -> int:
        """Return the pilot that a new task is bound to, -1: whichever has room first.

        Args:
            need: What the task wants.
            predicted_s: Its predicted run time.
            pilots: Pilots that were asked for and could ever run it, started or not; at least one.
            now_s: The time.
        """
        return -1

    def rank(self, predicted_s: float) -> float:
        """Return where a task stands among those that wait; lower goes first, ties in order of submission."""
        return 0.0
