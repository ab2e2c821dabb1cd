"""What every circuit must fulfil, wherever it comes from."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from qhpcsim.circuits.limits import LIMITS, Limits
from qhpcsim.circuits.walk import Step, steps
from qhpcsim.core.errors import CircuitError, shorten

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

_DELAY_SCALE = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "ps": 1e-12, "dt": 1e-9}
"""Unit -> seconds; a device tick (dt) is taken as 1 ns, longer than any real one."""
_PHASES_ONLY = frozenset(
    {"id", "z", "s", "sdg", "t", "tdg", "p", "u1", "rz", "cz", "cs", "csdg", "cp", "cu1", "crz", "rzz", "ccz"}
    | {"global_phase", "barrier", "delay"}
)
"""Instructions that leave |0…0⟩ as it is, but for its phase."""


def check_circuit(circuit: QuantumCircuit, where: str = "circuit", limits: Limits = LIMITS) -> frozenset[str]:
    """Return the names of all instructions that a circuit runs, after checking its size, parameters and angles.

    Raises:
        CircuitError: no or too many qubits or gates, unbound parameters (by name), a gate without a definition,
            an endless loop, an angle that is not finite, an impossible delay.
    """
    if circuit.num_qubits == 0:
        raise CircuitError("no qubits: the circuit is empty", where=where)
    for n_bits, n_max, what in (
        (circuit.num_qubits, limits.n_qubits, "qubits"),
        (circuit.num_clbits, limits.n_clbits, "classical bits"),
    ):
        if n_bits > n_max:
            raise CircuitError(f"width limit: {n_bits:,} {what}", where=where, allowed=f"at most {n_max:,}")
    unbound = sorted(parameter.name for parameter in circuit.parameters)
    if unbound:
        names = shorten(", ".join(unbound), 200)
        raise CircuitError(f"unbound parameter {names}", where=where, hint="bind it: circuit.assign_parameters({…})")
    try:
        return _checked_names(circuit, limits)
    except CircuitError as error:
        raise CircuitError(error.message, where=where, allowed=error.allowed, hint=error.hint) from None


def _checked_names(circuit: QuantumCircuit, limits: Limits) -> frozenset[str]:
    names = set()
    for n_gates, step in enumerate(_flat(steps(circuit)), start=1):
        if n_gates > limits.n_gates:
            allowed = f"at most {limits.n_gates:,} gates"
            raise CircuitError("gate limit: too many gates after expanding", allowed=allowed)
        _check_step(step.operation, limits)
        names.add(step.operation.name)
    return frozenset(names)


def check_measured(names: frozenset[str], where: str = "circuit") -> None:
    """Refuse a circuit whose outcome is random and never measured: its shots would return nothing.

    A circuit of phases only leaves |0…0⟩ as it is, so nothing is lost by not measuring it.

    Args:
        names: What ``check_circuit`` returned.
        where: Name of the circuit for the message.

    Raises:
        CircuitError: says how to measure.
    """
    if "measure" not in names and not names <= _PHASES_ONLY:
        raise CircuitError(
            "no measurement: the shots would return nothing",
            where=where,
            hint="add `measure`, or measure every qubit at the end: --measure-all, measure_all=True",
        )


def _flat(path: Iterator[Step] | list[Step]) -> Iterator[Step]:
    """Yield steps and those inside branches."""
    for step in path:
        yield step
        for branch in step.branches:
            yield from _flat(branch)


def _check_step(operation: Any, limits: Limits) -> None:
    if operation.name == "delay":
        _check_delay(operation, limits)
    for value in operation.params:
        if isinstance(value, (int, float)) and not math.isfinite(value):
            raise CircuitError(f"gate {operation.name!r} has the angle {value}", allowed="finite angles")


def _check_delay(operation: Any, limits: Limits) -> None:
    scale = _DELAY_SCALE.get(operation.unit)
    if scale is None or not isinstance(operation.duration, (int, float)):
        raise CircuitError("a delay whose length is an expression", allowed="a written duration, such as 100ns")
    duration_s = scale * operation.duration
    if not 0 <= duration_s <= limits.delay_s:
        raise CircuitError(f"delay of {duration_s:g} s", allowed=f"0 to {limits.delay_s:g} s")
