"""The queue state of a partition whose nodes can be away: it knows which node each job has, and which are down."""

from __future__ import annotations

import math
from bisect import bisect_left, insort

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.records import JobTable
from qhpcsim.policies.batch.host_schedule import host_ids, lowest
from qhpcsim.policies.batch.state import INF, QueueState
from qhpcsim.scenario import Partition


class TrackedState(QueueState):
    """A queue state of whole, like nodes that can be down.

    Model: a node that is down counts as held by a stand-in job of one node, which is expected to end when the node is
        expected back, never if nobody knows. Every rule that counts nodes therefore plans without it. Starting jobs
        get the lowest free ids.

    Args:
        table: The workload; the stand-ins are numbered behind its jobs.
        partition: The nodes.
        est_s: (n,) time each job is expected to hold its nodes, as schedulers see it.
    """

    __slots__ = ("_away_until", "_free", "_holder", "windows")

    def __init__(self, table: JobTable, partition: Partition, est_s: NDArray[np.float64]) -> None:
        super().__init__(table, partition.nodes, est_s)
        n = partition.nodes
        self.nodes += [1] * n
        self.est_s += [0.0] * n
        self.submit_s += [INF] * n
        self.start_s += [math.nan] * n
        self.windows: list[tuple[float, float, int]] = []
        """(from, to, nodes) of planned outages that have not begun, in order."""
        self._free = (1 << n) - 1
        self._holder = [-1] * n
        self._away_until: dict[int, float] = {}

    def start(self, job: int) -> None:
        """Put the job on the lowest free nodes and file it among the running ones."""
        super().start(job)
        if self.free_nodes < 0:
            return  # the batch system raises
        mask = lowest(self._free, self.nodes[job])
        self._free &= ~mask
        self.placement[job] = tuple(host_ids(mask))
        for node in self.placement[job]:
            self._holder[node] = job

    def end(self, job: int) -> None:
        """Take the job off its nodes; ``placement`` still tells which they were."""
        super().end(job)
        for node in self.placement[job]:
            self._free |= 1 << node
            self._holder[node] = -1

    def holder(self, node: int) -> int:
        """Return the job on a node, -1 for none."""
        return self._holder[node]

    def is_down(self, node: int) -> bool:
        """Return whether a node is away."""
        return node in self._away_until

    def take_down(self, node: int, until_s: float) -> None:
        """Take a node that no job holds away, or change when it is expected back.

        Args:
            node: Id within the partition.
            until_s: Expected return; inf: nobody knows.
        """
        if node in self._away_until:
            self._strike(node)
        else:
            self.free_nodes -= 1
            self._free &= ~(1 << node)
        self._away_until[node] = until_s
        insort(self.running, (until_s, self.table.n + node))

    def bring_up(self, node: int) -> None:
        """Give a node back to the jobs."""
        self._strike(node)
        del self._away_until[node]
        self.free_nodes += 1
        self._free |= 1 << node

    def _strike(self, node: int) -> None:
        entry = (self._away_until[node], self.table.n + node)
        del self.running[bisect_left(self.running, entry)]
