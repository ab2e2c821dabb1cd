"""The alternative that is predicted to be done first."""

from __future__ import annotations

from collections.abc import Sequence

from qhpcsim.core.registry import register
from qhpcsim.policies.placement.placement import Option, Placement, Rank
from qhpcsim.scenario import PlacementParams


@register(
    "placement",
    "least_completion",
    summary="the alternative with the least predicted wait + run",
    source="minimum completion time, Maheswaran et al. 1999, doi:10.1006/jpdc.1999.1581",
    params=PlacementParams,
)
class LeastCompletion(Placement):
    """Takes what is predicted to deliver first.

    Model: min wait + run.
    Assumes: predictions are right on average; what comes later does not matter.
    Not modelled: harm done to others who wait.
    Source: Maheswaran et al. 1999.
    """

    def rank(self, option: Option, rivals: Sequence[Option]) -> Rank:
        """Return the predicted completion."""
        return (option.completion_s,)
