"""Highest priority first."""

from __future__ import annotations

from qhpcsim.core.registry import register
from qhpcsim.policies.qpu.discipline import KeyedDiscipline, QueueJobs
from qhpcsim.qpu_scenario import PriorityDiscipline, QpuDiscipline


@register(
    "discipline",
    "priority",
    summary="highest priority first, with or without interrupting the running job",
    source="Cobham 1954, doi:10.1287/opre.2.1.70",
    params=PriorityDiscipline,
)
class Priority(KeyedDiscipline):
    """Serves the highest priority; equals in the order in which they joined.

    Model: key -priority, then ticket. With ``preemptive`` a strictly higher priority interrupts the running job,
        which goes back to its place and later continues where it was.
    Assumes: interrupting costs no time and loses no work.
    Not modelled: aging.
    Source: Cobham 1954.
    """

    def __init__(self, jobs: QueueJobs, qpu: int, params: QpuDiscipline) -> None:
        super().__init__(jobs, qpu, params)
        self.preemptive = isinstance(params, PriorityDiscipline) and params.preemptive

    def key(self, job: int) -> int:
        """Return minus the priority."""
        return -self.jobs.priority[job]

    def beats(self, job: int, running: int) -> bool:
        """Return whether the new job has the higher priority."""
        return self.jobs.priority[job] > self.jobs.priority[running]
