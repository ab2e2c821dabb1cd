"""Which gates Qiskit Aer fuses into one matrix: its three passes, followed step by step, without running anything.

Model:
    Aer's default for the state-vector method. A circuit with more than ``THRESHOLD`` active qubits passes through:
    diagonal gates side by side (3 to 5 qubits); for N = 1, 2, gates inside the qubits of one N-qubit gate; then the
    cheapest division of the sequence into groups of at most 5 qubits by dynamic programming.
Assumes:
    A processor with AVX2, whose group costs are 1, 1, 1.1, 3 and 1.8³ for 1 to 5 qubits.
Not modelled:
    Noise, runtime parameter binding, options other than the defaults.
Source:
    Qiskit Aer 0.18, src/transpile/fusion.hpp, https://github.com/Qiskit/qiskit-aer
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from qhpcsim.circuits.gates import Gate

THRESHOLD = 14
"""Aer's fusion_threshold: circuits of so few qubits are run gate by gate."""
MAX_QUBITS = 5
"""Aer's fusion_max_qubit."""
MIN_DIAGONAL = 3
SINGLE_COST = 1.8
"""Aer's fusion_cost_factor: a gate left alone."""
GROUP_COST = (0.0, SINGLE_COST, *(SINGLE_COST ** (n - 1) for n in range(2, MAX_QUBITS + 1)))
"""Cost of a group by its number of qubits."""
PARALLEL_FROM = 10_000
"""Instructions from which Aer fuses the circuit in as many pieces as it has threads."""
_COST_DIAGONAL = frozenset({"u1", "cu1", "cp"})

_Pass = Callable[[list["Gate | None"], int, int], None]


def fuse(gates: Sequence[Gate], n_active: int, threads: int = 1) -> list[Gate]:
    """Return the operations that Aer runs in place of the gates.

    Args:
        gates: Instructions on the active qubits, in order, measurements at the end included.
        n_active: Number of active qubits.
        threads: Threads of the simulator.
    """
    if n_active <= THRESHOLD or len(gates) < 2:
        return list(gates)
    left = list(gates)
    for step in (_diagonals, _one_qubit, _two_qubits, _cheapest):
        left = _everywhere(step, left, threads)
    return left


