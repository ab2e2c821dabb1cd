"""A trade-off between completion time and fidelity."""

from __future__ import annotations

import math
from collections.abc import Sequence

from qhpcsim.core.registry import register
from qhpcsim.policies.qpu.choice import ServiceView, known
from qhpcsim.qpu_scenario import QpuChoice, WeightedChoice


@register(
    "qpu_choice",
    "weighted",
    summary="weighs predicted completion against expected fidelity",
    source="Giortamis et al. 2024 (Qonductor), arXiv:2408.04312",
    params=WeightedChoice,
)
class Weighted:
    """Sends a job to the QPU with the best weighted score.

    Model: score = w F + (1 - w) exp(-(t - t_min) / time_scale), t the predicted completion, t_min the earliest one.
    Assumes: one exchange rate between time and fidelity for all jobs.
    Not modelled: the whole front of trade-offs.
    Source: the two goals are those of Qonductor (arXiv:2408.04312); the score is ours.
    """

    def __init__(self, view: ServiceView, params: QpuChoice) -> None:
        self._view = view
        self._params = params if isinstance(params, WeightedChoice) else WeightedChoice()

    def choose(self, job: int, able: Sequence[int]) -> int:
        """Return the able QPU with the highest score; ties go to the first."""
        view, weight = self._view, self._params.fidelity_weight
        end_s = {qpu: view.completion_s(job, qpu) for qpu in able}
        first_s = min(end_s.values())

        def score(qpu: int) -> float:
            promptness = math.exp(-(end_s[qpu] - first_s) / self._params.time_scale_s)
            return weight * known(view.fidelity(job, qpu)) + (1.0 - weight) * promptness

        return max(able, key=score)
