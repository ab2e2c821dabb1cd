"""One partition's batch queue on the facility's clock: who arrives, who ends, when the rule is asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from heapq import heapify, heappop, heappush
from typing import Any, Protocol

import simpy

from qhpcsim.core.errors import ConfigError, InvariantError
from qhpcsim.core.records import FloatArray
from qhpcsim.facility.changed_nodes import Step
from qhpcsim.facility.clock import Clock
from qhpcsim.facility.node_losses import NodeLosses
from qhpcsim.facility.submissions import Submissions
from qhpcsim.facility.waiting_jobs import WaitingJobs
from qhpcsim.policies.batch.state import INF, QueueState


class OpenRows(Protocol):
    """What a batch system needs to know of the jobs whose submission and end come from outside."""

    rows: range
    end_s: dict[int, float]

    def admit(self, system: BatchSystem, starts: Sequence[int]) -> list[int]:
        """Return which of the chosen jobs may start."""

    def started(self, job: int, now_s: float) -> None:
        """Note a start."""

    def ended(self, job: int, now_s: float, lost: bool = False) -> None:
        """Note an end; ``lost``: because one of its nodes went away."""


class BatchSystem:
    """Replays the jobs of one partition, instant by instant, under one rule and one queue order.

    One instant (semantics ``batch``): jobs that end give their nodes back, submissions join the queue in
    (submit, file line) order, then the rule is asked once; repeated while jobs of length zero end. Nodes that fail or
    come back do so between the ends and the submissions. The subclasses in ``batch_semantics.py`` are the other named
    semantics.

    Args:
        clock: The facility's clock.
        state: The partition's queue and machine; nobody else changes it.
        rule: Scheduling rule, made for this state.
        order: Queue order, or None for first come, first served.
        hold_s: (n,) time each job of the table holds its nodes.
        jobs: Jobs of this partition that can run, in (submit, file line) order.
        on_end: Called with (job, time, cut short by a node's failure) when a job ended and others may wait for it.
        losses: When nodes are away and what becomes of the jobs on them; None: never.
    """

    takes_open_jobs = True
    """Whether jobs may be submitted and ended from outside."""

    def __init__(
        self,
        clock: Clock,
        state: QueueState,
        rule: Any,
        order: Any,
        hold_s: FloatArray,
        jobs: Sequence[int],
        on_end: Callable[[int, float, bool], None] | None = None,
        *,
        losses: NodeLosses | None = None,
    ) -> None:
        self.clock, self.state, self.rule = clock, state, rule
        self.waiting = WaitingJobs(state, order)
        self._submissions = Submissions(jobs, state.submit_s)
        self.losses = losses
        self.n_first = state.n_nodes
        """Nodes at the beginning."""
        self.begin_s = clock.now
        """Time of the clock then."""
        self.hold_s: list[float] = hold_s.tolist()
        self.log: list[int] = []
        """What happened on the nodes: j for a start, ~j for an end, n + k for step k of n jobs."""
        self.steps: list[Step] = []
        """Nodes that joined and left while jobs ran."""
        self.n_passes = 0
        self.n_arrived = 0
        self._ends: list[tuple[float, int]] = []
        self._armed_s = self._poke_s = INF
        self._open: OpenRows | None = None
        self._on_end = on_end
        self._arm()

    def arrive(self, job: int, time_s: float, aged_s: float | None = None) -> None:
        """Let a job that waited for something join the queue at ``time_s``, now at the earliest.

        Args:
            job: The job.
            time_s: When it joins.
            aged_s: Its place in a first-come queue with open jobs; None: by its submission.
        """
        if aged_s is not None:
            self.waiting.place_as_of(job, aged_s)
        self._submissions.add(job, time_s)
        self._arm()

    def open_for(self, rows: OpenRows) -> None:
        """Let some rows of the table be submitted and ended from outside.

        Raises:
            ConfigError: if the semantics do not know such jobs.
        """
        if not self.takes_open_jobs:
            raise ConfigError("jobs that others end need semantics 'batch'", where="policy.semantics", allowed="batch")
        self._open = rows
        self.waiting.open_for(rows.rows)

    def check_het(self) -> None:
        """Raise ``ConfigError`` if het jobs cannot wait here."""
        if getattr(self.rule, "kept", False):
            raise ConfigError("het jobs cannot be planned in advance", where="policy.reservations", allowed="replanned")
        if self.state.pool is not None:
            raise ConfigError("het jobs need partitions of whole, like nodes", where="facility.partitions")

    def end_now(self, job: int) -> None:
        """Let a running job end at this instant instead of at its walltime."""
        at = next(k for k, (_, other) in enumerate(self._ends) if other == job)
        self._ends[at] = (self.clock.now, job)
        heapify(self._ends)
        self._arm()

    def check_split(self) -> None:
        """Raise ``ConfigError`` if running jobs cannot be split here."""
        if type(self.state) is not QueueState:
            raise ConfigError(
                "jobs cannot give back a part of nodes that are shared, unlike or may fail", where="facility.partitions"
            )
        if getattr(self.rule, "kept", False):
            raise ConfigError("planned jobs cannot be split", where="policy.reservations", allowed="replanned")

    def split(self, job: int, part: int) -> None:
        """Make some nodes of a running job a job of their own, as if both had been started together.

        Args:
            job: The running job.
            part: A row that was never submitted; takes over as many nodes as it asks for, and the end of ``job``.
        """
        self.state.split(job, part)
        self.hold_s[part] = self.hold_s[job]
        self.log.insert(self.log.index(job) + 1, part)
        end_s = next(time_s for time_s, other in self._ends if other == job)
        heappush(self._ends, (end_s, part))
        self.waiting.split(job, part, self.clock.now)

    def withdraw(self, job: int) -> None:
        """Take a waiting job out of the queue; the others are looked at anew."""
        self._submissions.withdraw(job)
        if job in self.state.queue:
            self.state.queue.remove(job)
            if hasattr(self.rule, "withdrawn"):
                self.rule.withdrawn(job)
        self.reconsider()
        self.poke()

    def note_step(self, step: Step) -> None:
        """Enter into the log that nodes join or leave now."""
        self.log.append(self.state.table.n + len(self.steps))
        self.steps.append(step)

    def follow(self, rule: Any) -> None:
        """Let another rule decide from now on."""
        self.rule = rule

    def outlast(self, jobs: Sequence[int], hold_s: FloatArray) -> None:
        """Let jobs that have not ended hold their nodes for another time.

        Args:
            jobs: The jobs.
            hold_s: (n,) the time, longer than so far.
        """
        late = set(jobs)
        for job in jobs:
            self.hold_s[job] = float(hold_s[job])
        self._ends = [
            (self.state.start_s[job] + self.hold_s[job] if job in late else end_s, job) for end_s, job in self._ends
        ]
        heapify(self._ends)

    def end_s(self, job: int) -> float:
        """Return when a job that ran has left its nodes, or will by itself."""
        if self._open is not None and job in self._open.rows:
            return self._open.end_s.get(job, INF)
        return self.state.start_s[job] + self.hold_s[job]

    def running(self) -> list[tuple[float, int]]:
        """Return (end, job) of the jobs on the nodes."""
        return sorted(self._ends)

    def poke(self) -> None:
        """Make a pass at this instant."""
        self._poke_s = self.clock.now
        self._arm()

    def reconsider(self) -> None:
        """Have the rule look at the whole queue in its next pass."""
        if hasattr(self.rule, "reconsider"):
            self.rule.reconsider()

    def start_chosen(self, job: int, now_s: float) -> None:
        """Start a waiting job that the rule chose in an earlier pass of this instant."""
        self.state.now_s = now_s
        self._start(job)
        self.state.queue.remove(job)

    def next_s(self) -> float:
        """Return the time of the next instant at which something happens here; inf if nothing will."""
        time_s = min(self._poke_s, self._submissions.next_s)
        if self._ends and self._ends[0][0] < time_s:
            time_s = self._ends[0][0]
        if self.losses is not None and (self._ends or self.state.queue):
            # An idle partition's nodes fail too, but nobody need be told before the next job comes.
            time_s = min(time_s, self.losses.next_s)
        wake_s: float = self.rule.wake_s
        return wake_s if self.state.now_s < wake_s < time_s else time_s

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
                self._poke_s = INF
                self.state.now_s = now_s
                self._instant(now_s)
            self._arm()

    def _instant(self, now_s: float) -> None:
        again = True
        while again:
            ended: list[int] = []
            arrived: list[int] = []
            while self._ends and self._ends[0][0] <= now_s:
                ended.append(self._end())
            if self.losses is not None:
                self._change_nodes(self.losses, ended, arrived)
            while (job := self._submissions.pop(now_s)) >= 0:
                self._join(job)
                arrived.append(job)
            self._pass(ended, arrived)
            again = bool(self._ends) and self._ends[0][0] <= now_s

    def _join(self, job: int) -> None:
        self.n_arrived += 1
        self.waiting.join(job)

    def _end(self) -> int:
        """Take the job that ends next off its nodes and return it."""
        job = self._pop_end()
        self._release(job)
        self.log.append(~job)
        self.waiting.ended(job)
        if self._open is not None and job in self._open.rows:
            self._open.ended(job, self.state.now_s)
        if self._on_end is not None:
            self._on_end(job, self.state.now_s, False)
        return job

    def _change_nodes(self, losses: NodeLosses, ended: list[int], arrived: list[int]) -> None:
        """Let nodes fail and come back; jobs that lose theirs may join the queue again."""
        requeued = losses.advance(self, self.state.now_s)
        for job in requeued:
            self._join(job)
        ended += requeued
        arrived += requeued

    @property
    def is_idle(self) -> bool:
        """Whether no job is on the nodes."""
        return not self._ends

    @property
    def open_rows(self) -> range:
        """Jobs whose submissions and ends come from outside."""
        return range(0) if self._open is None else self._open.rows

    def is_open(self, job: int) -> bool:
        """Return whether a job's submission and end come from outside."""
        return self._open is not None and job in self._open.rows

    def take_off(self, job: int) -> None:
        """Take a running job off its nodes before its time, because one of them goes away."""
        self._ends = [entry for entry in self._ends if entry[1] != job]
        heapify(self._ends)
        self._release(job)
        self.log.append(~job)
        self.waiting.ended(job)

    def tell_cut(self, job: int) -> None:
        """Tell whoever waits for a job's end that it was cut short."""
        if self._open is not None and job in self._open.rows:
            self._open.ended(job, self.state.now_s, lost=True)
        elif self._on_end is not None:
            self._on_end(job, self.state.now_s, True)

    def _pop_end(self) -> int:
        return heappop(self._ends)[1]

    def _release(self, job: int) -> None:
        self.state.end(job)

    def _pass(self, ended: Sequence[int], arrived: Sequence[int]) -> None:
        self.n_passes += 1
        self.waiting.sort()
        self._start_all(self.rule.select(ended, arrived))

    def _start_all(self, starts: Sequence[int]) -> None:
        """Start the jobs that the rule chose, but for those that others hold back."""
        if self._open is not None:
            starts = self._open.admit(self, starts)
        for job in starts:
            self._start(job)
        if starts:
            self.waiting.leave(starts)

    def _start(self, job: int) -> None:
        state = self.state
        state.start(job)
        if state.free_nodes < 0:
            raise InvariantError(f"t = {state.now_s} s: job {job} started on nodes that are not free")
        self.log.append(job)
        heappush(self._ends, (state.now_s + self.hold_s[job], self._tie(job)))
        self.waiting.started(job)
        if self._open is not None and job in self._open.rows:
            self._open.started(job, state.now_s)

    def _tie(self, job: int) -> int:
        return job
