"""One partition of a cut circuit: compiled once, with a hole at each cut that any of its maps can fill."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qhpcsim.circuits.simulator import for_simulator
from qhpcsim.core.errors import CircuitError

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

_MARK = "qhpcsim-cut-"


class Atom(NamedTuple):
    """An instruction, so written that equal ones have equal keys."""

    operation: Any
    qubits: tuple[int, ...]
    key: Hashable
    """Which instruction it is within its partition."""
    bit: int = -1
    """Classical bit of a measurement."""

    @property
    def name(self) -> str:
        """Name of the operation."""
        return str(self.operation.name)


@dataclass(frozen=True, slots=True)
class Hole:
    """Where a cut touches this partition."""

    cut: int
    variants: tuple[tuple[Atom, ...], ...]
    """The different things that the maps put here; measurements have no bit yet."""
    variant_of: NDArray[np.int64]
    """(n_maps,) variant of each map of the cut: several maps do the same here and differ in the other partition."""


@dataclass(frozen=True, slots=True)
class Template:
    """A partition's instructions in the simulator's own gates."""

    n_qubits: int
    items: tuple[Atom | Hole, ...]

    @property
    def holes(self) -> tuple[Hole, ...]:
        """The holes in the order of the circuit."""
        return tuple(item for item in self.items if isinstance(item, Hole))

    def atoms(self, variants: Sequence[int]) -> list[Atom]:
        """Return the instructions with the holes filled; measurements are numbered in their order.

        Args:
            variants: One for each hole.
        """
        found: list[Atom] = []
        choice = iter(variants)
        for item in self.items:
            found.extend(item.variants[next(choice)] if isinstance(item, Hole) else (item,))
        return numbered(found)


def numbered(atoms: Iterable[Atom], first: int = 0) -> list[Atom]:
    """Return instructions whose measurements write bits ``first``, ``first + 1`` …, in their order."""
    found, bit = [], first
    for atom in atoms:
        if atom.name == "measure":
            atom, bit = atom._replace(bit=bit), bit + 1
        found.append(atom)
    return found


def template(subcircuit: QuantumCircuit, where: str) -> Template:
    """Return a partition as ``partition_problem`` gives it, compiled at level 0.

    Args:
        subcircuit: Gates and ``SingleQubitQPDGate`` with the cut's number at the end of the label.
        where: Names the partition in messages.

    Raises:
        CircuitError: if a gate cannot be simulated, or it has measurements or unlabelled cuts.
    """
    from qiskit.circuit import Barrier, CircuitInstruction
    from qiskit_addon_cutting.qpd import SingleQubitQPDGate, TwoQubitQPDGate

    marked = subcircuit.copy_empty_like()
    cuts: list[tuple[Any, int]] = []
    for instruction in subcircuit.data:
        operation = instruction.operation
        if isinstance(operation, TwoQubitQPDGate) or instruction.clbits:
            raise CircuitError(f"{operation.name} in a partition", where=where, allowed="gates, resets and cuts")
        if isinstance(operation, SingleQubitQPDGate):
            label = f"{_MARK}{len(cuts)}"
            cuts.append((operation, _number(operation.label, where)))
            instruction = CircuitInstruction(Barrier(1, label=label), instruction.qubits)
        marked.append(instruction)
    compiled = for_simulator(marked, where)
    index = {bit: place for place, bit in enumerate(compiled.qubits)}
    slots: list[list[Atom | Hole]] = []
    slot_of: dict[int, int] = {}  # of a qubit whose last instruction was a cut
    for place, instruction in enumerate(compiled.data):
        operation, qubits = instruction.operation, tuple(index[bit] for bit in instruction.qubits)
        if operation.name != "barrier":
            slots.append([Atom(operation, qubits, place)])
            for qubit in qubits:
                slot_of.pop(qubit, None)
        elif str(operation.label).startswith(_MARK):
            # cuts that follow each other on a qubit share a slot: what they put there is told apart as a whole
            slot = slot_of.setdefault(qubits[0], len(slots))
            slots += [[]] if slot == len(slots) else []
            slots[slot].append(_hole(slot, *cuts[int(operation.label.removeprefix(_MARK))], qubits[0]))
    return Template(compiled.num_qubits, tuple(item for slot in slots for item in slot))


def _number(label: str | None, where: str) -> int:
    digits = str(label).rsplit("_", 1)[-1]
    if not digits.isdigit():
        raise CircuitError(f"a cut is labelled {label!r}", where=where, allowed="an end in _<number of the cut>")
    return int(digits)


def _hole(slot: int, gate: Any, cut: int, qubit: int) -> Hole:
    keys: dict[tuple[Hashable, ...], int] = {}
    variants: list[tuple[Atom, ...]] = []
    variant_of: list[int] = []
    for operations in (entry[gate.qubit_id] for entry in gate.basis.maps):
        key = tuple((operation.name, _parameters(operation)) for operation in operations)
        if key not in keys:
            keys[key] = len(variants)
            variants.append(tuple(_atom(slot, operation, qubit) for operation in operations))
        variant_of.append(keys[key])
    return Hole(cut, tuple(variants), np.array(variant_of, dtype=np.int64))


def _atom(slot: int, operation: Any, qubit: int) -> Atom:
    from qiskit.circuit import Measure

    if operation.name == "qpd_measure":
        return Atom(Measure(), (qubit,), (slot, "measure"))
    return Atom(operation, (qubit,), (slot, operation.name, _parameters(operation)))


def _parameters(operation: Any) -> tuple[Hashable, ...]:
    return tuple(p.tobytes() if isinstance(p, np.ndarray) else float(p) for p in operation.params)
