"""How a GPU simulator groups gates into matrices, and which qubits of a distributed state must change places."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from qhpcsim.circuits.gates import Gate

NO_WORK = frozenset({"idle", "branch", "measure", "save"})
"""Kernels that leave the state as it is, or are not part of a simulation's passes."""
_LAST_ONLY = frozenset({"permutation", "controlled"})
"""Kernels of controlled gates: the last qubit is the target, the others only decide."""
_FAR = 1 << 60


class Operation(NamedTuple):
    """One pass over the state."""

    n_qubits: int
    touched_frac: float
    """Share of the amplitudes that are read and written."""
    weight: float = 1.0


class Exchanges(NamedTuple):
    """Swaps of one distributed qubit with one local qubit: half of every device's state moves each time."""

    inside: float
    """Between devices of one node."""
    between: float
    """Between nodes."""


def targets(gate: Gate) -> tuple[int, ...]:
    """Return the qubits of a gate that must be local: not those that only control it or take a phase."""
    if gate.diagonal or gate.kernel in NO_WORK:
        return ()
    if gate.kernel in _LAST_ONLY and not gate.name.endswith("swap") and gate.name != "pauli":
        return gate.qubits[-1:]
    return gate.qubits


def touched_frac(gate: Gate) -> float:
    """Return the share of the amplitudes that a gate changes by itself."""
    if gate.kernel == "phase":
        return 0.5 ** len(gate.qubits)
    return 0.5 ** (len(gate.qubits) - len(targets(gate))) if gate.kernel in _LAST_ONLY else 1.0


def operations(gates: Iterable[Gate], width: int) -> list[Operation]:
    """Return the passes over the state when neighbouring gates on at most ``width`` qubits become one matrix.

    A gate on one qubit joins the group that is open on its qubit, else the next gate there; a gate on more joins the
    open group if that stays within ``width``, else it opens another. Width 1: every gate is a pass of its own.
    """
    real = [gate for gate in gates if gate.kernel not in NO_WORK]
    if width <= 1:
        return [Operation(len(gate.qubits), touched_frac(gate), gate.weight) for gate in real]
    groups: list[list[Gate]] = []
    spans: list[set[int]] = []
    waiting: defaultdict[int, list[Gate]] = defaultdict(list)
    for gate in real:
        if len(gate.qubits) == 1:
            if spans and gate.qubits[0] in spans[-1]:
                groups[-1].append(gate)
            else:
                waiting[gate.qubits[0]].append(gate)
        else:
            early = [item for qubit in gate.qubits for item in waiting.pop(qubit, [])]
            _join(groups, spans, [*early, gate], width)
    _left_over(groups, spans, waiting, width)
    return [_operation(group, span) for group, span in zip(groups, spans, strict=True)]


def _join(groups: list[list[Gate]], spans: list[set[int]], gates: list[Gate], width: int) -> None:
    """Add gates to the open group, or open another."""
    qubits = {qubit for gate in gates for qubit in gate.qubits}
    if not spans or len(spans[-1] | qubits) > width:
        groups.append([])
        spans.append(set())
    groups[-1] += gates
    spans[-1] |= qubits


def _left_over(groups: list[list[Gate]], spans: list[set[int]], waiting: dict[int, list[Gate]], width: int) -> None:
    """Give gates that no later gate took to the last group on their qubit; the rest form groups of their own."""
    used: set[int] = set().union(*spans) if spans else set()
    for qubit in sorted(waiting):
        if qubit not in used:
            _join(groups, spans, waiting[qubit], width)


def _operation(gates: Sequence[Gate], span: set[int]) -> Operation:
    alone = touched_frac(gates[0]) if len(gates) == 1 else 1.0
    return Operation(len(span), alone, max(gate.weight for gate in gates))


def per_gate_exchanges(gates: Iterable[Gate], n_qubits: int, n_inside: int, n_between: int) -> Exchanges:
    """Return the swaps when each gate fetches the distributed qubits it needs: the last ones, between nodes highest.

    Args:
        gates: Gates on ``n_qubits`` qubits.
        n_qubits: Size of the state.
        n_inside: Qubits that number the devices of a node.
        n_between: Qubits that number the nodes.
    """
    return _fetched(((targets(gate), gate.weight) for gate in gates), n_qubits, n_inside, n_between)


