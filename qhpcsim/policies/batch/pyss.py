"""Conservative backfilling as the pyss simulator does it (semantics ``pyss``)."""

from __future__ import annotations

from collections.abc import Sequence

from qhpcsim.core.registry import register
from qhpcsim.policies.batch.bookings import Bookings
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
        self._bookings: Bookings | None = None

    def select(self, ended: Sequence[int], arrived: Sequence[int]) -> list[int]:
        """Return the jobs whose planned start is now."""
        if self._bookings is None:
            self._bookings = Bookings(self.state)
        bookings, now_s = self._bookings, self.state.now_s
        bookings.move_to_now()
        for job in ended:
            bookings.end(job)
            bookings.rebook([job for job in self.state.queue if bookings.planned_s[job] > now_s])
        for job in arrived:
            bookings.book(job)
        starts = bookings.due()
        self.wake_s = bookings.next_s()
        return starts
