"""Circuits by name: ``family:n:key=value,…`` such as ``qaoa:20:graph=regular3,seed=7``."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from qhpcsim.circuits.limits import LIMITS
from qhpcsim.core.errors import CircuitError, nearest, shorten
from qhpcsim.core.registry import Entry, lookup

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

N_COUNT_MAX = 100_000
"""Largest number of layers, steps or rounds."""


def is_named(text: str) -> bool:
    """Return whether a text means a circuit family and not a file: ``name:digits`` and maybe more."""
    parts = text.split(":")
    return len(parts) in (2, 3) and parts[0].isidentifier() and parts[1].isdigit()


def named_circuit(text: str, where: str = "--circuit") -> QuantumCircuit:
    """Return the circuit called ``family:n:params``; the same text always gives the same circuit.

    Raises:
        QhpcsimError: for an unknown family or parameter, or a value that does not fit; says what does.
    """
    if not is_named(text):
        allowed = "family:n or family:n:key=value,… (qhpcsim list circuit_families)"
        raise CircuitError(f"{shorten(text)!r} is no circuit", where=where, allowed=allowed)
    name, width, *rest = text.split(":")
    entry = lookup("circuit_family", name, where)
    n_qubits = int(width)
    if not 1 <= n_qubits <= LIMITS.n_qubits:
        raise CircuitError(f"{n_qubits:,} qubits", where=where, allowed=f"1 to {LIMITS.n_qubits:,}")
    params = _params(entry, rest[0] if rest else "", where)
    circuit: QuantumCircuit = entry.target(n_qubits, params)
    circuit.name = text
    return circuit


def _params(entry: Entry, text: str, where: str) -> Any:
    words = [word for word in text.split(",") if word]
    if entry.params is None:
        if words:
            raise CircuitError(f"{entry.name} has no parameters, got {shorten(text)!r}", where=where)
        return None
    kinds = {field.name: type(field.default) for field in fields(entry.params)}
    given: dict[str, Any] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or key not in kinds:
            raise CircuitError(
                f"{entry.name} has no parameter {shorten(key)!r}",
                where=where,
                allowed=", ".join(f"{k}={kind.__name__}" for k, kind in kinds.items()),
                suggestion=nearest(key, kinds),
            )
        given[key] = _value(value, kinds[key], f"{where}: {key}")
    return entry.params(**given)


def _value(text: str, kind: type, where: str) -> Any:
    """Return one value of a known type; whole numbers are counts from 0 to ``N_COUNT_MAX``."""
    if kind is bool:
        if text not in ("true", "false"):
            raise CircuitError(f"{shorten(text)!r}", where=where, allowed="true, false")
        return text == "true"
    if kind is str:
        return text
    try:
        value = kind(text)
    except ValueError:
        raise CircuitError(f"{shorten(text)!r} is no {kind.__name__}", where=where) from None
    if not 0 <= value <= N_COUNT_MAX:
        raise CircuitError(f"{shorten(text)}", where=where, allowed=f"0 to {N_COUNT_MAX:,}")
    return value
