"""Sub-experiments as lists of instructions: reduced to what matters, free of mid-circuit measurements, written out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qhpcsim.circuits.cutting_template import Atom
from qhpcsim.core.errors import CircuitError

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

MOST_QUBITS = 26
"""Widest circuit that deferred measurements may make: a state vector of 1 GiB."""
GATE, SHOT_GATE, RUN = 2**11, 2**9, 2**18
"""Fixed costs of a gate, of a gate within a shot that is simulated by itself, and of a run, in amplitude updates.

From 14 µs, 3 µs and 1.2 ms beside 5.7 ns for an amplitude of a two-qubit gate on a server core (2026). They decide
how a circuit is run and in which order, never what comes out.
"""


def trimmed(atoms: Sequence[Atom]) -> list[Atom]:
    """Return the instructions on which some measurement depends, in their order.

    What lies outside the light cone of the measurements is gone, and so are resets of qubits that are still in |0>.
    """
    cone: set[int] = set()
    kept = []
    for atom in reversed(atoms):
        if atom.name == "measure":
            cone.add(atom.qubits[0])
        elif cone.isdisjoint(atom.qubits):
            continue
        elif atom.name == "reset":
            cone.discard(atom.qubits[0])
        else:
            cone.update(atom.qubits)
        kept.append(atom)
    touched: set[int] = set()
    found = []
    for atom in reversed(kept):
        if atom.name == "reset" and atom.qubits[0] not in touched:
            continue
        touched.update(atom.qubits)
        found.append(atom)
    return found


def deferred(atoms: Sequence[Atom], n_qubits: int) -> tuple[list[Atom], int]:
    """Return instructions with the same outcomes whose measurements all come last, and how many qubits they need.

    A measured qubit that is used again is copied to a fresh qubit, which is measured in its place; a qubit that is
    reset is left as it is, and a fresh one goes on in its stead.
    """
    from qiskit.circuit.library import CXGate

    wire, width = list(range(n_qubits)), n_qubits
    found: list[Atom] = []
    last: list[Atom] = []
    for place, atom in enumerate(atoms):
        if atom.name == "reset":
            wire[atom.qubits[0]], width = width, width + 1
            continue
        moved = atom._replace(qubits=tuple(wire[qubit] for qubit in atom.qubits))
        if atom.name != "measure":
            found.append(moved)
        elif not _changes_later(atoms[place + 1 :], atom.qubits[0]):
            last.append(moved)
        else:
            found.append(Atom(CXGate(), (moved.qubits[0], width), ("copy", atom.bit)))
            last.append(atom._replace(qubits=(width,)))
            width += 1
    return found + last, width


def _changes_later(later: Sequence[Atom], qubit: int) -> bool:
    """Return whether a gate acts on a qubit before it is reset."""
    for atom in later:
        if qubit in atom.qubits and atom.name != "measure":
            return atom.name != "reset"
    return False


def sampleable(atoms: Sequence[Atom]) -> bool:
    """Return whether one simulation serves all shots: only gates, then measurements; no resets but of fresh qubits."""
    from qiskit.circuit import Gate

    measured: set[int] = set()
    touched: set[int] = set()
    for atom in atoms:
        if atom.name == "measure":
            measured.add(atom.qubits[0])
        else:
            is_first = atom.name == "initialize" and touched.isdisjoint(atom.qubits)
            if not measured.isdisjoint(atom.qubits) or not (is_first or isinstance(atom.operation, Gate)):
                return False
        touched.update(atom.qubits)
    return True


def work(atoms: Sequence[Atom], shots: int) -> float:
    """Return about how many amplitude updates a run costs; for choices between circuits, not for times."""
    amplitudes = float(2 ** n_active(atoms))
    if sampleable(atoms):
        return RUN + len(atoms) * (GATE + amplitudes) + 20.0 * shots
    return RUN + shots * len(atoms) * (SHOT_GATE + amplitudes)


def ready(atoms: Sequence[Atom], n_qubits: int, shots: int) -> list[Atom]:
    """Return the instructions to run: with measurements deferred where that is cheaper or, for 0 shots, always.

    Raises:
        CircuitError: for 0 shots, if chance would still decide what the circuit does.
    """
    if sampleable(atoms):
        return list(atoms)
    found, _ = deferred(atoms, n_qubits)
    fits = n_active(found) <= MOST_QUBITS
    if shots:
        return found if fits and work(found, shots) < work(atoms, shots) else list(atoms)
    if not fits or not sampleable(found):
        words = "its instructions act by chance" if fits else f"it needs {n_active(found)} qubits"
        raise CircuitError(f"a sub-experiment has no exact values: {words}", where="shots", hint="give shots")
    return found


def n_active(atoms: Sequence[Atom]) -> int:
    """Return how many qubits instructions use."""
    return len({qubit for atom in atoms for qubit in atom.qubits})


def atoms_of(circuit: QuantumCircuit) -> list[Atom]:
    """Return the instructions of a circuit, each with its place as its key."""
    qubit = {bit: place for place, bit in enumerate(circuit.qubits)}
    clbit = {bit: place for place, bit in enumerate(circuit.clbits)}
    return [
        Atom(each.operation, tuple(qubit[bit] for bit in each.qubits), place, *(clbit[bit] for bit in each.clbits[:1]))
        for place, each in enumerate(circuit.data)
        if each.operation.name != "barrier"
    ]


def circuit_of(atoms: Sequence[Atom], name: str) -> QuantumCircuit:
    """Return instructions as a circuit on just the qubits that they use; bit b is its classical bit b."""
    from qiskit import QuantumCircuit
    from qiskit.circuit import CircuitInstruction

    used = sorted({qubit for atom in atoms for qubit in atom.qubits})
    place = {qubit: index for index, qubit in enumerate(used)}
    circuit = QuantumCircuit(len(used), 1 + max((atom.bit for atom in atoms), default=-1), name=name)
    for atom in atoms:
        qubits = tuple(circuit.qubits[place[qubit]] for qubit in atom.qubits)
        clbits = (circuit.clbits[atom.bit],) if atom.bit >= 0 else ()
        circuit._append(CircuitInstruction(atom.operation, qubits, clbits))
    return circuit
