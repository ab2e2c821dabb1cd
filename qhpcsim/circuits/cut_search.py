"""Runs the library's search for cuts, bounded by search states so that every machine finds the same."""

from __future__ import annotations

from dataclasses import dataclass

from qhpcsim.circuits.cut_circuit import CutCircuit
from qhpcsim.circuits.cut_layout import Cuts

N_PAIRS_MAX = 2_000
"""Most two-qubit gates of a circuit that is searched: one greedy pass visits each of them."""
_SEED = 0
"""The search breaks ties by random numbers of its own; with a seed they are always the same."""
_GAMMA_MAX = 1_024.0
"""The library's own bound on γ, which stops a search that has become hopeless."""


@dataclass(frozen=True, slots=True)
class Found:
    """What one search found."""

    width: int
    """Qubits that a part may have."""
    cuts: Cuts
    minimum_reached: bool
    """Whether no cut of this width has a smaller sampling overhead; False: the search was cut short."""


def backjumps(circuit: CutCircuit, max_states: int) -> int:
    """Return the number of backjumps within which a search visits at most about ``max_states`` states.

    Between two backjumps a search goes deeper with every state, and it is as deep as there are two-qubit gates.
    """
    n_pairs = sum(len(op.qubits) == 2 for op in circuit.ops)
    return max_states // max(1, n_pairs)


def find(circuit: CutCircuit, width: int, max_states: int) -> Found | None:
    """Return the cuts of least sampling overhead that ``qiskit_addon_cutting.find_cuts`` finds for a width.

    Args:
        circuit: Reduced circuit.
        width: Most qubits of a part, those that wire cuts add included.
        max_states: Search states to visit, about.

    Returns:
        None if the library knows no way.
    """
    from qiskit_addon_cutting import DeviceConstraints, OptimizationParameters, find_cuts

    options = OptimizationParameters(
        seed=_SEED, max_gamma=_GAMMA_MAX, max_backjumps=backjumps(circuit, max_states), gate_lo=True, wire_lo=True
    )
    try:
        marked, facts = find_cuts(circuit.circuit(), options, DeviceConstraints(qubits_per_subcircuit=width))
    except ValueError:
        return None
    return Found(width, _cuts(marked), bool(facts["minimum_reached"]))


def _cuts(marked: object) -> Cuts:
    """Return the places of the cuts that the library has marked in a circuit."""
    gates: list[int] = []
    wires: list[tuple[int, int]] = []
    position = 0
    for item in marked.data:  # type: ignore[attr-defined]
        if item.operation.name == "cut_wire":
            wires.append((position, marked.find_bit(item.qubits[0]).index))  # type: ignore[attr-defined]
            continue
        if item.operation.name == "qpd_2q":
            gates.append(position)
        position += 1
    return Cuts(tuple(gates), tuple(sorted(wires)))
