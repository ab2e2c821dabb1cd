"""Which qubits a family couples."""

from __future__ import annotations

from qhpcsim.core.errors import CircuitError
from qhpcsim.core.rng import Rng

SHAPES = ("linear", "circular", "ring", "full", "regular3", "tree", "sparse", "ladder")

_REACH = 4
"""How far back a vertex of a tree looks for its parent: trees grow long, as couplings in a plane do."""


def edges(shape: str, n_qubits: int, seed: int = 0) -> list[tuple[int, int]]:
    """Return the pairs of a graph on ``n_qubits`` vertices.

    Args:
        shape: One of ``SHAPES``; ring and circular are the same.
        n_qubits: Number of vertices.
        seed: Draws the graph of ``regular3``, ``tree`` and ``sparse`` (a tree and a fifth more edges).

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
    if shape == "ladder":
        return [(i, j) for i in range(n_qubits) for j in (i + 1, i + 2) if j < n_qubits and (j == i + 2 or i % 2 == 0)]
    if shape in ("tree", "sparse"):
        return _tree(n_qubits, n_qubits // 5 if shape == "sparse" else 0, seed)
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


def _tree(n_qubits: int, n_more: int, seed: int) -> list[tuple[int, int]]:
    """Return a random tree, each vertex joined to one shortly before it, and up to ``n_more`` other short edges."""
    rng = Rng(seed).stream("tree")
    pairs = {(int(rng.integers(max(0, i - _REACH), i)), i) for i in range(1, n_qubits)}
    for _ in range(n_more):
        high = int(rng.integers(1, n_qubits))
        pairs.add((int(rng.integers(max(0, high - _REACH), high)), high))
    return sorted(pairs)


def at_least(n_qubits: int, n_min: int) -> None:
    """Raise a CircuitError for a circuit of fewer than ``n_min`` qubits."""
    if n_qubits < n_min:
        raise CircuitError(f"{n_qubits} qubits", where="circuit family", allowed=f"{n_min} or more")
