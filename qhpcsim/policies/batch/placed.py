"""FCFS, EASY and conservative backfilling where nodes differ or are shared, so that counting is not enough."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from qhpcsim.core.errors import ConfigError
from qhpcsim.core.registry import register
from qhpcsim.policies.batch.state import INF, QueueState
from qhpcsim.policies.batch.timeline import Timeline
from qhpcsim.scenario import Policy

_EASY = "Lifka 1995, doi:10.1007/3-540-60153-8_35"
_CONSERVATIVE = "Mu'alem & Feitelson 2001, doi:10.1109/71.932708"


class _PlacedRule:
    """What the rules here share: nodes chosen on a copy of the pool, so that jobs of one pass see each other."""

    wake_s = INF

    def __init__(self, state: QueueState, policy: Policy) -> None:
        if policy.reservations == "kept" and policy.backfill == "conservative":
            raise ConfigError(
                "reservations cannot be kept where nodes differ or are shared",
                where="policy.reservations",
                allowed="replanned",
            )
        self.state, self.depth = state, policy.depth
        self.shortest_first = policy.candidates == "sjf"
        self._pool: Any = None

    def _heads(self) -> list[int]:
        """Return the jobs at the head of the queue that fit, nodes chosen."""
        self._pool = self.state.pool.copy()
        starts: list[int] = []
        for job in self.state.queue:
            if not self._put(job, -1):
                break
            starts.append(job)
        return starts

    def _put(self, job: int, allowed: int) -> bool:
        """Choose nodes for a job that starts now, if there are any."""
        nodes = self._pool.place(job, allowed)
        if nodes is None:
            return False
        self._pool.take(job, nodes)
        self.state.placement[job] = nodes
        return True

    def _book(self, plan: Timeline, job: int) -> bool:
        """Start the job now if the plan lets it, otherwise leave the plan as it is."""
        state, demand, length_s = self.state, self._pool.demand(job), self.state.est_s[job]
        start_s, units = plan.earliest(demand, length_s, state.now_s)
        if start_s > state.now_s or not self._put(job, plan.allowed(units)):
            return False
        plan.add(state.now_s, state.now_s + length_s, demand, plan.bins_of(state.placement[job]))
        return True

    def _reserve(self, plan: Timeline, job: int) -> float:
        """Set the job's nodes aside at its earliest time and return that time."""
        demand, length_s = self._pool.demand(job), self.state.est_s[job]
        start_s, units = plan.earliest(demand, length_s, self.state.now_s)
        plan.add(start_s, start_s + length_s, demand, plan.first(units, demand.nodes))
        return start_s

    def _plan_after(self, starts: Sequence[int]) -> Timeline:
        """Return the timeline of the running jobs and of those that start now."""
        state = self.state
        plan = Timeline(state)
        plan.pool = self._pool
        for job in starts:
            chosen = plan.bins_of(state.placement[job])
            plan.add(state.now_s, state.now_s + state.est_s[job], self._pool.demand(job), chosen)
        return plan


@register("backfill", "placed_none", summary="strictly in queue order, on nodes that differ", source="textbook")
class PlacedFcfs(_PlacedRule):
    """Starts jobs in queue order until one does not fit.

    Model: no job overtakes another one.
    Assumes: see ``SharedPool`` for which nodes a job gets.
    Not modelled: reservations.
    Source: textbook.
    """

    def select(self, ended: Sequence[int], arrived: Sequence[int]) -> list[int]:
        """Return the heads of the queue that fit."""
        return self._heads()


@register("backfill", "placed_easy", summary="EASY backfilling on nodes that differ", source=_EASY)
class PlacedEasy(_PlacedRule):
    """EASY backfilling where the head's reservation holds concrete resources.

    Model: the head reserves the earliest bins of nodes that can hold it for its whole length by the expected ends; a
        job may overtake if it fits now, for its whole length, beside that reservation. With identical whole nodes
        this is the count-based rule ``easy``.
    Assumes: running jobs end as expected.
    Not modelled: moving the reservation to other nodes to let a candidate pass.
    Source: Lifka 1995.
    """

    def select(self, ended: Sequence[int], arrived: Sequence[int]) -> list[int]:
        """Return the jobs to start now: heads first, then the backfilled ones."""
        queue = self.state.queue
        starts = self._heads()
        if len(starts) == len(queue):
            return starts
        plan = self._plan_after(starts)
        self._reserve(plan, queue[len(starts)])
        last = len(starts) + 1 + self.depth if self.depth else len(queue)
        candidates: Iterable[int] = queue[len(starts) + 1 : last]
        if self.shortest_first:
            candidates = sorted(candidates, key=self.state.est_s.__getitem__)
        return starts + [job for job in candidates if self._book(plan, job)]


@register(
    "backfill", "placed_conservative", summary="conservative backfilling on nodes that differ", source=_CONSERVATIVE
)
class PlacedConservative(_PlacedRule):
    """Conservative backfilling where reservations hold concrete resources.

    Model: at every pass each waiting job, in queue order, takes the earliest bins of nodes that can hold it for its
        whole length beside the running jobs and the reservations made before. With identical whole nodes this is the
        count-based rule ``conservative``, replanned.
    Assumes: running jobs end as expected.
    Not modelled: ``reservations=kept``; moving earlier reservations to other nodes.
    Source: Mu'alem & Feitelson 2001.
    """

    def select(self, ended: Sequence[int], arrived: Sequence[int]) -> list[int]:
        """Return the jobs whose planned start is now and whose nodes are free."""
        self._pool = self.state.pool.copy()
        plan = self._plan_after([])
        starts, blocked = [], 0
        self.wake_s = INF
        for job in self.state.queue:
            if self._book(plan, job):
                starts.append(job)
                continue
            blocked += 1
            planned_s = self._reserve(plan, job)
            if planned_s > self.state.now_s:
                self.wake_s = min(self.wake_s, planned_s)
            if self.depth and blocked > self.depth:
                break
        return starts
