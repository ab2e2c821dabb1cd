"""The alternative of highest expected fidelity."""

from __future__ import annotations

from collections.abc import Sequence

from qhpcsim.core.registry import register
from qhpcsim.policies.placement.placement import Option, Placement, Rank
from qhpcsim.scenario import PlacementParams


@register(
    "placement",
    "best_fidelity",
    summary="the alternative with the highest expected fidelity; of equals the one done first",
    source="the fidelity goal of Giortamis et al. 2024 (Qonductor), arXiv:2408.04312",
    params=PlacementParams,
)
class BestFidelity(Placement):
    """Takes what comes out best, at any price and however late.

    Model: max expected fidelity, then min completion; a fidelity that nobody knows counts as 0.
    Assumes: fidelities are those of the moment of the choice.
    Not modelled: drift while the work waits.
    Source: arXiv:2408.04312.
    """

    def rank(self, option: Option, rivals: Sequence[Option]) -> Rank:
        """Return the negative fidelity, then the predicted completion."""
        return -option.known_fidelity, option.completion_s
