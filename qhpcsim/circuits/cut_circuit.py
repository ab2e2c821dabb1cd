"""The part of a circuit that its observables depend on, in gates that can be cut."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from qhpcsim.circuits.checks import check_circuit
from qhpcsim.circuits.observable import Observable
from qhpcsim.circuits.walk import Step, definition, standard_gates, steps
from qhpcsim.core.errors import CircuitError, shorten

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

    from qhpcsim.circuits.cut_request import CutRequest

_NOT_UNITARY = frozenset({"measure", "reset", "initialize", "store", "kraus", "superop"})
_MAX_DEPTH = 50
"""Definitions inside each other, below a library gate."""


class Op(NamedTuple):
    """A unitary gate on one or two active qubits."""

    operation: Any
    """The Qiskit gate."""
    qubits: tuple[int, ...]
    """Counted among the active qubits."""


@dataclass(frozen=True, slots=True)
class CutCircuit:
    """A circuit reduced to the light cone of its observables: what candidates cut and what is run."""

    qubits: tuple[int, ...]
    """Active qubits of the original circuit, ascending; position is the number by which ``ops`` name them."""
    n_declared: int
    """Qubits of the original circuit."""
    ops: tuple[Op, ...]
    """Gates on one or two qubits, in order."""
    terms: tuple[str, ...]
    """Distinct Pauli strings on the active qubits (last letter: first active qubit), the identity left out."""
    coefficients: tuple[tuple[float, ...], ...]
    """For each observable, its coefficient of each of ``terms``."""
    constants: tuple[float, ...]
    """For each observable, its coefficient of the identity."""
    notes: tuple[str, ...]
    """What was changed on the way, in words."""

    @property
    def n_qubits(self) -> int:
        """Active qubits."""
        return len(self.qubits)

    def letters(self, term: int, wires: Sequence[int]) -> str:
        """Return the letters of a term on some active qubits, in their order."""
        text = self.terms[term]
        return "".join(text[self.n_qubits - 1 - wire] for wire in wires)

    def circuit(self) -> QuantumCircuit:
        """Return the reduced circuit on its active qubits, without measurements."""
        from qiskit import QuantumCircuit

        circuit = QuantumCircuit(self.n_qubits)
        for op in self.ops:
            circuit.append(op.operation, op.qubits)
        return circuit


def reduced(request: CutRequest) -> CutCircuit:
    """Return what is left of a request's circuit inside the light cone of all its observables.

    The expectation values are those of the whole circuit exactly: what is dropped lies after the last gate that
    any observable depends on.

    Raises:
        CircuitError: for a measurement, reset or branch before the end, or a gate without a definition.
    """
    check_circuit(request.circuit, request.where)
    notes: list[str] = []
    path = _unitary(list(steps(request.circuit)), request.where, notes)
    ops = list(_small(path, notes, request.where))
    observed = sorted({qubit for observable in request.observables for qubit in observable.qubits()})
    kept, used = _cone(ops, observed)
    if not used:
        raise CircuitError("no observable acts on a qubit", where=request.where, allowed="X, Y or Z somewhere")
    dropped = request.circuit.num_qubits - len(used)
    if dropped or len(kept) < len(ops):
        notes.append(f"light cone: {dropped} qubits and {len(ops) - len(kept)} gates do not matter")
    place = {qubit: i for i, qubit in enumerate(used)}
    terms, coefficients, constants = _terms(request.observables, used)
    return CutCircuit(
        qubits=tuple(used),
        n_declared=request.circuit.num_qubits,
        ops=tuple(Op(op.operation, tuple(place[q] for q in op.qubits)) for op in kept),
        terms=terms,
        coefficients=coefficients,
        constants=constants,
        notes=tuple(notes),
    )


def _unitary(path: Sequence[Step], where: str, notes: list[str]) -> list[Step]:
    """Return the gates of a circuit; final measurements, barriers and delays go, anything else is refused."""
    gates: list[Step] = []
    ended: set[int] = set()
    for step in path:
        name = step.operation.name
        if name in ("barrier", "delay") or getattr(step.operation, "_directive", False):
            continue
        if name == "measure":
            ended.update(step.qubits)
            continue
        if step.branches or name in _NOT_UNITARY:
            raise _not_unitary(f"{name!r} on qubits {list(step.qubits)}", where)
        late = sorted(ended.intersection(step.qubits))
        if late:
            raise _not_unitary(f"qubit {late[0]} is used ({name!r}) after its measurement", where)
        if step.qubits:
            gates.append(step)
    if ended:
        notes.append(f"final measurements of {len(ended)} qubits left out: the observables are measured instead")
    return gates


def _not_unitary(what: str, where: str) -> CircuitError:
    return CircuitError(
        f"cannot be cut: {what}",
        where=where,
        allowed="gates, with measurements at the end only",
        hint="cut the unitary part before it, or run the circuit whole",
    )


def _small(path: Iterable[Step], notes: list[str], where: str) -> Iterator[Op]:
    """Yield gates of one and two qubits; wider ones by their definitions, which are exact up to a global phase."""
    wide: list[str] = []
    for step in path:
        if len(step.qubits) > 2 and step.operation.name not in wide:
            wide.append(step.operation.name)
        yield from _parts(step.operation, step.qubits, where, 0)
    if wide:
        notes.append(f"written in gates of one and two qubits, which can be cut: {shorten(', '.join(sorted(wide)))}")


def _parts(operation: Any, qubits: tuple[int, ...], where: str, depth: int) -> Iterator[Op]:
    if operation.name in _NOT_UNITARY:
        raise _not_unitary(f"{operation.name!r} on qubits {list(qubits)}", where)
    if operation.name == "barrier":
        return
    as_it_stands = operation.name in standard_gates() or getattr(operation, "definition", None) is None
    if len(qubits) <= 2 and (as_it_stands or operation.name == "unitary"):
        yield Op(operation, qubits)
        return
    if depth > _MAX_DEPTH:
        raise CircuitError(f"gates nested more than {_MAX_DEPTH} deep", where=where)
    inner = definition(operation)
    place = {bit: qubits[i] for i, bit in enumerate(inner.qubits)}
    for item in inner.data:
        yield from _parts(item.operation, tuple(place[bit] for bit in item.qubits), where, depth + 1)


def _cone(ops: Sequence[Op], observed: Sequence[int]) -> tuple[list[Op], list[int]]:
    """Return the gates that observed qubits depend on, and their qubits in ascending order."""
    cone = set(observed)
    kept = []
    for op in reversed(ops):
        if not cone.isdisjoint(op.qubits):
            cone.update(op.qubits)
            kept.append(op)
    return kept[::-1], sorted(cone)


def _terms(
    observables: Sequence[Observable], used: Sequence[int]
) -> tuple[tuple[str, ...], tuple[tuple[float, ...], ...], tuple[float, ...]]:
    """Return the distinct terms on the active qubits, each observable's coefficients, and the constants."""
    found: dict[str, None] = {}
    tables: list[dict[str, float]] = []
    for observable in observables:
        last = observable.n_qubits - 1
        table: dict[str, float] = {}
        for letters, value in observable.terms:
            short = "".join(letters[last - qubit] for qubit in reversed(used))
            table[short] = table.get(short, 0.0) + value
        tables.append(table)
        found |= dict.fromkeys(table)
    identity = "I" * len(used)
    terms = tuple(text for text in found if text != identity)
    coefficients = tuple(tuple(table.get(text, 0.0) for text in terms) for table in tables)
    return terms, coefficients, tuple(table.get(identity, 0.0) for table in tables)
