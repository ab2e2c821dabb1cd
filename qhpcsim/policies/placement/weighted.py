"""A trade-off between completion time, fidelity and cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qhpcsim.core.errors import ConfigError
from qhpcsim.core.registry import register
from qhpcsim.policies.placement.placement import Option, Placement, Rank, cost_of
from qhpcsim.scenario import PlacementParams


@dataclass(frozen=True)
class WeightedParams(PlacementParams):
    """Weights; only their ratios matter."""

    name: str = "weighted"
    completion: float = 0.5
    fidelity: float = 0.5
    cost: float = 0.0
    """Above 0 every alternative's cost must be known."""


@register(
    "placement",
    "weighted",
    summary="weighs completion, fidelity and cost, each as a loss from 0 (best) to 1",
    source="goals: Qonductor, arXiv:2408.04312; weights as in Pilot-Quantum's Q-Dreamer; the losses are ours",
    params=WeightedParams,
)
class Weighted(Placement):
    """Takes the alternative with the least weighted loss.

    Model: loss = w_t (1 - t_best/t) + w_f (1 - F) + w_c (1 - c_best/c); t the predicted completion, F the expected
        fidelity, c the predicted cost, t_best and c_best the least among those that can be taken. Twice the best time
        loses 1/2, four times 3/4.
    Assumes: one exchange rate between time, fidelity and money for all work; a fidelity that nobody knows counts as 0.
    Not modelled: the whole front of trade-offs.
    Source: arXiv:2408.04312 for the goals; the losses are ours.

    Raises:
        ConfigError: if all weights are 0.
    """

    def __init__(self, params: WeightedParams) -> None:
        super().__init__(params)
        self._weights = params.completion, params.fidelity, params.cost
        if min(self._weights) < 0 or not sum(self._weights):
            raise ConfigError(f"weights {self._weights}", where="middleware.placement", allowed="≥ 0, one of them more")

    def rank(self, option: Option, rivals: Sequence[Option]) -> Rank:
        """Return the weighted loss."""
        completion, fidelity, cost = self._weights
        first_s = min(each.completion_s for each in rivals)
        lost = completion * _over(first_s, option.completion_s) + fidelity * (1.0 - option.known_fidelity)
        if cost:
            lost += cost * _over(min(map(cost_of, rivals)), cost_of(option))
        return (lost,)


def _over(best: float, value: float) -> float:
    """Return how far a value is from the best one: 0 for the best, towards 1 for many times as much."""
    return 1.0 - best / value if value > best else 0.0
