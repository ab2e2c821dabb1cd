"""Where a circuit is cut, and the parts that the cuts leave."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from qhpcsim.circuits.cut_circuit import CutCircuit
from qhpcsim.core.errors import CircuitError, shorten

if TYPE_CHECKING:
    from qiskit import QuantumCircuit


class Cuts(NamedTuple):
    """Places of cuts in a ``CutCircuit``, each in ascending order."""

    gates: tuple[int, ...] = ()
    """Positions of the two-qubit gates that are cut."""
    wires: tuple[tuple[int, int], ...] = ()
    """(position of a gate, active qubit): that qubit is cut right before that gate."""

    @property
    def n_cuts(self) -> int:
        """Gate cuts and wire cuts."""
        return len(self.gates) + len(self.wires)


class Item(NamedTuple):
    """One instruction of the circuit with its wires split at wire cuts."""

    operation: Any
    """The Qiskit gate; None for a wire cut."""
    wires: tuple[int, ...]
    cut: int | None
    """Number of the cut, counted in order of the instructions; None: not cut."""


class Bases:
    """The library's decompositions of cut gates, each made once.

    Args:
        where: Name of the circuit for messages.
    """

    def __init__(self, where: str = "circuit") -> None:
        self.where = where
        self._known: dict[Any, Any] = {}

    def of(self, operation: Any) -> Any:
        """Return the ``QPDBasis`` of a gate, or of a wire cut for None.

        Raises:
            CircuitError: if the library cannot decompose the gate.
        """
        from qiskit_addon_cutting.instructions import Move
        from qiskit_addon_cutting.qpd import QPDBasis

        key = _basis_key(operation)
        if key not in self._known:
            try:
                self._known[key] = QPDBasis.from_instruction(Move() if operation is None else operation)
            except ValueError as error:
                raise CircuitError(
                    f"gate {operation.name!r} cannot be cut: {shorten(error)}",
                    where=self.where,
                    hint="write it in standard gates: qiskit.transpile(circuit, basis_gates=['rz', 'sx', 'cx'])",
                ) from None
        return self._known[key]

    def log_overhead(self, operation: Any) -> float:
        """Return the natural logarithm of γ² of a cut."""
        return 2.0 * math.log(float(self.of(operation).kappa))


def _basis_key(operation: Any) -> Any:
    """Return what tells decompositions apart: name and numbers; any other gate is its own key."""
    if operation is None:
        return None
    if all(isinstance(value, (int, float)) for value in operation.params) and operation.base_class is not None:
        return operation.name, operation.base_class, tuple(operation.params), getattr(operation, "ctrl_state", None)
    return id(operation)


@dataclass(frozen=True)
class Layout:
    """A cut circuit: wires, instructions and parts. Cuts inside one part have been taken back."""

    circuit: CutCircuit
    cuts: Cuts
    wire_qubits: tuple[int, ...]
    """Active qubit of each wire; the pieces of a cut qubit follow each other, the last one carries its observable."""
    labels: tuple[int, ...]
    """Part of each wire, counted from 0."""
    items: tuple[Item, ...]

    @property
    def n_parts(self) -> int:
        """Parts that run on their own."""
        return 1 + max(self.labels)

    @cached_property
    def final_wires(self) -> tuple[int, ...]:
        """Wire on which each active qubit ends."""
        ends = dict(zip(self.wire_qubits, range(len(self.wire_qubits)), strict=True))
        return tuple(ends[qubit] for qubit in range(self.circuit.n_qubits))

    @cached_property
    def wires_of(self) -> tuple[tuple[int, ...], ...]:
        """Wires of each part, ascending."""
        found: list[list[int]] = [[] for _ in range(self.n_parts)]
        for wire, label in enumerate(self.labels):
            found[label].append(wire)
        return tuple(tuple(wires) for wires in found)

    @property
    def widths(self) -> tuple[int, ...]:
        """Qubits of each part, those that wire cuts add included."""
        return tuple(len(wires) for wires in self.wires_of)

    @cached_property
    def cut_items(self) -> tuple[Item, ...]:
        """The instructions that are cut, in the order of their numbers."""
        return tuple(item for item in self.items if item.cut is not None)

    def letters(self, term: int, part: int) -> str:
        """Return the letters of an observable's term on the wires of a part, in their order."""
        ends = {wire: qubit for qubit, wire in enumerate(self.final_wires)}
        wires = self.wires_of[part]
        return "".join(self.circuit.letters(term, (ends[w],)) if w in ends else "I" for w in wires)

    def expanded(self) -> QuantumCircuit:
        """Return the circuit on its wires, the cuts marked as the library's ``TwoQubitQPDGate``."""
        from qiskit import QuantumCircuit
        from qiskit_addon_cutting.instructions import Move
        from qiskit_addon_cutting.qpd import TwoQubitQPDGate

        circuit = QuantumCircuit(len(self.wire_qubits))
        for item in self.items:
            operation = Move() if item.operation is None else item.operation
            marked = operation if item.cut is None else TwoQubitQPDGate.from_instruction(operation)
            circuit.append(marked, item.wires)
        return circuit


