"""Users name their QPU."""

from __future__ import annotations

from collections.abc import Sequence

from qhpcsim.core.registry import register
from qhpcsim.policies.qpu.choice import ServiceView
from qhpcsim.qpu_scenario import QpuChoice


@register("qpu_choice", "named", summary="the QPU that the user named, else the first", params=QpuChoice)
class Named:
    """Sends jobs that name no QPU to the first one; a named QPU is respected by every choice.

    Model: the first able QPU in the service's order.
    Assumes: users decide.
    Not modelled: users who look at queues before they decide.
    Source: none.
    """

    def __init__(self, view: ServiceView, params: QpuChoice) -> None:
        self._view = view

    def choose(self, job: int, able: Sequence[int]) -> int:
        """Return the first able QPU."""
        return able[0]
