"""Superconducting QPUs: every shot costs a repetition delay; short jobs cost the service's overhead."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from qhpcsim.core.errors import CardError
from qhpcsim.core.records import FloatArray
from qhpcsim.core.registry import register
from qhpcsim.models.qpu import TimedQpu
from qhpcsim.models.qpu_card import COMMON, Quantity, time
from qhpcsim.models.requests import Request
from qhpcsim.models.spread import Spread

_SHARES = Quantity(n_values=None)


@register(
    "qpu_model",
    "superconducting",
    summary="repetition rate: load + circuits · t_circuit + shots · (rep_delay + reset + circuit + readout)",
    source="https://quantum.cloud.ibm.com/docs/guides/estimate-job-run-time",
)
class SuperconductingQpu(TimedQpu):
    """Service time of a gate-based superconducting QPU.

    Model:
        E = S·(C·(rep_delay + reset + readout + shot_extra) + Σ circuit durations), a shot never faster than
        1/max_shot_rate; circuit durations are depth · time_layer unless the request gives them;
        O = load + load_per_circuit·C + (load_several if C > 1, else load_wide·clip(width − w0, 0, w1 − w0));
        B = execution_floor; T = O·W + max(E·exp(σz), B·√W).
    Assumes:
        Circuits of a job run one after another at one repetition rate; what must be prepared overlaps with the
        execution, so that a job holds the QPU for at least ``execution_floor``.
    Not modelled:
        Dynamic repetition rates, circuits with mid-circuit measurement, readout mitigation.
    Source:
        IBM, "Estimate job run time" (the deterministic part); overheads fitted by
        calibration/qpu/fit_service_time.py to the job times of N. Giortamis et al., Qonductor (SC'25).
    """

    schema: ClassVar[dict[str, Quantity]] = COMMON | {
        "rep_delay": time(required=True),
        "time_layer": time(required=True),
        "time_shot_extra": time(),
        "load_several": time(),
        "load_wide": time(),
        "load_wide_from": Quantity(("qubits",), n_values=2),
        "execution_floor": time(),
        "overhead_levels": Quantity(high=1.0, n_values=None),
        "overhead_share_one": _SHARES,
        "overhead_share_several": _SHARES,
    }

    def __post_init__(self) -> None:
        """Read the numbers and the laws of the overhead."""
        super().__post_init__()
        self._spread = {several: self._law(several) for several in (False, True)}

    def shot_s(self) -> float:
        """Return the time of one shot of an empty circuit, in seconds."""
        parts = ("rep_delay", "time_reset", "time_readout", "time_shot_extra")
        return sum(self.number(part) for part in parts)

    def execution_s(self, request: Request) -> FloatArray:
        """Return the time in which circuits run, in seconds."""
        circuits_s = request.duration_total_s
        if circuits_s is None:
            circuits_s = request.depth_total * self.number("time_layer")
        rate_hz = self.number("max_shot_rate", np.inf)
        per_shot_s = np.maximum(request.n_circuits * self.shot_s() + circuits_s, request.n_circuits / rate_hz)
        execution_s: FloatArray = request.shots * per_shot_s
        return execution_s

    def overhead_s(self, request: Request) -> FloatArray:
        """Return the typical rest of the service time, in seconds."""
        low, high = self.numbers.get("load_wide_from", (0.0, 0.0))
        wide_s = self.number("load_wide") * np.clip(request.width - low, 0.0, high - low)
        extra_s = np.where(request.n_circuits > 1, self.number("load_several"), wide_s)
        overhead_s: FloatArray = super().overhead_s(request) + extra_s
        return overhead_s

    def floor_s(self, request: Request) -> FloatArray:
        """Return the typical time that overlaps with the execution, in seconds."""
        return np.full(len(request), self.number("execution_floor"))

    def spread(self, several: bool) -> Spread:
        """Return the law of the randomness for jobs of one circuit or of several."""
        return self._spread[several]

    def _law(self, several: bool) -> Spread:
        levels = self.numbers.get("overhead_levels")
        if levels is None:
            return super().spread(several)
        name = f"overhead_share_{'several' if several else 'one'}"
        share = self.numbers.get(name)
        if share is None or len(share) != len(levels) or (np.diff(share) < 0).any() or (np.diff(levels) <= 0).any():
            raise CardError(
                "the overhead's law needs rising quantiles, one for each of overhead_levels",
                where=f"{self.card.path}: {name}",
            )
        return Spread(levels, share, self.number("time_factor_sigma"))
