"""Q-Dreamer's estimate of the speed-up of a cut, its search over sizes, and the fit of its two parameters.

Model:
    S = eta(R) · 2^(n − n_sub) / R, R = ceil(M / W), eta(R) = eta_max / R^p between 1e-12 and 1; S = 1 without a cut.
Source:
    Q-Dreamer, https://github.com/radical-cybertools/quantum-mini-apps, circuit_cutting/qdreamer/estimators.py
    (v0.2) and estimators/power_law.py (v0.4); arXiv:2604.03445.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qhpcsim.core.errors import ConfigError

SOURCE = "Q-Dreamer, https://github.com/radical-cybertools/quantum-mini-apps"
LEAST_ETA = 1e-12
AMPLITUDE_BYTES = 16
MEMORY_FRAC = 0.8
"""Share of the memory that a state may take."""
MOST_QUBITS = 32
LEAST_QUBITS = 10
"""Bounds of the sizes that are searched."""


@dataclass(frozen=True, slots=True)
class PowerLaw:
    """The two parameters."""

    eta_max: float
    p: float

    def eta(self, rounds: float) -> float:
        """Return the efficiency of so many rounds of tasks."""
        return float(min(1.0, max(LEAST_ETA, self.eta_max / rounds**self.p)))

    def speedup(self, n: int, n_sub: int, n_cuts: int, n_tasks: float, workers: int) -> float:
        """Return by how much a cut is said to be faster than the whole circuit.

        Args:
            n: Qubits of the circuit.
            n_sub: Qubits of a part.
            n_cuts: Number of cuts.
            n_tasks: M, tasks in all.
            workers: W, how many run at once.
        """
        if not n_cuts:
            return 1.0
        rounds = math.ceil(n_tasks / max(1, workers))
        return 2.0 ** (n - n_sub) * self.eta(rounds) / rounds


@dataclass(frozen=True, slots=True)
class SpeedupRow:
    """A measured speed-up."""

    n: int
    n_sub: int
    n_tasks: float
    workers: int
    speedup: float
    """Time of the whole circuit over time of the cut one."""
    weight: float = 1.0
    """Number of measurements behind it."""


def refit(rows: Sequence[SpeedupRow]) -> PowerLaw:
    """Return the power law that fits measured speed-ups: ln eta over ln R, weighted least squares.

    Raises:
        ConfigError: if the rows do not determine two parameters.
    """
    rounds = np.array([math.ceil(row.n_tasks / max(1, row.workers)) for row in rows], dtype=np.float64)
    if len(np.unique(rounds)) < 2:
        words = f"{len(rows)} rows with {len(np.unique(rounds))} numbers of rounds"
        raise ConfigError(words, where="refit of the power law", allowed="two numbers of rounds or more")
    log_eta = np.log([row.speedup * r / 2.0 ** (row.n - row.n_sub) for row, r in zip(rows, rounds, strict=True)])
    weights = np.sqrt([row.weight for row in rows])
    table = np.stack([np.ones(len(rows)), -np.log(rounds)], axis=1)
    (log_max, p), *_ = np.linalg.lstsq(table * weights[:, None], log_eta * weights, rcond=None)
    return PowerLaw(float(math.exp(log_max)), float(p))


def most_qubits(n: int, memory_bytes: float) -> int:
    """Return the largest size that is searched: what fits the memory, less than the circuit, at most 32."""
    return min(int(math.log2(max(1.0, MEMORY_FRAC * memory_bytes / AMPLITUDE_BYTES))), n - 1, MOST_QUBITS)
