"""Tasks, and the nodes of pilots with what is free on them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from qhpcsim.core.task_records import TaskState
from qhpcsim.core.workflow_records import Need
from qhpcsim.middleware.node_clock import NodeClock
from qhpcsim.policies.binding.binding import ROUNDING, PilotView

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
    """Called when it is over, for good."""
    index: int = -1
    """Place among the pool's tasks, in order of submission."""
    pilot: int = -1
    """Pilot that it is pinned to, then the one that ran it."""
    pinned: bool = False
    """It waits, or waited, for that pilot and no other."""
    named: bool = False
    """The application named the pilot."""
    submitted_s: float = 0.0
    started_s: float = float("nan")
    """Of the last attempt; may lie ahead while the task is dispatched or its worker starts."""
    ended_s: float = float("nan")
    attempts: int = 0
    state: int = int(TaskState.QUEUED)
    nodes: tuple[int, ...] = ()
    """Nodes of its pilot that it runs, or ran, on."""
    load_s: float = 0.0
    """What it adds to its pilot's load while it is bound to it."""


@dataclass(slots=True)
class PilotNode:
    """What is free on one node."""

    cores: float
    gpus: float
    qpus: float
    n_running: int = 0
    n_workers: int = 0
    """Worker processes that were ever started."""
    loaded_s: float = -1.0
    """When the application is loaded on the node; negative: nothing has been placed on it yet."""
    clock: NodeClock | None = None
    """The node's own clock, where tasks slow each other down."""
    idle_since_s: float = 0.0
    """When it came, or its last task left."""
    part: str = ""
    """Batch job that holds it, where that is not the pilot's first one."""
    gone: bool = False
    """It has been given back."""


class PoolPilot:
    """The nodes of one pilot and the tasks on them.

    Args:
        view: The pilot.
    """

    __slots__ = ("_first", "idle_since_s", "nodes", "open_nodes", "running", "view")

    def __init__(self, view: PilotView) -> None:
        self.view = view
        self.nodes = [PilotNode(view.cores, view.gpus, view.qpus) for _ in range(view.n_nodes)]
        self.open_nodes = list(range(view.n_nodes))
        """Nodes that have anything free, ascending."""
        self.running: dict[int, PoolTask] = {}
        self.idle_since_s = 0.0
        """When it began to take tasks, or its last task left."""
        self._first: dict[Need, int] = {}

    def grow(self, n_nodes: int, part: str, now_s: float) -> range:
        """Take in more nodes, which another batch job holds, and return their numbers."""
        view, first = self.view, len(self.nodes)
        added = range(first, first + n_nodes)
        self.nodes += [PilotNode(view.cores, view.gpus, view.qpus, idle_since_s=now_s, part=part) for _ in added]
        self.open_nodes += added
        view.resize(view.n_nodes + n_nodes)
        return added

    def shrink(self, gone: Sequence[int], part: str) -> None:
        """Give back nodes without tasks; the batch job ``part`` held them."""
        for k in gone:
            node = self.nodes[k]
            node.gone, node.part = True, part
            node.cores = node.gpus = node.qpus = 0.0
        self.open_nodes = [k for k in self.open_nodes if not self.nodes[k].gone]
        self.view.resize(self.view.n_nodes - len(gone))

    @property
    def resized(self) -> bool:
        """Whether it ever had another number of nodes."""
        return len(self.nodes) != self.view.n_nodes or bool(self.nodes[-1].part)

    def idle_nodes(self) -> list[int]:
        """Return the nodes without tasks, ascending."""
        return [k for k in self.open_nodes if not self.nodes[k].n_running]

    def spots(self) -> list[tuple[str, int]]:
        """Return for each node the batch job that holds it and its place among that job's nodes."""
        count: dict[str, int] = {}
        found = []
        for node in self.nodes:
            part = node.part or self.view.name
            found.append((part, count.setdefault(part, 0)))
            count[part] += 1
        return found

    def room(self, need: Need) -> tuple[int, ...] | None:
        """Return the first node with room for a task, or as many idle nodes as a gang wants; None if there is none."""
        if need.nodes:
            idle = [k for k in self.open_nodes if not self.nodes[k].n_running][: need.nodes]
            return tuple(idle) if len(idle) == need.nodes else None
        nodes, open_nodes = self.nodes, self.open_nodes
        cores, gpus, qpus = need.cores - ROUNDING, need.gpus - ROUNDING, need.qpus - ROUNDING
        for at in range(bisect_left(open_nodes, self._first.get(need, 0)), len(open_nodes)):
            k = open_nodes[at]
            node = nodes[k]
            if node.cores >= cores and node.gpus >= gpus and node.qpus >= qpus:
                self._first[need] = k
                return (k,)
        self._first[need] = len(nodes)
        return None

    def take(self, k: int, need: Need) -> None:
        """Take a task's share of node k."""
        node = self.nodes[k]
        if need.nodes:
            node.cores = node.gpus = node.qpus = 0.0
        else:
            node.cores -= need.cores
            node.gpus -= need.gpus
            node.qpus -= need.qpus
        node.n_running += 1
        if node.cores < ROUNDING and node.gpus < ROUNDING and node.qpus < ROUNDING:
            del self.open_nodes[bisect_left(self.open_nodes, k)]

    def give(self, k: int, need: Need) -> None:
        """Give a task's share of node k back."""
        node, view = self.nodes[k], self.view
        node.n_running -= 1
        if node.gone:
            return
        if need.nodes or not node.n_running:
            node.cores, node.gpus, node.qpus = view.cores, view.gpus, view.qpus
        else:
            node.cores += need.cores
            node.gpus += need.gpus
            node.qpus += need.qpus
        for kind, first in self._first.items():
            if first > k:
                self._first[kind] = k
        at = bisect_left(self.open_nodes, k)
        if at == len(self.open_nodes) or self.open_nodes[at] != k:
            self.open_nodes.insert(at, k)
