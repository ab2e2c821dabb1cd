"""The QPU on which a job is predicted to end first."""

from __future__ import annotations

from collections.abc import Sequence

from qhpcsim.core.registry import register
from qhpcsim.policies.qpu.choice import ServiceView
from qhpcsim.qpu_scenario import QpuChoice


@register("qpu_choice", "least_completion", summary="the QPU that is predicted to deliver first", params=QpuChoice)
class LeastCompletion:
    """Sends a job where it is predicted to end first.

    Model: time until the QPU has worked off what waits and runs there, windows included, plus the job's own time.
    Assumes: jobs are served in the order in which they came.
    Not modelled: jobs that will overtake, sessions that will keep the QPU, outages.
    Source: minimum completion time, Maheswaran et al. 1999, doi:10.1006/jpdc.1999.1581.
    """

    def __init__(self, view: ServiceView, params: QpuChoice) -> None:
        self._view = view

    def choose(self, job: int, able: Sequence[int]) -> int:
        """Return the able QPU with the least completion time; ties go to the first."""
        return min(able, key=lambda qpu: self._view.completion_s(job, qpu))
