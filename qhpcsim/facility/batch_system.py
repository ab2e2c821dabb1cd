"""One partition's batch queue on the facility's clock: who arrives, who ends, when the rule is asked."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from typing import Any

import numpy as np
import simpy

from qhpcsim.core.errors import InvariantError
from qhpcsim.core.records import FloatArray
from qhpcsim.facility.clock import Clock
from qhpcsim.policies.batch.state import INF, QueueState


class BatchSystem:
    """Replays the jobs of one partition, instant by instant, under one rule and one queue order.

    One instant (semantics ``batch``): jobs that end give their nodes back, submissions join the queue in
    (submit, file line) order, then the rule is asked once; repeated while jobs of length zero end. The subclasses
    at the end of this file are the other named semantics.

    Args:
        clock: The facility's clock.
        state: The partition's queue and machine; nobody else changes it.
        rule: Scheduling rule, made for this state.
        order: Queue order, or None for first come, first served.
        hold_s: (n,) time each job of the table holds its nodes.
        jobs: Jobs of this partition that can run, in (submit, file line) order.
        on_end: Called with (job, time) when a job ended and has dependants.
    """

    def __init__(
        self,
        clock: Clock,
        state: QueueState,
        rule: Any,
        order: Any,
        hold_s: FloatArray,
        jobs: Sequence[int],
        on_end: Callable[[int, float], None] | None = None,
    ) -> None:
        self.clock, self.state, self.rule = clock, state, rule
        self.hold_s: list[float] = hold_s.tolist()
        self.log: list[int] = []
        """What happened on the nodes: j for a start, ~j for an end."""
        self.n_passes = 0
        self.n_arrived = 0
        self._arrivals = list(jobs)
        self._next_arrival = 0
        self._late: list[tuple[float, int]] = []
        self._ends: list[tuple[float, int]] = []
        self._armed_s = INF
        self._on_end = on_end
        self._order = order
        self._fcfs = order is None
        self._key: list[float] = []
        if order is not None and not order.dynamic:
            self._key = _static_keys(order, state.table.n)
        self._arm()

    def arrive(self, job: int, time_s: float) -> None:
        """Let a job that waited for another one join the queue at ``time_s``, now at the earliest."""
        heappush(self._late, (time_s, job))
        self._arm()

    def next_s(self) -> float:
        """Return the time of the next instant at which something happens here; inf if nothing will."""
        arrival_s = INF
        if self._next_arrival < len(self._arrivals):
            arrival_s = self.state.submit_s[self._arrivals[self._next_arrival]]
        if self._late and self._late[0][0] < arrival_s:
            arrival_s = self._late[0][0]
        if self._ends and self._ends[0][0] < arrival_s:
            arrival_s = self._ends[0][0]
        wake_s: float = self.rule.wake_s
        return wake_s if self.state.now_s < wake_s < arrival_s else arrival_s

    def _arm(self) -> None:
        time_s = self.next_s()
        if time_s < self._armed_s:
            self._armed_s = time_s
            self.clock.call_at(max(time_s, self.clock.now), self._wake)

    def _wake(self, _event: simpy.Event) -> None:
        now_s = self.clock.now
        if now_s >= self._armed_s:
            self._armed_s = INF
            if self.next_s() <= now_s:
                self.state.now_s = now_s
                self._instant(now_s)
            self._arm()

    def _instant(self, now_s: float) -> None:
        again = True
        while again:
            ended, arrived = [], []
            while self._ends and self._ends[0][0] <= now_s:
                ended.append(self._end())
            while (job := self._next_submission(now_s)) >= 0:
                self._join(job)
                arrived.append(job)
            self._pass(ended, arrived)
            again = bool(self._ends) and self._ends[0][0] <= now_s

    def _next_submission(self, now_s: float) -> int:
        """Return the next job that is submitted by ``now_s``, -1 if there is none."""
        submit_s = self.state.submit_s
        due = -1
        if self._next_arrival < len(self._arrivals):
            job = self._arrivals[self._next_arrival]
            if submit_s[job] <= now_s:
                due = job
        if self._late and self._late[0][0] <= now_s and (due < 0 or self._late[0] < (submit_s[due], due)):
            return heappop(self._late)[1]
        if due >= 0:
            self._next_arrival += 1
        return due

    def _join(self, job: int) -> None:
        self.n_arrived += 1
        queue = self.state.queue
        if self._fcfs and (not queue or queue[-1] < job):
            queue.append(job)
        elif self._fcfs:
            insort(queue, job)
        elif self._key:
            key = self._key
            queue.insert(bisect_right(queue, (key[job], job), key=lambda j: (key[j], j)), job)
        else:
            queue.append(job)

    def _end(self) -> int:
        """Take the job that ends next off its nodes and return it."""
        job = self._pop_end()
        self._release(job)
        self.log.append(~job)
        if self._order is not None:
            self._order.ended(job, self.state.now_s)
        if self._on_end is not None:
            self._on_end(job, self.state.now_s)
        return job

    def _pop_end(self) -> int:
        return heappop(self._ends)[1]

    def _release(self, job: int) -> None:
        self.state.end(job)

    def _pass(self, ended: Sequence[int], arrived: Sequence[int]) -> None:
        state = self.state
        self.n_passes += 1
        if self._order is not None and self._order.dynamic:
            self._sort_queue()
        starts = self.rule.select(ended, arrived)
        if not starts:
            return
        for job in starts:
            self._start(job)
        if len(starts) == 1:
            state.queue.remove(starts[0])
        else:
            gone = set(starts)
            state.queue[:] = [job for job in state.queue if job not in gone]

    def _start(self, job: int) -> None:
        state = self.state
        state.start(job)
        if state.free_nodes < 0:
            raise InvariantError(f"t = {state.now_s} s: job {job} started on nodes that are not free")
        self.log.append(job)
        heappush(self._ends, (state.now_s + self.hold_s[job], self._tie(job)))
        if self._order is not None:
            self._order.started(job, state.now_s)

    def _tie(self, job: int) -> int:
        return job

    def _sort_queue(self) -> None:
        queue = self.state.queue
        if len(queue) > 1:
            jobs = np.array(queue, dtype=np.intp)
            keys = self._order.keys(jobs, self.state.now_s)
            queue[:] = jobs[np.lexsort((jobs, keys))].tolist()


class EachBatchSystem(BatchSystem):
    """Semantics ``each``: a pass after every single event, ends (by time, then job) before submissions."""

    def _instant(self, now_s: float) -> None:
        if self.rule.wake_s <= now_s:
            self._pass([], [])
        while True:
            if self._ends and self._ends[0][0] <= now_s:
                self._pass([self._end()], [])
            elif (job := self._next_submission(now_s)) >= 0:
                self._join(job)
                self._pass([], [job])
            else:
                return


class PyssBatchSystem(BatchSystem):
    """Semantics ``pyss``: a pass after every event, submissions before ends; nodes count as free at the estimate.

    A running job whose expected end is now gives its nodes to waiting jobs at once, even if its end is handled later
    in the same instant. Jobs that end together do so in the order in which they started.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._expired: set[int] = set()
        self._sequence: list[int] = []
        super().__init__(*args, **kwargs)

    def _instant(self, now_s: float) -> None:
        while (job := self._next_submission(now_s)) >= 0:
            self._expire(now_s)
            self._join(job)
            self._pass([], [job])
        while self._ends and self._ends[0][0] <= now_s:
            self._expire(now_s)
            self._pass([self._end()], [])
        if self.rule.wake_s <= now_s:
            self._expire(now_s)
            self._pass([], [])
        if self.next_s() <= now_s:
            self._instant(now_s)

    def _expire(self, now_s: float) -> None:
        """Free the nodes of running jobs whose expected end has come."""
        running, state = self.state.running, self.state
        while running and running[0][0] <= now_s:
            job = running.pop(0)[1]
            state.free_nodes += state.nodes[job]
            self._expired.add(job)

    def _tie(self, job: int) -> int:
        self._sequence.append(job)
        return len(self._sequence) - 1

    def _pop_end(self) -> int:
        return self._sequence[heappop(self._ends)[1]]

    def _release(self, job: int) -> None:
        if job in self._expired:
            self._expired.discard(job)
        else:
            self.state.end(job)


def _static_keys(order: Any, n: int) -> list[float]:
    keys: list[float] = order.keys(np.arange(n), 0.0).tolist()
    return keys


SYSTEMS: dict[str, type[BatchSystem]] = {
    "batch": BatchSystem,
    "batsched": BatchSystem,
    "each": EachBatchSystem,
    "pyss": PyssBatchSystem,
}
"""Batch system of each named semantics."""
