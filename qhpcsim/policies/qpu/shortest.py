"""Shortest predicted time first."""

from __future__ import annotations

from qhpcsim.core.registry import register
from qhpcsim.policies.qpu.discipline import KeyedDiscipline
from qhpcsim.qpu_scenario import QpuDiscipline


@register(
    "discipline",
    "shortest",
    summary="shortest predicted time first",
    source="Phipps 1956, doi:10.1287/opre.4.1.76",
    params=QpuDiscipline,
)
class Shortest(KeyedDiscipline):
    """Serves the job that is predicted to take the least time on this QPU.

    Model: key predicted_s, then ticket; the running job is never interrupted.
    Assumes: predictions do not change while a job waits.
    Not modelled: protection of long jobs from starving.
    Source: Phipps 1956.
    """

    def key(self, job: int) -> float:
        """Return the predicted time."""
        return self.jobs.predicted_s[self.qpu][job]
