"""The queue state of a partition whose nodes are counted one by one."""

from __future__ import annotations

from bisect import insort

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.errors import InvariantError
from qhpcsim.core.records import JobTable
from qhpcsim.facility.shared_nodes import SharedPool
from qhpcsim.policies.batch.state import QueueState
from qhpcsim.scenario import Partition


class PooledState(QueueState):
    """A queue state that keeps every node's cores, GPUs and memory in ``pool``.

    ``free_nodes`` counts the nodes that hold no job; a job starts on the nodes that the rule wrote into
    ``placement``.

    Args:
        table: The workload.
        partition: The nodes.
        est_s: (n,) time each job is expected to hold its nodes, as schedulers see it.
    """

    __slots__ = ()
    pool: SharedPool

    def __init__(self, table: JobTable, partition: Partition, est_s: NDArray[np.float64]) -> None:
        super().__init__(table, partition.nodes, est_s)
        self.pool = SharedPool(table, partition)

    def start(self, job: int) -> None:
        """Put the job on the nodes chosen for it and file it among the running ones.

        Raises:
            InvariantError: if the rule chose no nodes, or nodes without room.
        """
        chosen = self.placement.get(job)
        if chosen is None:
            raise InvariantError(f"t = {self.now_s} s: job {job} started without nodes")
        self.pool.take(job, chosen)
        self.free_nodes = self.pool.idle_nodes
        self.start_s[job] = self.now_s
        insort(self.running, (self.now_s + self.est_s[job], job))

    def end(self, job: int) -> None:
        """Take the job off its nodes."""
        self.pool.release(job)
        self.free_nodes = self.pool.idle_nodes
        self.forget(job)
