"""The alternative of least predicted cost."""

from __future__ import annotations

from collections.abc import Sequence

from qhpcsim.core.registry import register
from qhpcsim.policies.placement.placement import Option, Placement, Rank, cost_of
from qhpcsim.scenario import PlacementParams


@register(
    "placement",
    "cheapest",
    summary="the alternative with the least predicted cost; of equals the one done first",
    source="price lists on the QPUs' cards; node hours: middleware.placement.node_hour_price",
    params=PlacementParams,
)
class Cheapest(Placement):
    """Takes what costs least.

    Model: min cost, then min completion.
    Assumes: every alternative's cost is known; else it is an error.
    Not modelled: free quotas, minimum charges.
    Source: price lists, see the cards.
    """

    def rank(self, option: Option, rivals: Sequence[Option]) -> Rank:
        """Return the cost, then the predicted completion."""
        return cost_of(option), option.completion_s
