"""FCFS, EASY and conservative backfilling around planned outages, where the nodes free now are not all that counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from qhpcsim.core.registry import register
from qhpcsim.policies.batch.profile import Profile
from qhpcsim.policies.batch.state import INF, QueueState
from qhpcsim.scenario import Policy

_EASY = "Lifka 1995, doi:10.1007/3-540-60153-8_35"
_CONSERVATIVE = "Mu'alem & Feitelson 2001, doi:10.1109/71.932708"
_SLURM = "https://slurm.schedmd.com/reservations.html"


class _AroundRule:
    """What the rules here share: a plan of the free nodes that the outages to come are cut out of."""

    wake_s = INF
    overtakes = False

    def __init__(self, state: QueueState, policy: Policy) -> None:
        self.state, self.depth = state, policy.depth
        self.shortest_first = policy.candidates == "sjf"
        self._plan = Profile(0.0, 0)
        self._free = 0

    def _look(self) -> None:
        """Make the plan of this instant: running jobs until their expected ends, and outages."""
        state = self.state
        self._plan, self._free = Profile.of_running(state), state.free_nodes
        for from_s, to_s, nodes in getattr(state, "windows", ()):
            self._plan.add(max(from_s, state.now_s), to_s, -nodes)

    def _earliest(self, job: int) -> float:
        state = self.state
        return self._plan.earliest(state.nodes[job], state.est_s[job], state.now_s)

    def _book(self, job: int, start_s: float) -> bool:
        """Put a job into the plan; return whether it starts now."""
        state = self.state
        self._plan.add(start_s, start_s + state.est_s[job], -state.nodes[job])
        if start_s > state.now_s or state.nodes[job] > self._free:
            return False
        self._free -= state.nodes[job]
        return True

    def _fits(self, job: int) -> bool:
        return self.state.nodes[job] <= self._free and self._earliest(job) <= self.state.now_s

    def _heads(self) -> list[int]:
        """Return the jobs at the head of the queue that can start now."""
        starts: list[int] = []
        for job in self.state.queue:
            if not self._fits(job):
                break
            self._book(job, self.state.now_s)
            starts.append(job)
        return starts


@register("backfill", "around_none", summary="strictly in queue order, around planned outages", source=_SLURM)
class AroundFcfs(_AroundRule):
    """Starts jobs in queue order until one does not fit, or would run into a planned outage.

    Model: a job starts if its nodes are free from now to its expected end beside the outages to come.
    Assumes: nodes are identical and only their number matters.
    Not modelled: outages of named nodes.
    Source: textbook FCFS; Slurm's maintenance reservations.
    """

    def select(self, ended: Sequence[int], arrived: Sequence[int]) -> list[int]:
        """Return the heads of the queue that fit."""
        self._look()
        return self._heads()


@register("backfill", "around_easy", summary="EASY backfilling around planned outages", source=_EASY)
class AroundEasy(_AroundRule):
    """EASY backfilling where the head's reservation also keeps clear of planned outages.

    Model: the head reserves the earliest time at which its nodes are free, for its whole length, by the expected ends
        and the outages to come; another job starts now if it fits beside that and them. Without outages this is
        ``easy``.
    Assumes: nodes are identical and only their number matters.
    Not modelled: outages of named nodes.
    Source: Lifka 1995; Slurm's maintenance reservations.
    """

    overtakes = True

    def select(self, ended: Sequence[int], arrived: Sequence[int]) -> list[int]:
        """Return the jobs to start now: heads first, then the backfilled ones."""
        self._look()
        queue, starts = self.state.queue, self._heads()
        if len(starts) == len(queue):
            return starts
        self._book(queue[len(starts)], self._earliest(queue[len(starts)]))
        last = len(starts) + 1 + self.depth if self.depth else len(queue)
        candidates: Iterable[int] = queue[len(starts) + 1 : last]
        if self.shortest_first:
            candidates = sorted(candidates, key=self.state.est_s.__getitem__)
        for job in candidates:
            if self._fits(job):
                self._book(job, self.state.now_s)
                starts.append(job)
        return starts


@register(
    "backfill", "around_conservative", summary="conservative backfilling around planned outages", source=_CONSERVATIVE
)
class AroundConservative(_AroundRule):
    """Conservative backfilling whose reservations keep clear of planned outages.

    Model: at every pass each waiting job, in queue order, gets the earliest time at which its nodes are free for its
        whole length beside running jobs, earlier reservations and outages. Without outages this is ``conservative``,
        replanned.
    Assumes: nodes are identical and only their number matters.
    Not modelled: ``reservations=kept``; outages of named nodes.
    Source: Mu'alem & Feitelson 2001; Slurm's maintenance reservations.
    """

    overtakes = True

    def select(self, ended: Sequence[int], arrived: Sequence[int]) -> list[int]:
        """Return the jobs whose planned start is now and whose nodes are free."""
        self._look()
        state, starts, blocked = self.state, [], 0
        self.wake_s = INF
        for job in state.queue:
            start_s = self._earliest(job)
            if self._book(job, start_s):
                starts.append(job)
                continue
            blocked += 1
            if start_s > state.now_s:
                self.wake_s = min(self.wake_s, start_s)
            if self.depth and blocked > self.depth:
                break
        return starts
