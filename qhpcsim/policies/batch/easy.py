"""EASY backfilling: one reservation, for the head of the queue."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from qhpcsim.core.registry import register
from qhpcsim.policies.batch.fcfs import heads_that_fit
from qhpcsim.policies.batch.params import EasyPolicy
from qhpcsim.policies.batch.state import INF, QueueState
from qhpcsim.scenario import Policy

_SOURCE = "Lifka 1995, doi:10.1007/3-540-60153-8_35; Mu'alem & Feitelson 2001, doi:10.1109/71.932708"

register(
    "policy",
    "easy",
    summary="first come, first served with EASY backfilling",
    source=_SOURCE,
    params=EasyPolicy,
)(EasyPolicy)


@register("backfill", "easy", summary="others may overtake if the head of the queue is not delayed", source=_SOURCE)
class EasyBackfill:
    """Starts heads that fit, then jobs behind the blocked head that do not delay its reservation.

    Model: the head's shadow time is when enough nodes are free by the expected ends of the running jobs; a job may
        overtake if it fits now and either ends by the shadow time or takes only nodes that are spare then.
    Assumes: nodes are identical and only their number matters.
    Not modelled: reservations on concrete hosts (see semantics ``batsched``).
    Source: Lifka 1995; Mu'alem & Feitelson 2001.
    """

    wake_s = INF
    overtakes = True

    def __init__(self, state: QueueState, policy: Policy) -> None:
        self.state, self.depth = state, policy.depth
        self.shortest_first = policy.candidates == "sjf"
        # With pyss nodes come free without an end being reported, so every pass has to look at the whole queue.
        self.incremental = policy.depth == 0 and policy.semantics != "pyss"
        self._head, self._shadow_s, self._spare = -1, INF, 0

    def select(self, ended: Sequence[int], arrived: Sequence[int]) -> list[int]:
        """Return the jobs to start now: heads first, then the backfilled ones."""
        state = self.state
        queue = state.queue
        if not queue:
            return []
        if self.incremental and not ended and queue[0] == self._head and self._shadow_s >= state.now_s:
            if len(arrived) > 1:
                new = set(arrived)
                arrived = [job for job in queue if job in new]
            return self._backfill(arrived, state.free_nodes)
        starts = heads_that_fit(state)
        free = state.free_nodes - sum(map(state.nodes.__getitem__, starts))
        if len(starts) == len(queue):
            self._head = -1
            return starts
        self._head = head = queue[len(starts)]
        self._shadow_s, self._spare = self._shadow(head, starts)
        last = len(starts) + 1 + self.depth if self.depth else len(queue)
        return starts + self._backfill(queue[len(starts) + 1 : last], free)

    def reconsider(self) -> None:
        """Look at the whole queue in the next pass."""
        self._head = -1

    def _shadow(self, head: int, starts: Sequence[int]) -> tuple[float, int]:
        """Return the head's shadow time and spare nodes as if ``starts`` ran already."""
        state = self.state
        if not starts:
            return state.shadow(state.nodes[head], state.free_nodes)
        free, kept = state.free_nodes, state.running
        state.running = sorted(kept + [(state.now_s + state.est_s[job], job) for job in starts])
        result = state.shadow(state.nodes[head], free - sum(state.nodes[job] for job in starts))
        state.running = kept
        return result

    def _backfill(self, candidates: Iterable[int], free: int) -> list[int]:
        """Return the candidates that start without delaying the head; takes their spare nodes."""
        if free <= 0:
            return []
        state = self.state
        nodes, est_s, now_s = state.nodes, state.est_s, state.now_s
        shadow_s, spare = self._shadow_s, self._spare
        if self.shortest_first:
            candidates = sorted(candidates, key=est_s.__getitem__)
        starts = []
        for job in candidates:
            need = nodes[job]
            if need <= free:
                if now_s + est_s[job] > shadow_s:
                    if need > spare:
                        continue
                    spare -= need
                free -= need
                starts.append(job)
                if free <= 0:
                    break
        self._spare = spare
        return starts
