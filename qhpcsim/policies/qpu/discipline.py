"""What every queue discipline of a QPU offers, and what it may know of the jobs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from typing import Any, Self

from qhpcsim.qpu_scenario import QpuDiscipline


@dataclass(slots=True)
class QueueJobs:
    """What a discipline may know of the jobs; lists by job index, read-only."""

    predicted_s: list[list[float]]
    """By QPU, then by job."""
    ticket: list[int]
    """Place in the order of joining a queue; a job that is interrupted keeps its place."""
    priority: list[int]
    user: list[int]
    group: list[int]
    group_names: list[str] = field(default_factory=list)


class Discipline(ABC):
    """The queue of one QPU and the rule that says who is next.

    Args:
        jobs: What is known of the jobs.
        qpu: Index of the QPU.
        params: Parameters of the discipline.
    """

    watches_use = False
    """True if ``used`` wants to be told."""
    preemptive = False

    def __init__(self, jobs: QueueJobs, qpu: int, params: QpuDiscipline) -> None:
        self.jobs, self.qpu = jobs, qpu

    @classmethod
    def fleet(cls, jobs: QueueJobs, n_qpus: int, params: QpuDiscipline) -> list[Self]:
        """Return the queues of all QPUs of a service."""
        return [cls(jobs, qpu, params) for qpu in range(n_qpus)]

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of waiting jobs."""

    @abstractmethod
    def push(self, job: int) -> None:
        """Let a job join, or come back after an interruption."""

    @abstractmethod
    def peek(self, now_s: float) -> int:
        """Return the job that is next, -1 if none waits."""

    @abstractmethod
    def remove(self, job: int) -> None:
        """Take a waiting job out of the queue."""

    def beats(self, job: int, running: int) -> bool:
        """Return whether a job that has just joined interrupts the running one."""
        return False

    def used(self, job: int, seconds: float, now_s: float) -> None:  # noqa: B027 (most rules have no memory)
        """Note that a job has used a QPU."""


class KeyedDiscipline(Discipline):
    """Serves the job of the lowest fixed key; ties in order of joining."""

    def __init__(self, jobs: QueueJobs, qpu: int, params: QpuDiscipline) -> None:
        super().__init__(jobs, qpu, params)
        self._heap: list[tuple[Any, int, int]] = []

    @abstractmethod
    def key(self, job: int) -> Any:
        """Return the sort key of a job; it must not change while the job waits."""

    def __len__(self) -> int:
        return len(self._heap)

    def push(self, job: int) -> None:
        """Let a job join."""
        heappush(self._heap, (self.key(job), self.jobs.ticket[job], job))

    def peek(self, now_s: float) -> int:
        """Return the job with the lowest key."""
        return self._heap[0][2] if self._heap else -1

    def remove(self, job: int) -> None:
        """Take a waiting job out; the next one in no time, others by a search."""
        if self._heap[0][2] == job:
            heappop(self._heap)
            return
        self._heap.remove((self.key(job), self.jobs.ticket[job], job))
        heapify(self._heap)


class LaneDiscipline(Discipline):
    """Keeps one first-come-first-served lane for each user or group; the rule picks a lane."""

    def __init__(self, jobs: QueueJobs, qpu: int, params: QpuDiscipline) -> None:
        super().__init__(jobs, qpu, params)
        self.lanes: dict[tuple[int, int], list[tuple[int, int]]] = {}
        """Lane -> heap of (ticket, job); lanes in order of their opening, empty ones are closed."""
        self._n = 0

    @abstractmethod
    def lane(self, job: int) -> tuple[int, int]:
        """Return the lane of a job: its group and user, or what of it matters."""

    def __len__(self) -> int:
        return self._n

    def push(self, job: int) -> None:
        """Let a job join its lane."""
        heappush(self.lanes.setdefault(self.lane(job), []), (self.jobs.ticket[job], job))
        self._n += 1

    def remove(self, job: int) -> None:
        """Take a waiting job out of its lane."""
        name = self.lane(job)
        waiting = self.lanes[name]
        if waiting[0][1] == job:
            heappop(waiting)
        else:
            waiting.remove((self.jobs.ticket[job], job))
            heapify(waiting)
        self._n -= 1
        if not waiting:
            del self.lanes[name]
