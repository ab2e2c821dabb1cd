"""Walks over the instructions that really run: loops unrolled, defined gates expanded, branches marked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from qhpcsim.core.errors import CircuitError, shorten

_MAX_DEPTH = 200
"""Definitions and blocks inside each other; deeper ones are refused before Python's stack ends."""


class Step(NamedTuple):
    """One instruction and the bits of the outermost circuit that it acts on."""

    operation: Any
    qubits: tuple[int, ...]
    clbits: tuple[int, ...]
    branches: tuple[list[Step], ...] = ()
    """Of an if or a switch: what each way runs."""


@lru_cache(maxsize=1)
def standard_gates() -> frozenset[str]:
    """Return the names of Qiskit's standard gates and instructions, which stay as they are."""
    from qiskit.circuit.library import get_standard_gate_name_mapping

    return frozenset(get_standard_gate_name_mapping()) | {"barrier", "delay", "measure", "reset"}


def steps(circuit: Any) -> Iterator[Step]:
    """Yield the instructions of a Qiskit circuit in order.

    Raises:
        CircuitError: for a while loop, a jump out of a loop, or a gate without a definition.
    """
    return _steps(circuit, range(circuit.num_qubits), range(circuit.num_clbits), 0)


def _steps(circuit: Any, qubits: Sequence[int], clbits: Sequence[int], depth: int) -> Iterator[Step]:
    if depth > _MAX_DEPTH:
        raise CircuitError(f"gates and blocks nested more than {_MAX_DEPTH} deep")
    place_q = dict(zip(circuit.qubits, qubits, strict=True))
    place_c = dict(zip(circuit.clbits, clbits, strict=True))
    for item in circuit.data:
        q = tuple(place_q[bit] for bit in item.qubits)
        c = tuple(place_c[bit] for bit in item.clbits)
        yield from _expand(item.operation, q, c, depth)


def _expand(operation: Any, q: tuple[int, ...], c: tuple[int, ...], depth: int) -> Iterator[Step]:
    name = operation.name
    if name == "for_loop":
        yield from _rounds(operation, q, c, depth)
    elif name in ("if_else", "switch_case"):
        yield Step(operation, q, c, tuple(list(_steps(block, q, c, depth + 1)) for block in operation.blocks))
    elif name == "box":
        yield from _steps(operation.blocks[0], q, c, depth + 1)
    elif name in ("while_loop", "break_loop", "continue_loop"):
        raise CircuitError(f"{name}: the number of rounds is not known", hint="write a for loop without jumps")
    elif is_leaf(operation):
        yield Step(operation, q, c)
    else:
        yield from _steps(definition(operation), q, c, depth + 1)


def _rounds(operation: Any, q: tuple[int, ...], c: tuple[int, ...], depth: int) -> Iterator[Step]:
    """Yield a for loop's rounds; a body without loops is walked once and repeated."""
    indices, _, body = operation.params
    kept = None if body.has_control_flow_op() else list(_steps(body, q, c, depth + 1))
    for _ in indices:
        yield from _steps(body, q, c, depth + 1) if kept is None else kept


def is_leaf(operation: Any) -> bool:
    """Return whether an instruction stays as it is: all but gates that the circuit's author defined."""
    if operation.name in standard_gates() or getattr(operation, "_directive", False):
        return True
    # A singleton such as C3XGate() is of a nameless class of its own; base_class is the one from the library.
    return getattr(operation, "base_class", type(operation)).__module__.startswith("qiskit.circuit.library")


def definition(operation: Any) -> Any:
    """Return the definition of a gate.

    Raises:
        CircuitError: if it has none, or its parameters do not fit it.
    """
    try:
        found = getattr(operation, "definition", None)
    except Exception as error:
        raise CircuitError(f"the definition of {operation.name!r} does not work: {shorten(error, 120)}") from None
    if found is None:
        raise CircuitError(
            f"gate {operation.name!r} has no definition, so no device can run it", hint="define it, or leave it out"
        )
    return found
