"""The QPU on which a job's expected fidelity is highest."""

from __future__ import annotations

from collections.abc import Sequence

from qhpcsim.core.registry import register
from qhpcsim.policies.qpu.choice import ServiceView, known
from qhpcsim.qpu_scenario import QpuChoice


@register("qpu_choice", "best_fidelity", summary="the QPU with the highest expected fidelity", params=QpuChoice)
class BestFidelity:
    """Sends a job where its expected fidelity is highest; equals where it ends first.

    Model: largest fidelity, then least predicted completion.
    Assumes: fidelities are those of submission time.
    Not modelled: drift while the job waits.
    Source: none.
    """

    def __init__(self, view: ServiceView, params: QpuChoice) -> None:
        self._view = view

    def choose(self, job: int, able: Sequence[int]) -> int:
        """Return the able QPU with the best fidelity."""
        view = self._view
        return min(able, key=lambda qpu: (-known(view.fidelity(job, qpu)), view.completion_s(job, qpu)))
