"""Tasks, and the nodes of pilots with what is free on them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field

from qhpcsim.core.task_records import TaskState
from qhpcsim.core.workflow_records import Need
from qhpcsim.policies.binding.binding import PilotView

EPSILON = 1e-9
"""Shares of a GPU add up to whole ones only up to rounding."""

ONE_CORE = Need()


@dataclass(slots=True)
class PoolTask:
    """One task: what it needs and what has become of it."""

    run_s: float
    """Time on its slot, alone on the node, without dispatch and start-up."""
    need: Need = ONE_CORE
    predicted_s: float = 0.0
    fails: bool = False
    """Its first attempt raises an error at its end."""
    on_end: Callable[[PoolTask], None] | None = None
    index: int = -1
    """Place among the pool's tasks, in order of submission."""
    pilot: int = -1
    """Pilot that it is pinned to, then the one that ran it."""
    pinned: bool = False
    submitted_s: float = 0.0
    started_s: float = float("nan")
    ended_s: float = float("nan")
    attempts: int = 0
    state: int = int(TaskState.QUEUED)
    nodes: tuple[int, ...] = ()
    token: int = 0


@dataclass(slots=True)
class PilotNode:
    """What is free on one node, and the node's own clock where tasks slow each other down."""

    cores: float
    gpus: float
    qpus: float
    warm: int = 0
    n_running: int = 0
    busy_cores: float = 0.0
    virtual_s: float = 0.0
    since_s: float = 0.0
    ends: list[tuple[float, int, int]] = field(default_factory=list)
    token: int = 0


class PoolPilot:
    """The nodes of one pilot and the tasks on them."""

    __slots__ = ("nodes", "open_nodes", "running", "view")

    def __init__(self, view: PilotView) -> None:
        self.view = view
        self.nodes = [PilotNode(view.cores, view.gpus, view.qpus) for _ in range(view.n_nodes)]
        self.open_nodes = list(range(view.n_nodes))
        """Nodes that have anything free, ascending."""
        self.running: dict[int, PoolTask] = {}

    def room(self, need: Need) -> tuple[int, ...] | None:
        """Return the first node with room for a task, or as many idle nodes as a gang wants; None if there is none."""
        nodes = self.nodes
        if need.nodes:
            idle = [k for k in self.open_nodes if not nodes[k].n_running][: need.nodes]
            return tuple(idle) if len(idle) == need.nodes else None
        cores, gpus, qpus = need.cores - EPSILON, need.gpus - EPSILON, need.qpus - EPSILON
        for k in self.open_nodes:
            node = nodes[k]
            if node.cores >= cores and node.gpus >= gpus and node.qpus >= qpus:
                return (k,)
        return None

    def take(self, k: int, need: Need) -> None:
        """Take a task's share of node k."""
        node = self.nodes[k]
        _take(node, need)
        node.n_running += 1
        if node.cores < EPSILON and node.gpus < EPSILON and node.qpus < EPSILON:
            del self.open_nodes[bisect_left(self.open_nodes, k)]

    def give(self, k: int, need: Need) -> None:
        """Give a task's share of node k back."""
        node = self.nodes[k]
        _give(node, need, self.view)
        node.n_running -= 1
        at = bisect_left(self.open_nodes, k)
        if at == len(self.open_nodes) or self.open_nodes[at] != k:
            self.open_nodes.insert(at, k)


def _take(node: PilotNode, need: Need) -> None:
    """Take a task's share of a node."""
    if need.nodes:
        node.cores = node.gpus = node.qpus = 0.0
    else:
        node.cores -= need.cores
        node.gpus -= need.gpus
        node.qpus -= need.qpus


def _give(node: PilotNode, need: Need, view: PilotView) -> None:
    """Give a task's share of a node back."""
    if need.nodes:
        node.cores, node.gpus, node.qpus = view.cores, view.gpus, view.qpus
    else:
        node.cores += need.cores
        node.gpus += need.gpus
        node.qpus += need.qpus
