"""No scaling: an application keeps the pilots that it began with."""

from __future__ import annotations

from qhpcsim.core.registry import register
from qhpcsim.policies.scaling.scaling import Scaling
from qhpcsim.scenario import ScalingParams


@register(
    "scaling",
    "none",
    summary="the pilots that were planned, until the application is over",
    source="Pilot-Quantum without a call to create_pilot at run time, arXiv:2412.18519",
    params=ScalingParams,
)
class NoScaling(Scaling):
    """Leaves the pilots as they are.

    Model: nothing is added, nothing given back; the reserve is never used.
    Assumes: nothing.
    Not modelled: nothing.
    Source: arXiv:2412.18519.
    """

    watches = False
