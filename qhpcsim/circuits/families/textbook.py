"""Algorithms of the textbooks: GHZ and graph states, Fourier transform, phase estimation, Bernstein–Vazirani, adder."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qhpcsim.circuits.families.graphs import at_least, edges
from qhpcsim.core.registry import register
from qhpcsim.core.rng import Rng

if TYPE_CHECKING:
    from qiskit import QuantumCircuit


@dataclass(frozen=True, slots=True)
class SeedParams:
    """What is drawn at random."""

    seed: int = 0


@dataclass(frozen=True, slots=True)
class GraphParams:
    """Shape of a graph."""

    graph: str = "ring"
    seed: int = 0


@dataclass(frozen=True, slots=True)
class QftParams:
    """Form of a Fourier transform."""

    swaps: bool = True
    seed: int = 0
    degree: int = 0
    """Qubits further apart than this are not coupled (approximate transform, arXiv:quant-ph/9601018); 0: all are."""


@register(
    "circuit_family",
    "ghz",
    summary="one H and a chain of CX",
    source="Greenberger, Horne, Zeilinger, arXiv:0712.0921",
)
def ghz(n_qubits: int, params: None = None) -> QuantumCircuit:
    """Return the circuit that prepares (|0…0⟩ + |1…1⟩)/√2."""
    from qiskit import QuantumCircuit

    circuit = QuantumCircuit(n_qubits)
    circuit.h(0)
    for qubit in range(n_qubits - 1):
        circuit.cx(qubit, qubit + 1)
    circuit.measure_all()
    return circuit


@register(
    "circuit_family",
    "graph_state",
    summary="H on each qubit, CZ on each edge",
    source="Hein, Eisert, Briegel, Phys. Rev. A 69 (2004), doi:10.1103/PhysRevA.69.062311",
    params=GraphParams,
)
def graph_state(n_qubits: int, params: GraphParams) -> QuantumCircuit:
    """Return the circuit that prepares a graph state."""
    from qiskit import QuantumCircuit

    circuit = QuantumCircuit(n_qubits)
    circuit.h(range(n_qubits))
    for a, b in edges(params.graph, n_qubits, params.seed):
        circuit.cz(a, b)
    circuit.measure_all()
    return circuit


@register(
    "circuit_family",
    "qft",
    summary="quantum Fourier transform of a random product state",
    source="Coppersmith (1994), arXiv:quant-ph/0201067",
    params=QftParams,
)
def qft(n_qubits: int, params: QftParams) -> QuantumCircuit:
    """Return random one-qubit rotations and the Fourier transform."""
    from qiskit import QuantumCircuit

    circuit = QuantumCircuit(n_qubits)
    for qubit, angle in enumerate(Rng(params.seed).stream("angles").uniform(0.1, 3.0, n_qubits)):
        circuit.ry(float(angle), qubit)
    _fourier(circuit, n_qubits, 1.0, params.degree or n_qubits)
    for low in range(n_qubits // 2 if params.swaps else 0):
        circuit.swap(low, n_qubits - 1 - low)
    circuit.measure_all()
    return circuit


@register(
    "circuit_family",
    "qpe",
    summary="phase estimation of a phase gate: n − 1 counting qubits and one target",
    source="Kitaev (1995), arXiv:quant-ph/9511026",
    params=SeedParams,
)
def qpe(n_qubits: int, params: SeedParams) -> QuantumCircuit:
    """Return the circuit that estimates a phase drawn by the seed."""
    from qiskit import QuantumCircuit

    at_least(n_qubits, 2)
    counting, target = n_qubits - 1, n_qubits - 1
    phase = float(Rng(params.seed).stream("phase").uniform(0.1, 6.0))
    circuit = QuantumCircuit(n_qubits)
    circuit.x(target)
    circuit.h(range(counting))
    for qubit in range(counting):
        circuit.cp(math.fmod(phase * 2.0 ** (counting - 1 - qubit), math.tau), qubit, target)
    _fourier(circuit, counting, -1.0)
    circuit.measure_all()
    return circuit


@register(
    "circuit_family",
    "bv",
    summary="Bernstein–Vazirani: n − 1 bits of a hidden string and one target",
    source="Bernstein, Vazirani, SIAM J. Comput. 26 (1997), doi:10.1137/S0097539796300921",
    params=SeedParams,
)
def bv(n_qubits: int, params: SeedParams) -> QuantumCircuit:
    """Return the circuit that finds a string drawn by the seed."""
    from qiskit import QuantumCircuit

    at_least(n_qubits, 2)
    circuit = QuantumCircuit(n_qubits)
    circuit.x(n_qubits - 1)
    circuit.h(range(n_qubits))
    for qubit, bit in enumerate(Rng(params.seed).stream("secret").integers(0, 2, n_qubits - 1)):
        if bit:
            circuit.cx(qubit, n_qubits - 1)
    circuit.h(range(n_qubits - 1))
    circuit.measure_all()
    return circuit


@register(
    "circuit_family",
    "adder",
    summary="ripple-carry adder: CX and Toffoli gates on random numbers",
    source="Cuccaro, Draper, Kutin, Moulton, arXiv:quant-ph/0410184",
    params=SeedParams,
)
def adder(n_qubits: int, params: SeedParams) -> QuantumCircuit:
    """Return an adder of two numbers of (n − 2) // 2 bits: carry, then a and b bit by bit, then the overflow."""
    from qiskit import QuantumCircuit

    at_least(n_qubits, 4)
    n_bits = (n_qubits - 2) // 2
    circuit = QuantumCircuit(n_qubits)
    for qubit in range(1, 2 * n_bits + 1):
        circuit.ry(float(Rng(params.seed).stream(f"bit {qubit}").uniform(0.2, 2.9)), qubit)
    carries = [0, *(2 * i + 2 for i in range(n_bits))]
    for i in range(n_bits):
        a, b = carries[i + 1], 2 * i + 1
        circuit.cx(a, b)
        circuit.cx(a, carries[i])
        circuit.ccx(carries[i], b, a)
    circuit.cx(carries[-1], 2 * n_bits + 1)
    for i in reversed(range(n_bits)):
        a, b = carries[i + 1], 2 * i + 1
        circuit.ccx(carries[i], b, a)
        circuit.cx(a, carries[i])
        circuit.cx(carries[i], b)
    circuit.measure_all()
    return circuit


def _fourier(circuit: QuantumCircuit, n_qubits: int, sign: float, degree: int | None = None) -> None:
    """Append the Fourier transform (sign +1) or its inverse (−1) on the first qubits, without the swaps.

    Phases between qubits more than ``degree`` apart are left out.
    """
    order = range(n_qubits - 1, -1, -1) if sign > 0 else range(n_qubits)
    for target in order:
        controls = range(target - 1, -1, -1) if sign > 0 else range(target)
        if sign > 0:
            circuit.h(target)
        for control in controls:
            if degree is not None and target - control > degree:
                continue
            circuit.cp(sign * math.pi / 2.0 ** (target - control), control, target)
        if sign < 0:
            circuit.h(target)
