"""Expected fidelity of circuits from calibrated errors."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from qhpcsim.core.cards import card
from qhpcsim.core.errors import CardError
from qhpcsim.core.records import FloatArray
from qhpcsim.models.qpu import QpuModel
from qhpcsim.models.requests import Request

SLOPE_CARD = "fidelity/slope"
N_1Q_PER_2Q = 2.0
"""Single-qubit gates for each two-qubit gate where a card does not say: one on each side."""
_NEEDED = ("error_2q", "error_readout")


@dataclass(frozen=True, slots=True)
class DeviceErrors:
    """Median errors of a device on one day."""

    error_1q: float
    error_2q: float
    error_readout: float
    t1_s: float
    t2_s: float
    time_2q_s: float = 0.0
    time_layer_s: float = 0.0
    n_1q_per_2q: float = N_1Q_PER_2Q
    """Single-qubit gates for each two-qubit gate, as a request does not count them."""

    @staticmethod
    def known(model: QpuModel) -> bool:
        """Return whether a QPU's card states the errors without which there is no fidelity."""
        return all(name in model.numbers for name in _NEEDED)

    @classmethod
    def of(cls, model: QpuModel) -> DeviceErrors:
        """Return the errors of a QPU's card; what the card does not state counts as perfect.

        Raises:
            CardError: if the card states no two-qubit or readout error.
        """
        missing = [name for name in _NEEDED if name not in model.numbers]
        if missing:
            raise CardError(f"{', '.join(missing)} is needed for the fidelity", where=model.card.path)
        return cls(
            error_1q=model.number("error_1q"),
            error_2q=model.number("error_2q"),
            error_readout=model.number("error_readout"),
            t1_s=model.number("t1", np.inf),
            t2_s=model.number("t2", np.inf),
            time_2q_s=model.number("time_2q"),
            time_layer_s=model.number("time_layer", model.number("time_2q")),
            n_1q_per_2q=model.number("n_1q_per_2q", N_1Q_PER_2Q),
        )

    def scaled(self, **factors: float) -> DeviceErrors:
        """Return the errors after drift: ``scaled(error_2q=1.2)``; probabilities stay below 1."""
        values = {name: getattr(self, name) * factor for name, factor in factors.items()}
        return replace(self, **{n: min(v, 1.0) if n.startswith("error") else v for n, v in values.items()})


def success_probability(request: Request, errors: DeviceErrors) -> FloatArray:
    """Return the estimated success probability (ESP) of a typical circuit of each job.

    Model:
        ESP = (1 − e2)^n2 · (1 − e1)^n1 · (1 − er)^n · exp(−idle·(1/T1 + 1/T2)/2), n2 and n a circuit's two-qubit
        gates and qubits, n1 = k·n2, idle = n·duration − 2·n2·t2q in qubit seconds, duration = depth·t_layer.
    Assumes:
        Independent errors at the device's medians; every qubit is measured; the circuits of a job are alike.
    Not modelled:
        Choice of good qubits, crosstalk, leakage, error mitigation.
    Source:
        P. Murali et al., ASPLOS 2019, doi:10.1145/3297858.3304075 (success probability from calibration).
    """
    c = request.n_circuits
    n_2q, width = request.n_2q_total / c, request.width
    if request.duration_total_s is None:
        duration_s = request.depth_total / c * errors.time_layer_s
    else:
        duration_s = request.duration_total_s / c
    idle_s = np.maximum(0.0, width * duration_s - 2.0 * n_2q * errors.time_2q_s)
    log_p = _log_right(n_2q, errors.error_2q) + _log_right(errors.n_1q_per_2q * n_2q, errors.error_1q)
    log_p = log_p + _log_right(width, errors.error_readout)
    probability: FloatArray = np.exp(log_p - idle_s * 0.5 * (1.0 / errors.t1_s + 1.0 / errors.t2_s))
    return probability


def _log_right(count: FloatArray, error: float) -> FloatArray:
    """Return the log probability that ``count`` operations go right; those that never happen cannot fail."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(count > 0, count * np.log1p(-error), 0.0)


@dataclass(frozen=True, slots=True)
class Slope:
    """From success probability to the fidelity that is really seen.

    Model:
        F = a · min(ESP, 1)^b.
    Assumes:
        The same relation on every device.
    Not modelled:
        Dependence on the family of the circuit: the scatter of about 0.14 stays.
    Source:
        Fitted by calibration/fidelity/fit_fidelity.py to the 100 pairs released with Qonductor (SC'25).
    """

    scale: float
    exponent: float

    @classmethod
    def from_card(cls, name: str = SLOPE_CARD) -> Slope:
        """Return the shipped slope."""
        read = card(name)
        return cls(read.value("scale"), read.value("exponent"))

    def fidelity(self, success: FloatArray) -> FloatArray:
        """Return expected fidelities between 0 and 1."""
        found: FloatArray = np.clip(self.scale * np.minimum(success, 1.0) ** self.exponent, 0.0, 1.0)
        return found
