"""How a device's errors wander from one calibration to the next."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.cards import card
from qhpcsim.core.records import FloatArray

DRIFT_CARD = "fidelity/drift"
QUANTITIES = {
    "t1_s": "t1",
    "t2_s": "t2",
    "error_1q": "error_1q",
    "error_2q": "error_2q",
    "error_readout": "error_readout",
}
"""Field of ``DeviceErrors`` -> prefix of the card's entries."""


@dataclass(slots=True)
class Drift:
    """Factors on a device's errors, one step a calibration interval.

    Model:
        ln factor: x' = φ^d·x + √(1 − φ^2d)·s·z for each quantity (AR(1), stationary deviation s), d the days since
        the last calibration; a coupler dies with probability ``death`` a day and comes back with ``recovery``.
    Assumes:
        Quantities wander independently; median 1 in the long run. Intervals other than the day of the fit follow the
        continuous process whose daily values the fit saw.
    Not modelled:
        Differences between qubits; drift within a day; what a dead coupler does to routing.
    Source:
        181 daily calibrations of ibm_perth, January to June 2023, released with Qonductor (SC'25);
        calibration/fidelity/fit_fidelity.py.
    """

    phi: FloatArray
    deviation: FloatArray
    death: float
    recovery: float
    n_couplers: int = 0
    state: FloatArray = field(default_factory=lambda: np.zeros(len(QUANTITIES)))
    dead: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype=bool))

    @classmethod
    def from_card(cls, rng: np.random.Generator, n_couplers: int = 0, name: str = DRIFT_CARD) -> Drift:
        """Return a drift in its stationary state."""
        read = card(name)
        phi = np.array([read.value(f"{prefix}_phi") for prefix in QUANTITIES.values()])
        deviation = np.array([read.value(f"{prefix}_deviation") for prefix in QUANTITIES.values()])
        death, recovery = read.value("coupler_death"), read.value("coupler_recovery")
        dead = rng.random(n_couplers) < death / (death + recovery)
        state = deviation * rng.standard_normal(len(phi))
        return cls(phi, deviation, death, recovery, n_couplers, state, dead)

    def step(self, rng: np.random.Generator, days: float = 1.0) -> None:
        """Move on to the next calibration, ``days`` after the last; it takes as many random numbers as any other."""
        phi = self.phi**days
        kick = np.sqrt(1.0 - phi**2) * self.deviation
        self.state = phi * self.state + kick * rng.standard_normal(len(phi))
        change = rng.random(self.n_couplers)
        moved = 1.0 - max(1.0 - self.death - self.recovery, 0.0) ** days
        dead_frac = self.death / (self.death + self.recovery)
        self.dead = np.where(self.dead, change >= moved * (1.0 - dead_frac), change < moved * dead_frac)

    def factors(self) -> dict[str, float]:
        """Return today's factors for ``DeviceErrors.scaled``."""
        return dict(zip(QUANTITIES, np.exp(self.state).tolist(), strict=True))
