"""Conservative backfilling: every waiting job has a reservation that nobody may delay."""

from __future__ import annotations

from collections.abc import Sequence

from qhpcsim.core.registry import register
from qhpcsim.policies.batch.bookings import Bookings
from qhpcsim.policies.batch.params import ConservativePolicy
from qhpcsim.policies.batch.profile import Profile
from qhpcsim.policies.batch.state import INF, QueueState
from qhpcsim.scenario import Policy

_SOURCE = "Mu'alem & Feitelson 2001, doi:10.1109/71.932708; Srinivasan et al. 2002, doi:10.1007/3-540-36180-4_4"

register(
    "policy",
    "conservative",
    summary="first come, first served with conservative backfilling",
    source=_SOURCE,
    params=ConservativePolicy,
)(ConservativePolicy)


@register("backfill", "conservative", summary="others may overtake if no waiting job is delayed", source=_SOURCE)
class ConservativeBackfill:
    """Plans every waiting job at its earliest feasible time and starts those whose time is now.

    Model: ``reservations=replanned`` plans all waiting jobs anew in queue order at every pass; ``kept`` plans a job
        once, when it arrives, and moves it forward, in order of planned start, when some job ended early.
    Assumes: nodes are identical and only their number matters.
    Not modelled: reservations on concrete hosts (see semantics ``batsched``).
    Source: Mu'alem & Feitelson 2001 (kept, with compression); the replanned variant is what most codes do.
    """

    overtakes = True

    def __init__(self, state: QueueState, policy: Policy) -> None:
        self.state, self.depth = state, policy.depth
        self.kept = policy.reservations == "kept"
        self.wake_s = INF
        """Next planned start; the batch system makes a pass then even if nothing else happens."""
        self._bookings: Bookings | None = None
        self._planned_s: dict[int, float] = {}
        self._freed = False

    def select(self, ended: Sequence[int], arrived: Sequence[int]) -> list[int]:
        """Return the jobs whose planned start is now and whose nodes are free."""
        return self._keep(ended, arrived) if self.kept else self._replan()

    def withdrawn(self, job: int) -> None:
        """Forget the plan of a job that left the queue."""
        if self._bookings is not None:
            self._freed |= self._bookings.cancel(job)

    def resized(self) -> None:
        """Plan all waiting jobs anew in the next pass, in the order of their plans: the partition has another size."""
        if self._bookings is not None:
            self._planned_s, self._bookings = self._bookings.planned_s, None

    def _replan(self) -> list[int]:
        state = self.state
        plan = Profile.of_running(state)
        now_s, free, depth, starts = state.now_s, state.free_nodes, self.depth, []
        blocked = 0
        self.wake_s = INF
        for job in state.queue:
            need, length_s = state.nodes[job], state.est_s[job]
            start_s = plan.earliest(need, length_s, now_s)
            if start_s == now_s and need <= free:
                starts.append(job)
                free -= need
            else:
                blocked += 1
                if start_s > now_s:
                    self.wake_s = min(self.wake_s, start_s)
            plan.add(start_s, start_s + length_s, -need)
            if depth and blocked > depth:
                break
        return starts

    def _keep(self, ended: Sequence[int], arrived: Sequence[int]) -> list[int]:
        if self._bookings is None:
            self._bookings, ended = Bookings(self.state), ()
            arrived = [*self._planned_before(arrived), *arrived]
        bookings = self._bookings
        bookings.move_to_now()
        early = [bookings.end(job) for job in ended]
        if any(early) or self._freed:
            self._freed = False
            rank = {job: place for place, job in enumerate(self.state.queue)}
            planned = sorted((start_s, rank[job], job) for job, start_s in bookings.planned_s.items())
            bookings.rebook(job for _, _, job in planned)
        for job in arrived:
            bookings.book(job)
        starts = bookings.due()
        self.wake_s = bookings.next_s()
        return starts

    def _planned_before(self, arrived: Sequence[int]) -> list[int]:
        """Return the waiting jobs that are not new, in order of their former plans, those without one last."""
        new, planned_s = set(arrived), self._planned_s
        waiting = [(planned_s.get(job, INF), rank, job) for rank, job in enumerate(self.state.queue) if job not in new]
        return [job for _, _, job in sorted(waiting)]
