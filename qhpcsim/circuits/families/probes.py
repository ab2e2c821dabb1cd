"""Circuits of one kind of operation, from which a calibration learns what that operation costs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from qhpcsim.circuits.families.graphs import at_least
from qhpcsim.core.errors import CircuitError, nearest
from qhpcsim.core.registry import register
from qhpcsim.core.rng import Rng

if TYPE_CHECKING:
    from qiskit import QuantumCircuit


@dataclass(frozen=True, slots=True)
class ProbeParams:
    """What is repeated, on how many qubits, how often."""

    kernel: str = "matrix"
    width: int = 2
    count: int = 10
    seed: int = 0


@register("circuit_family", "probe", summary="one kind of operation, repeated", source="ours", params=ProbeParams)
def probe(n_qubits: int, params: ProbeParams) -> QuantumCircuit:
    """Return ``count`` operations of one kind on changing qubits, and a measurement of all.

    Kinds: matrix, diagonal (any width), controlled, permutation, phase, rotation, hadamard, nothing; measure and
    reset are followed by a Hadamard gate.
    """
    from qiskit import QuantumCircuit

    width = params.width
    at_least(n_qubits, max(1, width))
    rng = Rng(params.seed).stream("probe")
    circuit = QuantumCircuit(n_qubits, n_qubits)
    append = _appender(params.kernel, width, rng)
    if params.kernel in ("measure", "reset"):
        circuit.h(range(n_qubits))
    for i in range(params.count):
        start = i * width % max(1, n_qubits - width + 1)
        append(circuit, list(range(start, start + width)))
    circuit.measure(range(n_qubits), range(n_qubits))
    return circuit


def _appender(kernel: str, width: int, rng: np.random.Generator) -> Callable[[Any, list[int]], object]:
    """Return what appends one operation of a kind."""
    kinds: dict[str, Callable[[Any, list[int]], object]] = {
        "matrix": lambda c, q: c.unitary(random_unitary(width, rng), q),
        "diagonal": lambda c, q: c.append(_diagonal(np.exp(1j * rng.uniform(0.1, 3.0, 1 << width))), q),
        "controlled": lambda c, q: c.cry(float(rng.uniform(0.1, 3.0)), q[0], q[-1]),
        "permutation": lambda c, q: (c.x, c.cx, c.ccx)[width - 1](*q),
        "phase": lambda c, q: (c.z, c.cz, c.ccz)[width - 1](*q),
        "rotation": lambda c, q: c.ry(float(rng.uniform(0.1, 3.0)), q[0]),
        "hadamard": lambda c, q: c.h(q[0]),
        "measure": lambda c, q: (c.measure(q[0], q[0]), c.h(q[0])),
        "reset": lambda c, q: (c.reset(q[0]), c.h(q[0])),
        "nothing": lambda c, q: c.id(q[0]),
    }
    if kernel not in kinds or (kernel in ("permutation", "phase") and not 1 <= width <= 3) or width < 1:
        raise CircuitError(
            f"no probe of {kernel!r} on {width} qubits",
            where="probe",
            allowed=", ".join(kinds),
            suggestion=nearest(kernel, kinds),
        )
    return kinds[kernel]


def _diagonal(entries: np.ndarray) -> Any:
    from qiskit.circuit.library import DiagonalGate

    return DiagonalGate(list(entries))


def random_unitary(width: int, rng: np.random.Generator) -> np.ndarray:
    """Return a unitary matrix on ``width`` qubits, uniform over all of them."""
    size = 1 << width
    matrix = rng.normal(size=(size, size)) + 1j * rng.normal(size=(size, size))
    q, r = np.linalg.qr(matrix)
    return np.asarray(q * (np.diagonal(r) / np.abs(np.diagonal(r))))
