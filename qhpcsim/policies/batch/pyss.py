"""Conservative backfilling as the pyss simulator does it (semantics ``pyss``)."""

from __future__ import annotations

from collections.abc import Sequence

from qhpcsim.core.registry import register
from qhpcsim.policies.batch.profile import Profile
from qhpcsim.policies.batch.state import INF, QueueState
from qhpcsim.scenario import Policy


@register(
    "backfill",
    "pyss_conservative",
    summary="conservative backfilling, plans moved forward in queue order (semantics pyss)",
    source="pyss, https://github.com/dinesh121991/pyss",
)
class PyssConservative:
    """Plans a job when it arrives; after every job end moves each plan forward once, in order of submission.

    Model: as ``conservative`` with kept reservations, but plans move in order of submission, after every end of a
        job, and a plan whose time is now counts as started.
    Assumes: one event at a time, submissions of an instant before ends (see semantics ``pyss``).
    Not modelled: run times above the estimate.
    Source: behaviour of pyss's conservative scheduler.
    """

    def __init__(self, state: QueueState, policy: Policy) -> None:
        self.state = state
        self.wake_s = INF
        self._plan: Profile | None = None
        self._planned_s: dict[int, float] = {}

    def select(self, ended: Sequence[int], arrived: Sequence[int]) -> list[int]:
        """Return the jobs whose planned start is now."""
        state, planned_s = self.state, self._planned_s
        if self._plan is None:
            self._plan = Profile(state.now_s, state.n_nodes)
        self._plan.forget_before(state.now_s)
        for job in ended:
            self._plan.add(state.now_s, state.start_s[job] + state.est_s[job], state.nodes[job])
            self._move_forward()
        for job in arrived:
            self._book(job)
        starts = [job for job in state.queue if planned_s.get(job, INF) <= state.now_s]
        for job in starts:
            del planned_s[job]
        self.wake_s = min(planned_s.values(), default=INF)
        return starts

    def _book(self, job: int) -> None:
        state, plan = self.state, self._plan
        assert plan is not None
        start_s = plan.earliest(state.nodes[job], state.est_s[job], state.now_s)
        self._planned_s[job] = start_s
        plan.add(start_s, start_s + state.est_s[job], -state.nodes[job])

    def _move_forward(self) -> None:
        state, plan = self.state, self._plan
        assert plan is not None
        for job in list(state.queue):
            start_s = self._planned_s.get(job)
            if start_s is not None and start_s > state.now_s:
                plan.add(start_s, start_s + state.est_s[job], state.nodes[job])
                self._book(job)
