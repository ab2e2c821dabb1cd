"""First in, first out."""

from __future__ import annotations

from collections import deque

from qhpcsim.core.registry import register
from qhpcsim.policies.qpu.discipline import Discipline, QueueJobs
from qhpcsim.qpu_scenario import QpuDiscipline


@register("discipline", "fifo", summary="first come, first served", source="textbook", params=QpuDiscipline)
class Fifo(Discipline):
    """Serves jobs in the order in which they joined.

    Model: the next job has the lowest ticket.
    Assumes: nothing about the jobs.
    Not modelled: overtaking of any kind; a job that has to wait for the end of a window keeps the others waiting.
    Source: textbook.
    """

    def __init__(self, jobs: QueueJobs, qpu: int, params: QpuDiscipline) -> None:
        super().__init__(jobs, qpu, params)
        self._queue: deque[int] = deque()

    def __len__(self) -> int:
        return len(self._queue)

    def push(self, job: int) -> None:
        """Let a job join at the end."""
        self._queue.append(job)

    def peek(self, now_s: float) -> int:
        """Return the job that has waited longest."""
        return self._queue[0] if self._queue else -1

    def remove(self, job: int) -> None:
        """Take a waiting job out."""
        if self._queue[0] == job:
            self._queue.popleft()
        else:
            self._queue.remove(job)
