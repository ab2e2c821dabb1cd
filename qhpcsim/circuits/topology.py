"""Which qubits of a device are coupled: lists of edges for the lattices of real machines."""

from __future__ import annotations

import math

from qhpcsim.core.errors import CircuitError, nearest, shorten

Edges = list[tuple[int, int]]
TOPOLOGIES = ("all_to_all", "line", "grid", "heavy_hex")
_HEAVY_HEX = {
    127: ((14, *[15] * 5, 14), (0, 0, 0, 0, 0, 0, 1), (0, 2), 6),
    133: ((15,) * 7, (0,) * 7, (0, 2), 7),
    156: ((16,) * 8, (0,) * 8, (3, 1), 7),
}
"""Qubits -> (length of each row, its first column, first column of the links in even and odd gaps, gaps): IBM's
Eagle, Heron r1 (whose last gap dangles) and Heron r2 and r3. Source: coupling maps of qiskit-ibm-runtime."""
_LINK_EVERY = 4
_LINKS = 4


def edges(topology: str, n_qubits: int) -> Edges:
    """Return the coupled pairs (low, high) of a lattice.

    Args:
        topology: One of ``TOPOLOGIES``. A grid is as square as can be, filled row by row; heavy_hex is IBM's own
            lattice for 127, 133 and 156 qubits, else the first qubits of Qiskit's heavy-hex code lattice.
        n_qubits: Size of the device.

    Raises:
        CircuitError: for an unknown topology.
    """
    if topology == "all_to_all":
        return [(a, b) for a in range(n_qubits) for b in range(a + 1, n_qubits)]
    if topology == "line":
        return [(a, a + 1) for a in range(n_qubits - 1)]
    if topology == "grid":
        return _grid(n_qubits)
    if topology == "heavy_hex":
        return _ibm(n_qubits) if n_qubits in _HEAVY_HEX else _heavy_hex(n_qubits)
    raise CircuitError(
        f"unknown topology {shorten(topology)!r}",
        allowed=", ".join(TOPOLOGIES),
        suggestion=nearest(topology, TOPOLOGIES),
    )


def heavy_hex_places(n_qubits: int) -> list[tuple[int, int]]:
    """Return where the qubits of IBM's lattice lie, as (column, row) to draw it; rows of links between rows of qubits.

    Raises:
        CircuitError: for a size that is not IBM's.
    """
    if n_qubits not in _HEAVY_HEX:
        raise CircuitError(f"no places for {n_qubits} qubits", allowed=", ".join(map(str, _HEAVY_HEX)))
    lengths, first_columns, link_columns, n_gaps = _HEAVY_HEX[n_qubits]
    places: list[tuple[int, int]] = []
    for row, (length, first) in enumerate(zip(lengths, first_columns, strict=True)):
        places += [(first + column, 2 * row) for column in range(length)]
        if row < n_gaps:
            places += [(link_columns[row % 2] + _LINK_EVERY * link, 2 * row + 1) for link in range(_LINKS)]
    return places


def _grid(n_qubits: int) -> Edges:
    rows = max(d for d in range(1, math.isqrt(n_qubits) + 1) if n_qubits % d == 0)
    columns = n_qubits // rows if rows * rows * 4 > n_qubits else math.isqrt(n_qubits - 1) + 1
    along = [(a, a + 1) for a in range(n_qubits - 1) if (a + 1) % columns]
    return sorted(along + [(a, a + columns) for a in range(n_qubits - columns)])


def _ibm(n_qubits: int) -> Edges:
    """Return IBM's lattice: rows of qubits, linked through four qubits in each gap."""
    lengths, first_columns, link_columns, n_gaps = _HEAVY_HEX[n_qubits]
    found: Edges = []
    starts, qubit = [], 0
    for row, length in enumerate(lengths):
        starts.append(qubit)
        found += [(a, a + 1) for a in range(qubit, qubit + length - 1)]
        qubit += length + (_LINKS if row < n_gaps else 0)
    for gap in range(n_gaps):
        for link in range(_LINKS):
            column = link_columns[gap % 2] + _LINK_EVERY * link
            middle = starts[gap] + lengths[gap] + link
            found.append((starts[gap] + column - first_columns[gap], middle))
            if gap + 1 < len(lengths):
                found.append((middle, starts[gap + 1] + column - first_columns[gap + 1]))
    return sorted(found)


def _heavy_hex(n_qubits: int) -> Edges:
    """Return the first qubits, breadth first, of the smallest heavy-hex lattice that holds them."""
    from qiskit.transpiler import CouplingMap

    distance = 3
    while (5 * distance**2 - 2 * distance - 1) // 2 < n_qubits:
        distance += 2
    lattice = {tuple(sorted(edge)) for edge in CouplingMap.from_heavy_hex(distance).get_edges()}
    order, queue = {0: 0}, [0]
    while queue:
        here = queue.pop(0)
        for near in sorted({b for a, b in lattice if a == here} | {a for a, b in lattice if b == here}):
            if near not in order:
                order[near] = len(order)
                queue.append(near)
    pairs = (sorted((order[a], order[b])) for a, b in lattice)
    return sorted((a, b) for a, b in pairs if b < n_qubits)
