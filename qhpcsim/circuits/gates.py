"""What a state-vector simulator does with each gate: its kernel, its width, and whether its matrix is diagonal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from qhpcsim.circuits.walk import Step

_PHASE = frozenset({"z", "s", "sdg", "t", "tdg", "cz", "ccz", "mcz", "p", "u1", "cp", "cu1", "mcp", "mcu1", "mcphase"})
"""Only the amplitudes in which all qubits are 1 are touched."""
_DIAGONAL = frozenset({"rz", "rzz", "diagonal"})
_PERMUTATION = frozenset(
    {"x", "cx", "ccx", "mcx", "mcx_gray", "y", "cy", "mcy", "swap", "cswap", "mcswap", "pauli", "CX"}
)
_NOTHING = frozenset({"id", "delay", "u0"})
_STOPS = frozenset({"measure", "reset", "initialize", "store", "mark", "jump", "kraus", "superop", "multiplexer"})
"""Instructions that the simulator never fuses."""
_ROTATIONS = frozenset({"rx", "ry", "r", "rxx", "ryy", "rzx", "crx", "cry", "u", "u3", "U"})
_DIAGONAL_FUSION = frozenset({"p", "cp", "u1", "cu1", "mcu1", "rz", "rzz", "diagonal"})
"""What Aer's diagonal pass recognises; the other diagonal gates are left to the later passes."""


class Gate(NamedTuple):
    """One instruction as the simulator meets it."""

    name: str
    kernel: str
    """matrix, controlled, diagonal, phase, permutation, idle, measure, reset, initialize, branch."""
    qubits: tuple[int, ...]
    clbits: tuple[int, ...] = ()
    diagonal: bool = False
    """Whether its matrix is diagonal, entry by entry."""
    joins_diagonal: bool = False
    """Whether Aer's diagonal pass takes it."""
    weight: float = 1.0
    """Share of the simulations in which it runs: gates of a branch count less."""
    mapping: tuple[int, ...] | None = None
    """Where it sends each basis state of its qubits, if its matrix has one entry a column; None otherwise."""
    fusible: bool = True


def gate(step: Step, weight: float = 1.0) -> Gate:
    """Return an instruction of a circuit with what the simulator does for it.

    Args:
        step: An instruction without branches.
        weight: Share of the simulations in which it runs.
    """
    name, qubits = step.operation.name, step.qubits
    params = step.operation.params
    kernel = _kernel(name, len(qubits), params)
    diagonal = kernel in ("diagonal", "phase", "idle") or name == "crz" or _rests(name, params)
    return Gate(
        name,
        kernel,
        qubits,
        step.clbits,
        diagonal,
        name in _DIAGONAL_FUSION or _is_phase_only_u3(name, params),
        weight,
        _mapping(name, len(qubits), diagonal),
        kernel not in ("measure", "reset", "initialize", "branch") and name not in _STOPS,
    )


def _kernel(name: str, width: int, params: Sequence[Any]) -> str:
    if name in ("measure", "reset", "initialize"):
        return name
    if name in ("mark", "jump", "store"):
        return "branch"
    if name in _NOTHING:
        return "idle"
    if name in _PHASE:
        return "phase"
    if name in _DIAGONAL:
        return "diagonal"
    if name in _PERMUTATION:
        return "permutation"
    if name == "unitary" and _is_diagonal_matrix(params[0]):
        return "diagonal"
    if width > 1 and name[0] in "cm" and name != "multiplexer":
        return "controlled"
    return "matrix"


def _is_diagonal_matrix(matrix: Any) -> bool:
    import numpy as np

    array = np.asarray(matrix)
    return bool(np.count_nonzero(array) == np.count_nonzero(np.diagonal(array)))


def _rests(name: str, params: Sequence[Any]) -> bool:
    """Return whether a rotation by nothing leaves only phases behind."""
    return name in _ROTATIONS and float(params[0]) == 0.0


def _is_phase_only_u3(name: str, params: Sequence[Any]) -> bool:
    return name == "u3" and float(params[0]) == 0.0 and float(params[1]) == 0.0


def _mapping(name: str, width: int, diagonal: bool) -> tuple[int, ...] | None:
    """Return the permutation of basis states that a gate makes up to phases, bit i standing for its i-th qubit."""
    states = range(1 << width)
    if diagonal:
        return tuple(states)
    if name not in _PERMUTATION or name == "pauli" or width > 5:
        return None
    if name.endswith("swap"):
        controls = (1 << (width - 2)) - 1
        return tuple(_swapped(s, width) if s & controls == controls else s for s in states)
    controls, target = (1 << (width - 1)) - 1, 1 << (width - 1)
    return tuple(s ^ target if s & controls == controls else s for s in states)


def _swapped(state: int, width: int) -> int:
    low, high = (state >> (width - 2)) & 1, (state >> (width - 1)) & 1
    rest = state & ((1 << (width - 2)) - 1)
    return rest | high << (width - 2) | low << (width - 1)
