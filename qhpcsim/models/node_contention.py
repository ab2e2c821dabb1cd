"""How much slower tasks run that share a node: its cores, their second threads, its memory bandwidth."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from qhpcsim.core.records import FloatArray
from qhpcsim.models.gpu_card import read_card

_TIMES = ("us", "ms", "s")
SCHEMA: dict[str, tuple[tuple[str, ...], bool]] = {
    "alone": (_TIMES, True),
    "saturation": (("tasks",), False),
    "order": (("1",), False),
    "start_up": (_TIMES, False),
    "dispatch": (_TIMES, False),
    "overlap_order": (("1",), False),
    "fit_error": (("1",), False),
}
"""Entry of a card of ``calibration/tasks/`` -> (units, whether it must be there)."""


@dataclass(frozen=True, slots=True)
class NodeContention:
    """Slowdown of equal tasks on one node.

    Model:
        t(k) = t(1) · (1 + (k/k_sat)^p)^(1/p) for k tasks at once: few tasks do not hinder one another, many finish at
        the rate k_sat / t(1) however many there are.
    Assumes:
        Tasks are alike and spread over the node; a slot may be a second hardware thread.
    Not modelled:
        Placement on sockets and caches, tasks of different kind, slots beyond the hardware threads (time slicing).
    Source:
        Card of the kind of task; calibration/tasks/fit.md.
    """

    saturation: float
    """Tasks at once from which the node is busy; infinite: they never hinder one another."""
    order: float = 3.0
    """How sharp the bend is."""

    def slowdown(self, n_tasks: FloatArray | float) -> FloatArray:
        """Return the time of a task beside ``n_tasks`` − 1 others, in times of one alone."""
        load = np.asarray(n_tasks, dtype=np.float64) / self.saturation
        found: FloatArray = (1.0 + load**self.order) ** (1.0 / self.order)
        return found

    def throughput(self, n_tasks: FloatArray | float) -> FloatArray:
        """Return the tasks finished in the time of one alone, with ``n_tasks`` at once."""
        found: FloatArray = np.asarray(n_tasks, dtype=np.float64) / self.slowdown(n_tasks)
        return found


@dataclass(frozen=True, slots=True)
class TaskBag:
    """Time of a bag of equal, independent tasks on several nodes.

    Model:
        T = start_up + (W^q + D^q)^(1/q): W is the work, in waves of as many tasks as there are slots (the last one
        smaller), each as long as its contention makes it; D = dispatch · tasks is the client's own work, which goes on
        meanwhile.
    Assumes:
        The slots of a wave are spread evenly over the nodes; workers start once.
    Not modelled:
        Stragglers, data that tasks move, failed tasks.
    Source:
        Card of the kind of task; calibration/tasks/fit.md.
    """

    node: NodeContention
    alone_s: float
    """A task with the node to itself."""
    start_up_s: float = 0.0
    dispatch_s: float = 0.0
    overlap_order: float = 6.0

    @classmethod
    def open(cls, name: str) -> TaskBag:
        """Return a card of ``calibration/tasks/``, or of the path of one.

        Raises:
            CardError: if the card is missing or wrong.
        """
        _, n = read_card("tasks", name, SCHEMA)
        return cls(
            NodeContention(n.get("saturation", math.inf), n.get("order", 3.0)),
            n["alone"],
            n.get("start_up", 0.0),
            n.get("dispatch", 0.0),
            n.get("overlap_order", 6.0),
        )

    def work_s(self, n_tasks: int, n_nodes: int, slots_per_node: int) -> float:
        """Return the time in which the nodes are busy, in seconds."""
        full, rest = divmod(n_tasks, n_nodes * slots_per_node)
        work_s = full * self.alone_s * float(self.node.slowdown(slots_per_node))
        if rest:
            work_s += self.alone_s * float(self.node.slowdown(-(-rest // n_nodes)))
        return work_s

    def makespan_s(self, n_tasks: int, n_nodes: int, slots_per_node: int) -> float:
        """Return the time from the start of the workers to the last result, in seconds."""
        work_s, dispatch_s = self.work_s(n_tasks, n_nodes, slots_per_node), self.dispatch_s * n_tasks
        longer, shorter = max(work_s, dispatch_s), min(work_s, dispatch_s)
        if longer <= 0.0:
            return self.start_up_s
        return self.start_up_s + longer * float(
            (1.0 + (shorter / longer) ** self.overlap_order) ** (1.0 / self.overlap_order)
        )
