"""EASY and conservative backfilling as batsched does them: every reservation names its hosts."""

from __future__ import annotations

from collections.abc import Sequence

from qhpcsim.core.registry import register
from qhpcsim.policies.batch.host_schedule import HostSchedule, Reservation, host_ids
from qhpcsim.policies.batch.state import INF, QueueState
from qhpcsim.scenario import Policy

SOURCE = "batsched (easy_bf, conservative_bf), https://framagit.org/batsim/batsched"


class _HostRule:
    """What both rules share: a plan over concrete hosts, kept in step with the machine."""

    wake_s = INF
    """Neither rule asks to be called without an event."""

    def __init__(self, state: QueueState, policy: Policy) -> None:
        self.state = state
        self.plan = HostSchedule(state.n_nodes)
        self.booked: dict[int, Reservation] = {}
        """Place in the plan of each running and each reserved job."""
        self.busy = 0
        """Hosts that running jobs hold."""

    def _catch_up(self, ended: Sequence[int]) -> None:
        """Strike ended jobs from the plan and move its present to now."""
        for job in ended:
            if job in self.booked:
                self.busy &= ~self.booked[job].hosts
                self._unbook(job)
        self.plan.advance(self.state.now_s)

    def _unbook(self, job: int) -> None:
        """Take the job's reservation, if it has one, out of the plan."""
        booked = self.booked.pop(job, None)
        if booked is not None:
            self.plan.release(booked)

    def _book(self, job: int, found: Reservation | None) -> bool:
        """Put the job into the plan where it fits; return whether that is now, which starts it."""
        if found is None:
            return False
        self.plan.hold(found)
        self.booked[job] = found
        if found.begin_s > self.state.now_s:
            return False
        self.busy |= found.hosts
        self.state.placement[job] = tuple(host_ids(found.hosts))
        return True

    def _book_first_fit(self, job: int) -> bool:
        """Give the job the earliest reservation that fits; return whether it starts now."""
        nodes, est_s = self.state.nodes[job], self.state.est_s[job]
        return self._book(job, self.plan.first_fit(nodes, est_s, self.busy))

    def _book_now(self, job: int) -> bool:
        """Start the job now if that delays nothing in the plan; return whether it did."""
        nodes, est_s = self.state.nodes[job], self.state.est_s[job]
        return self._book(job, self.plan.fit_now(nodes, est_s, self.busy))


@register("backfill", "batsched_easy", summary="EASY on named hosts, as batsched's easy_bf", source=SOURCE)
class BatschedEasy(_HostRule):
    """EASY backfilling whose one reservation holds concrete hosts.

    Model: the head of the queue reserves the lowest host ids that are free together for its whole requested
        time, as early as possible. Another job starts now only on hosts that the plan leaves free for its
        whole requested time. If jobs ended, the head is placed anew and the whole queue is tried in order; if
        not, only the jobs that have just arrived are tried, and the head's reservation stays as it is.
    Assumes: all events of one instant come in one call; a job that outruns its requested time just
        keeps its hosts busy.
    Not modelled: ``policy.candidates``, ``policy.depth``, ``policy.reservations``; shared nodes.
    Source: batsched, easy_bf; Dutot et al., Batsim, JSSPP 2016, doi:10.1007/978-3-319-61756-5_10.
    """

    def __init__(self, state: QueueState, policy: Policy) -> None:
        super().__init__(state, policy)
        self.head: int | None = None

    def select(self, ended: Sequence[int], arrived: Sequence[int]) -> list[int]:
        """Return the jobs to start now: heads of the queue first, then backfilled ones."""
        self._catch_up(ended)
        started = self._start_heads() if self._head_changed() else []
        if ended:
            waiting = self.state.queue[len(started) :]
            started += self._backfill_all(waiting)
        else:
            waiting = [job for job in arrived if job not in started and job != self.head]
            started += [job for job in waiting if self._book_now(job)]
        return started

    def _head_changed(self) -> bool:
        """Return whether another job leads the queue than after the last call; its reservation then falls."""
        if self.state.queue and self.state.queue[0] == self.head:
            return False
        if self.head is not None:
            self._unbook(self.head)
        return True

    def _start_heads(self) -> list[int]:
        """Start jobs from the front of the queue; the first one that must wait gets the reservation."""
        started: list[int] = []
        self.head = None
        for job in self.state.queue:
            if not self._book_first_fit(job):
                self.head = job
                break
            started.append(job)
        return started

    def _backfill_all(self, waiting: Sequence[int]) -> list[int]:
        """Place the head anew and try every other waiting job; return those that start."""
        started: list[int] = []
        for job in waiting:
            if self.head in (job, None):
                self._unbook(job)
                starts = self._book_first_fit(job)
                self.head = None if starts else job
            else:
                starts = self._book_now(job)
            if starts:
                started.append(job)
        return started


@register(
    "backfill",
    "batsched_conservative",
    summary="conservative on named hosts, as batsched's conservative_bf",
    source=SOURCE,
)
class BatschedConservative(_HostRule):
    """Conservative backfilling in which every waiting job has reserved concrete hosts.

    Model: a job reserves, on arrival, the lowest host ids that are free together for its whole requested
        time, as early as possible. When jobs ended, the plan is compressed: in queue order each waiting job
        is taken out and placed again at its first fit, while the others keep their reservations.
    Assumes: all events of one instant come in one call; a job that outruns its requested time just
        keeps its hosts busy.
    Not modelled: ``policy.candidates``, ``policy.depth``, ``policy.reservations``; shared nodes.
    Source: batsched, conservative_bf; Dutot et al., Batsim, JSSPP 2016, doi:10.1007/978-3-319-61756-5_10.
    """

    def select(self, ended: Sequence[int], arrived: Sequence[int]) -> list[int]:
        """Return the jobs whose reservation begins now."""
        self._catch_up(ended)
        started: list[int] = []
        for job in list(self.state.queue) if ended else arrived:
            self._unbook(job)
            if self._book_first_fit(job):
                started.append(job)
        return started
