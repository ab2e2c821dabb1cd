"""Sessions and batches: several jobs that have one QPU to themselves for a while."""

from __future__ import annotations

from collections import deque
from enum import Enum

from qhpcsim.core.qpu_records import QpuMode
from qhpcsim.facility.qpu_closures import INF
from qhpcsim.qpu_scenario import Sessions


class Phase(Enum):
    """Where a session is in its life."""

    PENDING = "no job has started"
    ACTIVE = "has its QPU"
    INACTIVE = "gave its QPU back; its next job queues"
    CLOSED = "takes no jobs"


class Session:
    """One session or batch.

    Model: it begins when its first job starts, from then on only its jobs run on the QPU. A session without a job for
        the interactive TTL gives the QPU back (a batch at once) and its next job queues like any other. At the
        maximum TTL after its beginning the running job ends and waiting ones fail. It is charged by wall-clock time
        while it has the QPU; a batch by the time of its jobs.
    Assumes: all jobs of a session go to one QPU; only the oldest waiting job stands in the QPU's queue for them.
    Not modelled: parallel jobs within a session.
    Source: IBM Quantum documentation, "Introduction to Qiskit Runtime execution modes".
    """

    __slots__ = (
        "began_s",
        "charged_job",
        "closing",
        "held_since_s",
        "index",
        "last_used_s",
        "limits",
        "mode",
        "phase",
        "qpu",
        "running",
        "since_s",
        "stamp",
        "timed",
        "token",
        "user",
        "waiting",
    )

    def __init__(self, index: int, mode: int, user: int, qpu: int, limits: Sessions) -> None:
        self.index, self.mode, self.user, self.qpu, self.limits = index, mode, user, qpu, limits
        self.phase = Phase.PENDING
        self.waiting: deque[int] = deque()
        """Jobs behind the token, or waiting for the session's QPU."""
        self.token = -1
        """The job that stands in the QPU's queue for the session, -1 for none."""
        self.running = -1
        self.began_s = INF
        self.since_s = INF
        """When it got its QPU."""
        self.held_since_s = INF
        """Since when the QPU has been kept without a job."""
        self.last_used_s = INF
        """When its last job ended."""
        self.charged_job = -1
        """The job that pays for the time without a job: the last one that ran."""
        self.stamp = 0
        """Counts starts and ends, so that an old timer is told from a new one."""
        self.timed = -1
        """Stamp of the last timer."""
        self.closing = False
        """True once its user closed it: waiting jobs still run, new ones are not taken."""

    @property
    def interactive_ttl_s(self) -> float:
        """Time without a job after which the QPU is given back."""
        return self.limits.interactive_ttl_s if self.mode == QpuMode.SESSION else 0.0

    @property
    def max_ttl_s(self) -> float:
        """Age at which it closes."""
        return self.limits.max_ttl_s if self.mode == QpuMode.SESSION else self.limits.batch_max_ttl_s

    def lapsed(self, now_s: float) -> bool:
        """Return whether it has had no job for so long that it is closed."""
        quiet = self.phase is Phase.INACTIVE and self.token < 0
        return quiet and now_s - self.last_used_s > self.limits.idle_close_s

    def next_token(self) -> int:
        """Return the job that has to queue for the session now, -1 if none has to."""
        if self.token < 0 and self.waiting and self.phase in (Phase.PENDING, Phase.INACTIVE):
            self.token = self.waiting.popleft()
            return self.token
        return -1

    def begin(self, now_s: float) -> bool:
        """Get the QPU; return whether this is the session's beginning."""
        first = self.began_s == INF
        if first:
            self.began_s = now_s
        self.phase, self.since_s, self.token = Phase.ACTIVE, now_s, -1
        return first
