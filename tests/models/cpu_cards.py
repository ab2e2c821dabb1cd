"""A CPU whose prices are known: what circuits take on it, exactly or with scatter, and the card that says so."""

from __future__ import annotations

import numpy as np

from qhpcsim.circuits.cost import CircuitCost, circuit_cost
from qhpcsim.circuits.named import named_circuit
from qhpcsim.circuits.observable import Observable
from qhpcsim.circuits.simulator import for_simulator
from qhpcsim.core.records import FloatArray
from qhpcsim.models.cpu_statevector import CpuStateVector
from qhpcsim.models.statevector_features import NAMES, SCALES, Machine, counts

PRICES = {
    "start": 300, "plain": 9, "parametric": 12, "controlled_angle": 35, "other": 5, "fusion": 10, "operation": 0.5,
    "random": 1, "shot": 20, "sample": 0.5, "sample_bit": 0.05, "outcome": 0.3, "scan_index": 1, "scan": 4, "index": 2,
    "init": 3, "fresh": 2, "matrix_1": 2.5, "matrix_2": 7, "matrix_3": 10, "matrix_4": 20, "matrix_5": 45,
    "diagonal_1": 1.5, "diagonal_2": 3, "diagonal_more": 0.5, "phase_1": 1, "phase_2": 3.7, "permutation_1": 1.2,
    "permutation_2": 3.4, "permutation_3": 2.4, "controlled": 4.3, "measure": 10, "reset": 11, "expval_z": 2,
    "expval_x": 3, "beyond_l2": 0.1, "beyond_l3": 0.3,
}  # fmt: skip
"""Microseconds or nanoseconds, as the terms say."""
TRUE = np.array([PRICES[name] for name in NAMES]) * SCALES


def cost_of(name: str, shots: int = 1024, observable: str = "", threads: int = 1) -> CircuitCost:
    wanted = Observable.parse(observable) if observable else None
    return circuit_cost(for_simulator(named_circuit(name)), shots=shots, observable=wanted, threads=threads)


def seconds(cost: CircuitCost, machine: Machine | None = None) -> float:
    return float(counts(cost, machine or Machine()) @ TRUE)


def model(draws: FloatArray | None = None, machine: Machine | None = None) -> CpuStateVector:
    found = TRUE[None] if draws is None else draws
    return CpuStateVector("known", machine or Machine(), TRUE, found, -0.1, 0.2, 16 * 2.0**30, (2, 24))