def _everywhere(step: _Pass, gates: list[Gate], threads: int) -> list[Gate]:
    """Apply one pass between the instructions that cannot be fused; like Aer, never to the last one."""
    cells: list[Gate | None] = list(gates)
    n_pieces = 1 if threads <= 1 or len(gates) < PARALLEL_FROM else threads
    unit = -(-len(gates) // n_pieces)
    for first in range(0, len(gates), unit):
        last = min(first + unit, len(gates)) - 1
        start = first
        for i in range(first, last + 1):
            if gates[i].name in ("id", "u0"):
                continue
            if not _can_join(gates[i]) or i == last:
                step(cells, start, i)
                start = i + 1
    return [cell for cell in cells if cell is not None]


def _can_join(gate: Gate) -> bool:
    return gate.fusible and len(gate.qubits) <= MAX_QUBITS


def _merge(cells: list[Gate | None], members: list[int], place: int, diagonal: bool = False) -> None:
    """Put the fused matrix of some gates in one place, and nothing in the others."""
    gates = [gate for gate in (cells[i] for i in members) if gate is not None]
    qubits = tuple(sorted({qubit for gate in gates for qubit in gate.qubits}))
    mapping = _combined(gates, qubits)
    is_diagonal = diagonal or (mapping is not None and all(state == to for state, to in enumerate(mapping)))
    for i in members:
        cells[i] = None
    kernel = "diagonal" if is_diagonal else "matrix"
    name = "diagonal" if diagonal else "unitary"
    weight = max(gate.weight for gate in gates)
    cells[place] = Gate(name, kernel, qubits, (), is_diagonal, diagonal, weight, mapping)


def _combined(gates: list[Gate], qubits: tuple[int, ...]) -> tuple[int, ...] | None:
    """Return where a sequence of permutations sends each basis state; None if one of them is no permutation."""
    states = list(range(1 << len(qubits)))
    for gate in gates:
        if gate.mapping is None:
            return None
        if gate.diagonal:
            continue
        places = [qubits.index(qubit) for qubit in gate.qubits]
        states = [_moved(state, places, gate.mapping) for state in states]
    return tuple(states)


def _moved(state: int, places: list[int], mapping: tuple[int, ...]) -> int:
    local = sum(((state >> place) & 1) << i for i, place in enumerate(places))
    moved = mapping[local]
    for i, place in enumerate(places):
        state = state & ~(1 << place) | ((moved >> i) & 1) << place
    return state


def _diagonals(cells: list[Gate | None], start: int, end: int) -> None:
    """Fuse neighbouring diagonal gates on three to five qubits."""
    i = start
    while i < end:
        qubits: set[int] = set()
        stop = _diagonal_end(cells, i, end, qubits)
        if stop < 0 or len(qubits) > MAX_QUBITS:
            i += 1
            continue
        following = stop + 1
        while following < len(cells):
            stop = _diagonal_end(cells, following, end, qubits)
            if stop < 0 or len(qubits) > MAX_QUBITS:
                break
            following = stop + 1
        if len(qubits) < MIN_DIAGONAL:
            i += 1
            continue
        _merge(cells, list(range(i, following)), following - 1, diagonal=True)
        i = following


def _diagonal_end(cells: Sequence[Gate | None], start: int, end: int, qubits: set[int]) -> int:
    """Return the last gate of a diagonal block from ``start``, or -1; adds the qubits of the block.

    A block is a diagonal gate, or a list of CX, diagonal gates, and the same list backwards.
    """
    first = cells[start]
    assert first is not None
    if first.joins_diagonal:
        qubits.update(first.qubits)
        return start
    middle = start
    while middle < end and _name(cells, middle) == "cx":
        middle += 1
    if middle in (start, end):
        return -1
    after = middle
    while after < end and _joins(cells, after):
        after += 1
    if after in (middle, end):
        return -1
    n_cx = middle - start
    if after + n_cx > end:
        return -1
    for back in range(n_cx):
        gate, mirror = cells[after + back], cells[middle - 1 - back]
        if gate is None or mirror is None or (gate.name, gate.qubits) != (mirror.name, mirror.qubits):
            return -1
    for cell in cells[start:after]:
        if cell is not None:
            qubits.update(cell.qubits)
    return after + n_cx - 1


def _name(cells: Sequence[Gate | None], i: int) -> str:
    gate = cells[i]
    return "" if gate is None else gate.name


def _joins(cells: Sequence[Gate | None], i: int) -> bool:
    gate = cells[i]
    return gate is not None and gate.joins_diagonal


def _one_qubit(cells: list[Gate | None], start: int, end: int) -> None:
    _inside(cells, start, end, 1)


def _two_qubits(cells: list[Gate | None], start: int, end: int) -> None:
    _inside(cells, start, end, 2)


def _inside(cells: list[Gate | None], start: int, end: int, width: int) -> None:
    """Fuse each gate of a width with the gates before and after it that stay inside its qubits."""
    for i in range(start, end):
        gate = cells[i]
        if gate is None or len(gate.qubits) != width:
            continue
        before = _reachable(cells, gate.qubits, range(i - 1, start - 1, -1))
        after = _reachable(cells, gate.qubits, range(i + 1, end))
        if before or after:
            _merge(cells, [*reversed(before), i, *after], i)


def _reachable(cells: Sequence[Gate | None], qubits: tuple[int, ...], path: range) -> list[int]:
    """Return the gates on the way that act on these qubits only, as long as a qubit is not used with another."""
    free = list(qubits)
    found = []
    for i in path:
        gate = cells[i]
        if gate is None:
            continue
        if all(qubit in free for qubit in gate.qubits):
            found.append(i)
            continue
        free = [qubit for qubit in free if qubit not in gate.qubits]
        if not free:
            break
    return found


def _cheapest(cells: list[Gate | None], start: int, end: int) -> None:
    """Divide the sequence into groups of at most ``MAX_QUBITS`` qubits at the least cost; ties go to longer groups."""
    if end <= start:
        return
    gates = [gate for gate in cells[start:end] if gate is not None]
    costs: list[float] = []
    begins: list[int] = []
    for i, gate in enumerate(gates):
        alone = 0.0 if gate.name in ("id", "u0") else SINGLE_COST
        best, begin = alone + (costs[i - 1] if i else 0.0), i
        qubits = set(gate.qubits)
        for j in range(i - 1, -1, -1):
            qubits.update(gates[j].qubits)
            if len(qubits) > MAX_QUBITS:
                break
            cost = (1.0 if _is_cheap_diagonal(gates, j, i) else GROUP_COST[len(qubits)]) + (costs[j - 1] if j else 0.0)
            if cost <= best:
                best, begin = cost, j
        costs.append(best)
        begins.append(begin)
    i = len(gates) - 1
    while i >= 0:
        if begins[i] != i:
            _merge(cells, list(range(start + begins[i], start + i + 1)), start + i)
        i = begins[i] - 1


def _is_cheap_diagonal(gates: Sequence[Gate], first: int, last: int) -> bool:
    """Return whether a group is made of phases, or of CX, u1, CX, all that Aer's cost takes as diagonal."""
    i = first
    while i <= last:
        if gates[i].name in _COST_DIAGONAL:
            i += 1
        elif i + 2 <= last and _is_cx_u1_cx(gates[i], gates[i + 1], gates[i + 2]):
            i += 3
        else:
            return False
    return True


def _is_cx_u1_cx(a: Gate, b: Gate, c: Gate) -> bool:
    return (a.name, b.name, c.name) == ("cx", "u1", "cx") and a.qubits == c.qubits and a.qubits[1] == b.qubits[0]
