"""What is left of a circuit once a simulator has dropped all that no result depends on, and whether it can sample."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from qhpcsim.circuits.gates import Gate, gate
from qhpcsim.circuits.walk import Step

_RESULTS = frozenset({"measure", "store"})
_RANDOM = frozenset({"reset", "branch"})
"""Kernels after which one state does not tell the outcome of every shot."""


@dataclass(frozen=True, slots=True)
class Active:
    """The part of a circuit that is simulated."""

    gates: tuple[Gate, ...]
    """In the order in which they run; where sampling is possible, measurements come last."""
    qubits: tuple[int, ...]
    """Qubits of the circuit that the state vector holds."""
    sampleable: bool
    """Whether one simulation serves all shots."""


def flat(path: Iterable[Step], weight: float = 1.0) -> list[Gate]:
    """Return the instructions of a circuit, each branch between two marks and counted by its share.

    Every way of an ``if`` or a ``switch`` is taken to be equally likely; so is not taking an ``if`` at all.
    """
    gates: list[Gate] = []
    for step in path:
        if step.operation.name == "barrier" or getattr(step.operation, "_directive", False):
            continue
        if not step.branches:
            gates.append(gate(step, weight))
            continue
        mark = Gate("mark", "branch", step.qubits, step.clbits, weight=weight, fusible=False)
        share = weight / max(2, len(step.branches))
        for branch in step.branches:
            gates += [mark, *flat(branch, share)]
        gates.append(mark)
    return gates


def active(gates: Sequence[Gate], observed: Sequence[int] = ()) -> Active:
    """Return the part of a circuit that its measurements and observables depend on.

    Args:
        gates: The circuit, flat.
        observed: Qubits of the observable whose expectation value is saved at the end.

    Returns:
        Gates outside the light cone are gone; a circuit without a result has no active qubit.
    """
    ends = set(observed)
    cone, kept = set(ends), []
    for item in reversed(gates):
        if item.name in _RESULTS or not cone.isdisjoint(item.qubits):
            cone.update(item.qubits)
            kept.append(item)
    kept.reverse()
    used = sorted({qubit for item in kept for qubit in item.qubits} | ends)
    sampleable = _can_sample(kept, bool(ends))
    return Active(tuple(_measured_last(kept) if sampleable else kept), tuple(used), sampleable)


def _can_sample(gates: Sequence[Gate], saves: bool) -> bool:
    """Return whether measurements, if any, can wait until the end and nothing before them is random."""
    measured: set[int] = set()
    for position, item in enumerate(gates):
        if item.kernel in _RANDOM or (item.kernel == "initialize" and position):
            return False
        if item.kernel == "measure":
            measured.update(item.qubits)
        elif not measured.isdisjoint(item.qubits):
            return False
    return not (saves and measured)


def _measured_last(gates: Sequence[Gate]) -> list[Gate]:
    return [g for g in gates if g.kernel != "measure"] + [g for g in gates if g.kernel == "measure"]
