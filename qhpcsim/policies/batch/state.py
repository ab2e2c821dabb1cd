"""What a batch queue looks like to a scheduling rule, and the protocol every rule follows."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.records import JobTable
from qhpcsim.scenario import Policy

INF = math.inf


class QueueState:
    """One partition's queue and machine at one instant; the batch system keeps it, rules read it.

    Jobs are indices into the job table. ``nodes``, ``est_s`` and ``submit_s`` are plain lists (fast in a Python
    loop) over the whole table; ``start_s`` holds NaN for jobs that have not started.

    Args:
        table: The workload.
        n_nodes: Nodes of the partition.
        est_s: (n,) time each job is expected to hold its nodes, as schedulers see it.
    """

    __slots__ = (
        "est_s",
        "free_nodes",
        "n_nodes",
        "nodes",
        "now_s",
        "placement",
        "pool",
        "queue",
        "running",
        "start_s",
        "submit_s",
        "table",
    )

    def __init__(self, table: JobTable, n_nodes: int, est_s: NDArray[np.float64]) -> None:
        self.table = table
        self.n_nodes = n_nodes
        self.free_nodes = n_nodes
        self.now_s = -INF
        self.nodes: list[int] = table.nodes.tolist()
        self.est_s: list[float] = est_s.tolist()
        self.submit_s: list[float] = table.submit_s.tolist()
        self.start_s: list[float] = [math.nan] * table.n
        self.queue: list[int] = []
        """Waiting jobs in queue order."""
        self.running: list[tuple[float, int]] = []
        """(expected end, job) of the running jobs, sorted."""
        self.pool: Any = None
        """Per-node resources of a shared partition; None where jobs own whole nodes and counting is enough."""
        self.placement: dict[int, Any] = {}
        """Nodes that a rule chose itself: job -> node ids. Others get the lowest free ones."""

    def start(self, job: int) -> None:
        """Take the job's nodes and file it among the running ones (it stays in ``queue``; the caller removes it)."""
        self.free_nodes -= self.nodes[job]
        self.start_s[job] = self.now_s
        insort(self.running, (self.now_s + self.est_s[job], job))

    def end(self, job: int) -> None:
        """Give the job's nodes back."""
        self.free_nodes += self.nodes[job]
        self.forget(job)

    def forget(self, job: int) -> None:
        """Strike the job from the running set, if it is there, without freeing nodes."""
        entry = (self.start_s[job] + self.est_s[job], job)
        at = bisect_left(self.running, entry)
        if at < len(self.running) and self.running[at] == entry:
            del self.running[at]

    def split(self, job: int, part: int) -> None:
        """Let a job that has not been in the queue take over a running one's nodes, as many as it asks for.

        From then on both run as if they had been started together.
        """
        self.nodes[job] -= self.nodes[part]
        self.table.nodes[job] -= self.table.nodes[part]
        self.start_s[part], self.est_s[part] = self.start_s[job], self.est_s[job]
        insort(self.running, (self.start_s[part] + self.est_s[part], part))

    def shadow(self, need: int, free: int) -> tuple[float, int]:
        """Return when ``need`` nodes will be free by the expected ends, and how many are spare then.

        Jobs that outrun their expected end count as ending now.

        Args:
            need: Nodes wanted, more than ``free``.
            free: Nodes free now.
        """
        running, nodes = self.running, self.nodes
        at, count = 0, len(running)
        while free < need and at < count:
            free += nodes[running[at][1]]
            at += 1
        shadow_s = running[at - 1][0]
        while at < count and running[at][0] == shadow_s:
            free += nodes[running[at][1]]
            at += 1
        return max(shadow_s, self.now_s), free - need


class Rule(Protocol):
    """A scheduling rule: says which waiting jobs start now.

    A rule is made once per partition with the queue state and the policy's parameters. After the events of an
    instant the batch system calls ``select``; it then starts the returned jobs in that order.
    """

    def __init__(self, state: QueueState, policy: Policy) -> None: ...

    def select(self, ended: Sequence[int], arrived: Sequence[int]) -> list[int]:
        """Return the waiting jobs to start at ``state.now_s``.

        Args:
            ended: Jobs that gave their nodes back since the last call.
            arrived: Jobs that joined ``state.queue`` since the last call, in queue order of arrival.
        """
        ...
