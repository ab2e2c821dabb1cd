"""What every model of a state-vector simulation answers: seconds with an interval, memory, and what takes the time."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Protocol

from qhpcsim.circuits.cost import CircuitCost
from qhpcsim.circuits.gates import Gate

Z_90 = 1.6448536269514722
"""Standard deviations from the median to either end of a 90 % interval of a normal law."""


@dataclass(frozen=True, slots=True)
class StateVectorPrediction:
    """Wall time of one run and its 90 % interval, in seconds."""

    median_s: float
    p5_s: float
    p95_s: float
    memory_bytes: float
    """Of all state vectors held at once, on all devices together."""
    parts: dict[str, float] = field(default_factory=dict)
    """What adds up to the median, in seconds, by name."""

    @classmethod
    def lognormal(cls, parts: dict[str, float], sigma: float, memory_bytes: float) -> StateVectorPrediction:
        """Return the prediction whose time is the sum of ``parts`` times a log-normal factor of median 1."""
        median_s, spread = sum(parts.values()), math.exp(Z_90 * sigma)
        return cls(median_s, median_s / spread, median_s * spread, memory_bytes, parts)


class Work(Protocol):
    """What a model needs to know of a circuit; ``circuits.cost.CircuitCost`` has it."""

    @property
    def n_active(self) -> int:
        """Qubits of the state vector."""

    @property
    def gates(self) -> tuple[Gate, ...]:
        """What runs, before fusion."""

    @property
    def n_simulations(self) -> int:
        """Times that the gates are applied to a fresh state."""

    @property
    def n_z_terms(self) -> int:
        """Pauli terms of I and Z only whose expectation value is wanted."""

    @property
    def n_x_terms(self) -> int:
        """The other Pauli terms."""

    @property
    def state_bytes(self) -> int:
        """Size of one state vector."""


class StateVectorModel(Protocol):
    """What every state-vector model offers."""

    @property
    def name(self) -> str:
        """What is predicted."""

    def predict(self, cost: CircuitCost) -> StateVectorPrediction:
        """Return the time of one run of a circuit with these cost features."""
