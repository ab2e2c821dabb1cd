"""Round robin over users."""

from __future__ import annotations

from qhpcsim.core.registry import register
from qhpcsim.policies.qpu.discipline import LaneDiscipline
from qhpcsim.qpu_scenario import QpuDiscipline


@register(
    "discipline",
    "round_robin",
    summary="users take turns, one job each",
    source="Nagle 1987, doi:10.1109/TCOM.1987.1096782",
    params=QpuDiscipline,
)
class RoundRobin(LaneDiscipline):
    """Serves one job of each user with waiting jobs in turn.

    Model: a user who has been served, or who comes anew, goes to the end of the round.
    Assumes: all users weigh the same.
    Not modelled: the length of jobs: users with long jobs get more time.
    Source: Nagle 1987.
    """

    def lane(self, job: int) -> tuple[int, int]:
        """Return the user."""
        return 0, self.jobs.user[job]

    def peek(self, now_s: float) -> int:
        """Return the oldest job of the user whose turn it is."""
        return next(iter(self.lanes.values()))[0][1] if self.lanes else -1

    def remove(self, job: int) -> None:
        """Take a job out; if it was next, its user goes to the end of the round."""
        was_next = self.peek(0.0) == job
        super().remove(job)
        user = self.lane(job)
        if was_next and user in self.lanes:
            self.lanes[user] = self.lanes.pop(user)
