"""Reservations that stay: one planned start per waiting job, in one plan of the partition's free nodes."""

from __future__ import annotations

from collections.abc import Iterable

from qhpcsim.policies.batch.profile import Profile
from qhpcsim.policies.batch.state import INF, QueueState


class Bookings:
    """Planned starts of waiting jobs; running jobs are in the plan until their expected ends.

    Args:
        state: The partition's queue and machine.
    """

    def __init__(self, state: QueueState) -> None:
        self._state = state
        self._plan = Profile.of_running(state)
        self.planned_s: dict[int, float] = {}
        """Waiting job -> planned start."""

    def move_to_now(self) -> None:
        """Forget what the plan said of the past."""
        self._plan.forget_before(self._state.now_s)

    def end(self, job: int) -> bool:
        """Take the rest of an ended job out of the plan; return whether it ended before its expected end."""
        state = self._state
        expected_s = state.start_s[job] + state.est_s[job]
        self._plan.add(state.now_s, expected_s, state.nodes[job])
        return expected_s > state.now_s

    def book(self, job: int) -> None:
        """Plan a job at its earliest feasible time."""
        state = self._state
        start_s = self._plan.earliest(state.nodes[job], state.est_s[job], state.now_s)
        self.planned_s[job] = start_s
        self._plan.add(start_s, start_s + state.est_s[job], -state.nodes[job])

    def cancel(self, job: int) -> bool:
        """Take a waiting job out of the plan; return whether it was in it."""
        start_s = self.planned_s.pop(job, None)
        if start_s is None:
            return False
        state = self._state
        self._plan.add(max(start_s, state.now_s), start_s + state.est_s[job], state.nodes[job])
        return True

    def rebook(self, jobs: Iterable[int]) -> None:
        """Move jobs forward, one after the other, as far as the rest of the plan allows."""
        state = self._state
        for job in jobs:
            start_s = self.planned_s[job]
            self._plan.add(max(start_s, state.now_s), start_s + state.est_s[job], state.nodes[job])
            self.book(job)

    def due(self) -> list[int]:
        """Return, in queue order, the jobs whose planned start has come and whose nodes are free; strike them."""
        state, starts, free = self._state, [], self._state.free_nodes
        for job in state.queue:
            if self.planned_s.get(job, INF) <= state.now_s and state.nodes[job] <= free:
                free -= state.nodes[job]
                starts.append(job)
                del self.planned_s[job]
        return starts

    def next_s(self) -> float:
        """Return the next planned start after now; inf if there is none."""
        return min((start_s for start_s in self.planned_s.values() if start_s > self._state.now_s), default=INF)
