"""Neutral-atom QPUs: loading and rearranging atoms sets the rate of shots; the program itself takes microseconds."""

from __future__ import annotations

from typing import ClassVar

from qhpcsim.core.records import FloatArray
from qhpcsim.core.registry import register
from qhpcsim.models.qpu import TimedQpu
from qhpcsim.models.qpu_card import COMMON, Quantity
from qhpcsim.models.requests import Request


@register(
    "qpu_model",
    "neutral_atom",
    summary="shot rate: shots · circuits / rate + load",
    source="https://www.scaleway.com/en/docs/quantum-as-a-service/",
)
class NeutralAtomQpu(TimedQpu):
    """Service time of a neutral-atom QPU.

    Model:
        E = C·S/shot_rate; T = E·exp(σz) + (load + load_per_circuit·C)·W.
    Assumes:
        Loading, rearranging and imaging atoms outweigh the program (≤ 0.1 ms).
    Not modelled:
        Dependence of the rearranging time on the number of atoms; shots thrown away for a missing atom.
    Source:
        Scaleway, Quantum as a Service: 0.25 Hz for Pasqal's Fresnel.
    """

    schema: ClassVar[dict[str, Quantity]] = COMMON | {"shot_rate": Quantity(("Hz", "kHz"), low=1e-9, required=True)}

    def execution_s(self, request: Request) -> FloatArray:
        """Return the time in which circuits run, in seconds."""
        return request.n_circuits * request.shots / self.number("shot_rate")