def every_qubit_exchanges(gates: Iterable[Gate], n_qubits: int, n_inside: int, n_between: int) -> Exchanges:
    """Return the swaps when a gate fetches all of its qubits, also those that control it or only take a phase."""
    real = ((gate.qubits, gate.weight) for gate in gates if gate.kernel not in NO_WORK)
    return _fetched(real, n_qubits, n_inside, n_between)


def _fetched(needs: Iterable[tuple[tuple[int, ...], float]], n_qubits: int, n_inside: int, n_between: int) -> Exchanges:
    """Return one swap for each distributed qubit of each gate, given as qubits and weight."""
    first_between, first_inside = n_qubits - n_between, n_qubits - n_between - n_inside
    inside = between = 0.0
    for qubits, weight in needs:
        for qubit in qubits:
            between += weight * (qubit >= first_between)
            inside += weight * (first_inside <= qubit < first_between)
    return Exchanges(inside, between)


def staged_exchanges(gates: Iterable[Gate], n_qubits: int, n_inside: int, n_between: int) -> Exchanges:
    """Return the swaps when gates are put off so that many run before qubits change places.

    In each stage all gates run whose targets are local and that no gate put off holds back; then the qubits become
    local that are needed first, or most often, whichever lets more gates run. Arguments as ``per_gate_exchanges``.
    """
    pending = [(frozenset(targets(gate)), gate.qubits) for gate in gates if gate.kernel not in NO_WORK]
    n_far = n_inside + n_between
    place: dict[int, int] = {}
    swaps = [0, 0]
    while pending and n_far:
        pending, order = _stage(pending, n_qubits, n_far, place)
        far = order[n_qubits - n_far :]
        if not place:
            kinds = [0] * n_inside + [1] * n_between
        else:
            kinds = sorted(place[qubit] for qubit in order[: n_qubits - n_far] if qubit in place)
            for kind in kinds:
                swaps[kind] += 1
        stay = {qubit: place[qubit] for qubit in far if qubit in place}
        place = stay | dict(zip((qubit for qubit in far if qubit not in place), kinds, strict=True))
    return Exchanges(*map(float, swaps))


_Pending = list[tuple[frozenset[int], tuple[int, ...]]]


def _stage(pending: _Pending, n_qubits: int, n_far: int, far: dict[int, int]) -> tuple[_Pending, list[int]]:
    """Return the gates that a stage leaves and the qubits, those that are local first."""
    first: dict[int, int] = {}
    often: Counter[int] = Counter()
    for position, (needed, _) in enumerate(pending):
        for qubit in needed:
            first.setdefault(qubit, position)
            often[qubit] += 1

    def soon(qubit: int) -> tuple[int, ...]:
        return first.get(qubit, _FAR), qubit in far, qubit

    def busy(qubit: int) -> tuple[int, ...]:
        return -often[qubit], *soon(qubit)

    keys: tuple[Callable[[int], tuple[int, ...]], ...] = (soon, busy)
    orders = [sorted(range(n_qubits), key=key) for key in keys]
    left = [_held_back(pending, set(order[: n_qubits - n_far])) for order in orders]
    best = 0 if len(left[0]) <= len(left[1]) else 1
    far_last = sorted(orders[best][n_qubits - n_far :], key=soon)
    return left[best], orders[best][: n_qubits - n_far] + far_last


def _held_back(pending: _Pending, local: set[int]) -> _Pending:
    """Return the gates that cannot run while these qubits are local; controls and phases pass one another."""
    held_target: set[int] = set()
    held_control: set[int] = set()
    left: _Pending = []
    for needed, qubits in pending:
        free = held_target.isdisjoint(qubits) and held_control.isdisjoint(needed)
        if needed <= local and free:
            continue
        left.append((needed, qubits))
        held_target |= needed
        held_control.update(qubit for qubit in qubits if qubit not in needed)
    return left
