"""Which qubits a family couples."""

from __future__ import annotations

from qhpcsim.core.errors import CircuitError
from qhpcsim.core.rng import Rng

SHAPES = ("linear", "circular", "ring", "full", "regular3")


def edges(shape: str, n_qubits: int, seed: int = 0) -> list[tuple[int, int]]:
    """Return the pairs of a graph on ``n_qubits`` vertices.

    Args:
        shape: One of ``SHAPES``; ring and circular are the same.
        n_qubits: Number of vertices.
        seed: Draws the graph of ``regular3``.

    Raises:
        CircuitError: for an unknown shape, or three partners where there are not enough vertices.
    """
    line = [(i, i + 1) for i in range(n_qubits - 1)]
    if shape == "linear":
        return line
    if shape in ("circular", "ring"):
        return [*line, (n_qubits - 1, 0)] if n_qubits > 2 else line
    if shape == "full":
        return [(i, j) for i in range(n_qubits) for j in range(i + 1, n_qubits)]
    if shape == "regular3":
        return _regular3(n_qubits, seed)
    raise CircuitError(f"unknown graph {shape!r}", where="circuit family", allowed=", ".join(SHAPES))


def _regular3(n_qubits: int, seed: int) -> list[tuple[int, int]]:
    """Return a random 3-regular graph by pairing half-edges until none is double (with an odd one left over)."""
    at_least(n_qubits, 4)
    rng = Rng(seed).stream("graph")
    while True:
        ends = rng.permutation(3 * n_qubits - n_qubits % 2) // 3
        pairs = sorted(tuple(sorted((int(a), int(b)))) for a, b in zip(ends[::2], ends[1::2], strict=True))
        if len(set(pairs)) == len(pairs) and all(a != b for a, b in pairs):
            return [(a, b) for a, b in pairs]


def at_least(n_qubits: int, n_min: int) -> None:
    """Raise a CircuitError for a circuit of fewer than ``n_min`` qubits."""
    if n_qubits < n_min:
        raise CircuitError(f"{n_qubits} qubits", where="circuit family", allowed=f"{n_min} or more")
