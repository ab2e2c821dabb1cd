"""Time evolution of spin chains by Trotter steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qhpcsim.circuits.families.graphs import edges
from qhpcsim.core.registry import register

if TYPE_CHECKING:
    from qiskit import QuantumCircuit


@dataclass(frozen=True, slots=True)
class TrotterParams:
    """Length of an evolution."""

    steps: int = 4
    dt: float = 0.2
    field: float = 1.0
    graph: str = "linear"
    native: bool = False
    """Two-qubit rotations as one gate each (RZZ, RXX, RYY) in place of CX, RZ, CX."""


@register(
    "circuit_family",
    "tfim",
    summary="transverse-field Ising model: Trotter steps of ZZ couplings and X fields",
    source="Pfeuty, Ann. Phys. 57 (1970), doi:10.1016/0003-4916(70)90270-8",
    params=TrotterParams,
)
def tfim(n_qubits: int, params: TrotterParams) -> QuantumCircuit:
    """Return a first-order Trotter circuit."""
    from qiskit import QuantumCircuit

    circuit = QuantumCircuit(n_qubits)
    pairs = _even_odd(params.graph, n_qubits)
    for _ in range(params.steps):
        for a, b in pairs:
            _coupling(circuit, "z", 2 * params.dt, a, b, params.native)
        circuit.rx(2 * params.field * params.dt, range(n_qubits))
    circuit.measure_all()
    return circuit


@register(
    "circuit_family",
    "heisenberg",
    summary="Heisenberg chain: Trotter steps of XX, YY and ZZ couplings and Z fields",
    source="Heisenberg, Z. Phys. 49 (1928), doi:10.1007/BF01328601",
    params=TrotterParams,
)
def heisenberg(n_qubits: int, params: TrotterParams) -> QuantumCircuit:
    """Return a first-order Trotter circuit."""
    from qiskit import QuantumCircuit

    circuit = QuantumCircuit(n_qubits)
    circuit.x(range(0, n_qubits, 2))
    pairs = _even_odd(params.graph, n_qubits)
    for _ in range(params.steps):
        for axis in "xyz":
            for a, b in pairs:
                _coupling(circuit, axis, 2 * params.dt, a, b, params.native)
        circuit.rz(2 * params.field * params.dt, range(n_qubits))
    circuit.measure_all()
    return circuit


def _even_odd(graph: str, n_qubits: int) -> list[tuple[int, int]]:
    pairs = edges(graph, n_qubits)
    return [*pairs[::2], *pairs[1::2]]


def _coupling(circuit: QuantumCircuit, axis: str, angle: float, a: int, b: int, native: bool) -> None:
    """Append exp(−i·angle/2·PP) for the Pauli P of an axis."""
    if native:
        getattr(circuit, f"r{axis}{axis}")(angle, a, b)
        return
    if axis == "x":
        circuit.h([a, b])
    if axis == "y":
        circuit.sdg([a, b])
        circuit.h([a, b])
    circuit.cx(a, b)
    circuit.rz(angle, b)
    circuit.cx(a, b)
    if axis == "x":
        circuit.h([a, b])
    if axis == "y":
        circuit.h([a, b])
        circuit.s([a, b])