def laid_out(circuit: CutCircuit, cuts: Cuts, qubit_labels: Sequence[Any] | None = None) -> Layout:
    """Return the parts that cuts leave.

    Args:
        circuit: What is cut.
        cuts: Where; a cut whose two sides stay connected otherwise is taken back, for it costs and gains nothing.
        qubit_labels: Part of each active qubit, by the user; None: whatever hangs together is one part. With labels
            there are no wire cuts and a part may consist of pieces that do not hang together.
    """
    wire_qubits, items = _split(circuit, cuts)
    if qubit_labels is None:
        labels = _components(len(wire_qubits), items)
        needed = _needed(circuit, cuts, items, labels)
        if needed != cuts:
            return laid_out(circuit, needed)
    else:
        numbers = {label: i for i, label in enumerate(dict.fromkeys(qubit_labels))}
        labels = [numbers[qubit_labels[qubit]] for qubit in wire_qubits]
    return Layout(circuit, cuts, tuple(wire_qubits), tuple(labels), tuple(items))


def _split(circuit: CutCircuit, cuts: Cuts) -> tuple[list[int], list[Item]]:
    """Return the qubit of each wire and the instructions on wires, wire cuts as instructions of their own."""
    n_pieces = [1] * circuit.n_qubits
    for _, qubit in cuts.wires:
        n_pieces[qubit] += 1
    wire_qubits = [qubit for qubit, pieces in enumerate(n_pieces) for _ in range(pieces)]
    now = [sum(n_pieces[:qubit]) for qubit in range(circuit.n_qubits)]
    before: dict[int, list[int]] = {}
    for position, qubit in cuts.wires:
        before.setdefault(position, []).append(qubit)
    gates = frozenset(cuts.gates)
    items: list[Item] = []
    n_seen = 0
    for position, op in enumerate(circuit.ops):
        for qubit in before.get(position, ()):
            items.append(Item(None, (now[qubit], now[qubit] + 1), n_seen))
            now[qubit] += 1
            n_seen += 1
        cut = n_seen if position in gates else None
        n_seen += cut is not None
        items.append(Item(op.operation, tuple(now[qubit] for qubit in op.qubits), cut))
    return wire_qubits, items


def _components(n_wires: int, items: Sequence[Item]) -> list[int]:
    """Return the connected part of each wire; parts are numbered by their first wire."""
    parent = list(range(n_wires))

    def root(wire: int) -> int:
        while parent[wire] != wire:
            parent[wire] = parent[parent[wire]]
            wire = parent[wire]
        return wire

    for item in items:
        if item.cut is None and len(item.wires) == 2:
            a, b = sorted(map(root, item.wires))
            parent[b] = a
    numbers: dict[int, int] = {}
    return [numbers.setdefault(root(wire), len(numbers)) for wire in range(n_wires)]


def _needed(circuit: CutCircuit, cuts: Cuts, items: Sequence[Item], labels: Sequence[int]) -> Cuts:
    """Return the cuts that lie between two different parts."""
    gates: list[int] = []
    wires: list[tuple[int, int]] = []
    places = iter(cuts.wires)
    position = 0
    for item in items:
        apart = item.cut is not None and labels[item.wires[0]] != labels[item.wires[1]]
        if item.operation is None:
            place = next(places)
            wires += [place] if apart else []
            continue
        gates += [position] if apart else []
        position += 1
    return Cuts(tuple(gates), tuple(wires))
