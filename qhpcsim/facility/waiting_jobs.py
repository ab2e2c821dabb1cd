"""The waiting jobs of one partition, kept in the order of its policy."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Sequence
from typing import Any

import numpy as np

from qhpcsim.policies.batch.state import QueueState


class WaitingJobs:
    """Keeps ``state.queue`` in order and tells the order who starts and ends.

    Jobs whose keys never change are inserted where they belong; an order with keys that change with time is sorted
    before each pass. Ties: by file line.

    Args:
        state: The partition's queue and machine.
        order: Queue order, or None for first come, first served.
    """

    def __init__(self, state: QueueState, order: Any) -> None:
        self.state, self.order = state, order
        self._open: range | None = None
        self._by_line = False
        """Whether the file's order is the queue's."""
        self._key: list[float] = []
        self._set_keys()

    def open_for(self, rows: range) -> None:
        """Let the submissions of some rows be known only when they come."""
        self._open = rows
        if self.order is None:
            self._set_keys()

    def reorder(self, order: Any) -> None:
        """Keep the queue in another order from now on; None: first come, first served."""
        self.order = order
        self._set_keys()
        key = self._key
        self.state.queue.sort(key=(lambda j: (key[j], j)) if key else None)

    def _set_keys(self) -> None:
        # File order stands for submission order only among jobs whose submission was known beforehand.
        self._by_line = self.order is None and self._open is None
        self._key = []
        if self.order is None and self._open is not None:
            self._key = list(self.state.submit_s)
        elif self.order is not None and not self.order.dynamic:
            self._key = self.order.keys(np.arange(self.state.table.n), 0.0).tolist()

    def place_as_of(self, job: int, aged_s: float) -> None:
        """Let a job stand in a first-come queue as if it had been submitted at ``aged_s``."""
        if self.order is None:
            self._key[job] = aged_s

    def join(self, job: int) -> None:
        """Let a job wait."""
        queue = self.state.queue
        if self._by_line and (not queue or queue[-1] < job):
            queue.append(job)
        elif self._by_line:
            insort(queue, job)
        elif self._key:
            key = self._key
            if self._open is not None and self.order is not None and job in self._open:
                key[job] = float(self.order.keys(np.array([job]), self.state.now_s)[0])
            queue.insert(bisect_right(queue, (key[job], job), key=lambda j: (key[j], j)), job)
        else:
            queue.append(job)

    def sort(self) -> None:
        """Put the jobs in order where keys change with time."""
        queue = self.state.queue
        if self.order is not None and self.order.dynamic and len(queue) > 1:
            jobs = np.array(queue, dtype=np.intp)
            keys = self.order.keys(jobs, self.state.now_s)
            queue[:] = jobs[np.lexsort((jobs, keys))].tolist()

    def leave(self, jobs: Sequence[int]) -> None:
        """Take jobs out of the queue that have started."""
        queue = self.state.queue
        if len(jobs) == 1:
            queue.remove(jobs[0])
        else:
            gone = set(jobs)
            queue[:] = [job for job in queue if job not in gone]

    def started(self, job: int) -> None:
        """Tell the order that a job starts now."""
        if self.order is not None:
            self.order.started(job, self.state.now_s)

    def ended(self, job: int) -> None:
        """Tell the order that a job leaves its nodes now."""
        if self.order is not None:
            self.order.ended(job, self.state.now_s)

    def split(self, job: int, part: int, now_s: float) -> None:
        """Tell the order that some nodes of a running job are a job of their own from now on."""
        order = self.order
        if order is not None:
            order.ended(job, now_s)
            if hasattr(order, "resized"):
                order.resized(job, self.state.nodes[job])
            order.started(job, now_s)
            order.started(part, now_s)
