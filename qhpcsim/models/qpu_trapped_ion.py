"""Trapped-ion QPUs: gates one after another in a chain, or layer by layer in zones; cooling before every shot."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from qhpcsim.core.records import FloatArray
from qhpcsim.core.registry import register
from qhpcsim.models.qpu import TimedQpu
from qhpcsim.models.qpu_card import COMMON, Quantity, time
from qhpcsim.models.requests import Request

_GATES: dict[str, Quantity] = COMMON | {
    "time_cooling": time(required=True),
    "n_1q_per_2q": Quantity(),
}


class TrappedIonQpu(TimedQpu):
    """Base of both kinds: shots one after another, each cooled, prepared and read out once."""

    def circuits_s(self, request: Request) -> FloatArray:
        """Return the duration of one shot of all circuits of a job without cooling and readout, in seconds."""
        raise NotImplementedError

    def execution_s(self, request: Request) -> FloatArray:
        """Return the time in which circuits run, in seconds."""
        fixed_s = self.number("time_cooling") + self.number("time_reset") + self.number("time_readout")
        circuits_s = request.duration_total_s if request.duration_total_s is not None else self.circuits_s(request)
        per_shot_s = request.n_circuits * fixed_s + circuits_s
        return request.shots * np.maximum(per_shot_s, request.n_circuits / self.number("max_shot_rate", np.inf))


@register(
    "qpu_model",
    "trapped_ion",
    summary="ion chain: gates one after another, cooling, preparation and readout once a shot",
    source="serial-gate model; timings from vendors' device properties",
)
class IonChainQpu(TrappedIonQpu):
    """Service time of a QPU that holds its ions in one chain.

    Model:
        E = S·(C·(cooling + reset + readout) + N2·t2q + k·N2·t1q), k single-qubit gates a two-qubit gate;
        T = E·exp(σz) + (load + load_per_circuit·C)·W.
    Assumes:
        One gate at a time; single-qubit gates in proportion to two-qubit gates.
    Not modelled:
        Parallel single-qubit gates, re-ordering of ions, queueing by accumulated credit.
    Source:
        Amazon Braket device properties; Scaleway's stated shot rate of AQT's IBEX Q1.
    """

    schema: ClassVar[dict[str, Quantity]] = _GATES | {"time_1q": time(True), "time_2q": time(True)}

    def circuits_s(self, request: Request) -> FloatArray:
        """Return the duration of one shot of all circuits of a job, in seconds."""
        per_gate_s = self.number("time_2q") + self.number("n_1q_per_2q") * self.number("time_1q")
        return request.n_2q_total * per_gate_s


@register(
    "qpu_model",
    "trapped_ion_zones",
    summary="ions moved between gate zones: layers one after another, cooling and readout once a shot",
    source="Quantinuum system model H2; the layer time is the user's",
)
class IonZonesQpu(TrappedIonQpu):
    """Service time of a QPU that shuttles ions between gate zones.

    Model:
        A layer holds at most ``n_zones`` two-qubit gates; layers = max(depth, N2/n_zones);
        E = S·(C·(cooling + reset + readout) + layers·time_layer); T = E·exp(σz) + (load + load_per_circuit·C)·W.
    Assumes:
        Every layer costs the same: transport and cooling outweigh the gates.
    Not modelled:
        How far ions travel.
    Source:
        Vendors publish the number of zones, not the layer time: give ``time_layer``.
    """

    schema: ClassVar[dict[str, Quantity]] = _GATES | {
        "time_layer": time(required=True),
        "n_zones": Quantity(("zones",), low=1.0, required=True),
    }

    def circuits_s(self, request: Request) -> FloatArray:
        """Return the duration of one shot of all circuits of a job, in seconds."""
        return np.maximum(request.depth_total, request.n_2q_total / self.number("n_zones")) * self.number("time_layer")
