"""How many gates, qubits and bits an OpenQASM 3 program asks for, found in its syntax tree without expanding it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from qhpcsim.circuits.limits import Limits
from qhpcsim.circuits.qasm2_size import check_width, too_many_gates
from qhpcsim.circuits.source import Program
from qhpcsim.core.errors import CircuitError, shorten

_GATES_PER_CONTROL = 8
"""Roughly what controls (squared) make of a gate in Qiskit's decomposition."""
_QUBITS_OF_POWER = 6
"""``pow`` multiplies matrices: more qubits are refused."""


def check_size(tree: Any, found: Program, limits: Limits, parameters: Mapping[str, float]) -> None:
    """Check registers, loops, inputs and the number of gates of a parsed OpenQASM 3 program.

    Raises:
        CircuitError: for the first limit that is passed, a loop without a known number of rounds, or an input
            without a value; names the line.
    """
    _Counter(found, limits, parameters).statements(tree.statements)


@dataclass(slots=True)
class _Counter:
    """Walks over statements; every ``_on_…`` returns the gates that its statement stands for."""

    found: Program
    limits: Limits
    parameters: Mapping[str, float]
    qubits: dict[str, int] = field(default_factory=dict)
    costs: dict[str, int] = field(default_factory=dict)
    n_bits: dict[str, int] = field(default_factory=lambda: {"qubits": 0, "classical bits": 0})

    def statements(self, nodes: Sequence[Any]) -> int:
        """Return the gates of a block, checking the limit at each statement."""
        total = 0
        for node in nodes:
            take = getattr(self, f"_on_{type(node).__name__}", None)
            total += 1 if take is None else take(node)
            if total > self.limits.n_gates:
                raise too_many_gates(self.found, _name(node), total, _line(node), self.limits)
        return total

    def _error(self, node: Any, message: str, **more: str) -> CircuitError:
        return self.found.error(message, line=_line(node), **more)

    def _on_QubitDeclaration(self, node: Any) -> int:  # noqa: N802 - named after the node's class
        self.qubits[node.qubit.name] = self._declare(node, node.size, "qubits", self.limits.n_qubits)
        return 0

    def _on_ClassicalDeclaration(self, node: Any) -> int:  # noqa: N802
        if type(node.type).__name__ == "BitType":
            return self._declare(node, node.type.size, "classical bits", self.limits.n_clbits)
        return 0

    def _on_IODeclaration(self, node: Any) -> int:  # noqa: N802
        name = node.identifier.name
        if name not in self.parameters:
            raise self._error(
                node,
                f"unbound parameter {shorten(name, 60)!r}",
                hint=f"give it a value: read_circuit(…, parameters={{{shorten(name, 60)!r}: 0.5}})",
            )
        return 0

    def _declare(self, node: Any, size: Any, what: str, n_max: int) -> int:
        n_bits = 1 if size is None else _integer(size)
        if n_bits is None:
            raise self._error(node, "a register size must be a written number")
        if n_bits < 1:
            raise self._error(node, f"register of size {n_bits}", allowed="1 or more")
        self.n_bits[what] += n_bits
        check_width(self.found, self.n_bits[what], n_max, what, _line(node))
        return n_bits

    def _on_QuantumGateDefinition(self, node: Any) -> int:  # noqa: N802
        outer, self.qubits = self.qubits, {qubit.name: 1 for qubit in node.qubits}
        self.costs[node.name.name] = max(1, self.statements(node.body))
        self.qubits = outer
        if len(self.costs) > self.limits.n_definitions:
            raise self._error(node, f"more than {self.limits.n_definitions:,} gate definitions")
        return 0

    def _on_QuantumGate(self, node: Any) -> int:  # noqa: N802
        cost = self.costs.get(node.name.name, 1)
        return cost * self._factor(node) * self._repeats(node, node.qubits)

    def _on_QuantumPhase(self, node: Any) -> int:  # noqa: N802
        return self._factor(node) * self._repeats(node, node.qubits)

    def _on_QuantumBarrier(self, node: Any) -> int:  # noqa: N802
        self._repeats(node, node.qubits)
        return 0

    def _on_DelayInstruction(self, node: Any) -> int:  # noqa: N802
        if getattr(node.duration, "value", 0) < 0:
            raise self._error(node, "a delay cannot be negative")
        seconds = _seconds(node.duration)
        if seconds is not None and not seconds <= self.limits.delay_s:
            raise self._error(node, f"delay of {seconds:g} s", allowed=f"at most {self.limits.delay_s:g} s")
        return self._repeats(node, node.qubits)

    def _on_QuantumMeasurementStatement(self, node: Any) -> int:  # noqa: N802
        return self._repeats(node, [node.measure.qubit])

    def _on_QuantumReset(self, node: Any) -> int:  # noqa: N802
        return self._repeats(node, [node.qubits])

    def _on_BranchingStatement(self, node: Any) -> int:  # noqa: N802
        return 1 + self.statements(node.if_block) + self.statements(node.else_block)

    def _on_Box(self, node: Any) -> int:  # noqa: N802
        return 1 + self.statements(node.body)

    def _on_CompoundStatement(self, node: Any) -> int:  # noqa: N802
        return self.statements(node.statements)

    def _on_WhileLoop(self, node: Any) -> int:  # noqa: N802
        raise self._error(node, "while loop: its number of rounds is not known", hint="write a for loop")

    def _on_ForInLoop(self, node: Any) -> int:  # noqa: N802
        n_rounds = _rounds(node.set_declaration)
        if n_rounds is None:
            raise self._error(node, "the number of rounds of a for loop must be written in numbers")
        if n_rounds > self.limits.n_gates:
            raise self._error(
                node,
                f"loop of {n_rounds:,} rounds: gate limit" if n_rounds < 10**18 else "loop of 10^18 rounds or more",
                allowed=f"at most {self.limits.n_gates:,} gates in all",
            )
        n_gates = n_rounds * max(1, self.statements(node.block))
        if n_gates > self.limits.n_gates:
            raise self._error(
                node, f"gate limit: loop of {n_gates:,} gates", allowed=f"at most {self.limits.n_gates:,}"
            )
        return n_gates

    def _repeats(self, node: Any, arguments: Sequence[Any]) -> int:
        """Return how often a statement is repeated because it names whole registers, after checking the indices."""
        return max((self._n_qubits(node, argument) for argument in arguments), default=1)

    def _n_qubits(self, node: Any, argument: Any) -> int:
        name = _name(argument)
        if name.startswith("$"):
            self._hardware(node, name)
            return 1
        size = self.qubits.get(name)
        index = _single_index(argument)
        if index is None:
            return size if size is not None else max(1, self.n_bits["qubits"])
        number = _integer(index)
        if size is not None and number is not None and not -size <= number < size:
            raise self._error(node, f"index {number} is out of range for {shorten(name, 40)!r} of {size} qubits")
        return 1

    def _hardware(self, node: Any, name: str) -> None:
        digits = name[1:]
        index = int(digits) if digits.isdigit() and len(digits) < 10 else self.limits.n_qubits
        check_width(self.found, index + 1, self.limits.n_qubits, "qubits", _line(node))

    def _factor(self, node: Any) -> int:
        """Return the factor by which modifiers multiply a gate."""
        factor = 1
        for modifier in node.modifiers:
            kind = modifier.modifier.name
            if kind == "pow" and len(node.qubits) > _QUBITS_OF_POWER:
                raise self._error(node, f"pow of a gate of more than {_QUBITS_OF_POWER} qubits")
            if kind in ("ctrl", "negctrl"):
                factor *= self._controls(node, modifier.argument)
        return factor

    def _controls(self, node: Any, argument: Any) -> int:
        n_controls = 1 if argument is None else _integer(argument)
        if n_controls is None or not 1 <= n_controls <= self.limits.n_controls:
            allowed = f"1 to {self.limits.n_controls}"
            raise self._error(node, "the number of controls is not possible", allowed=allowed)
        return _GATES_PER_CONTROL * n_controls**2


def _line(node: Any) -> int:
    return int(node.span.start_line)


def _name(node: Any) -> str:
    """Return the name that a node starts with, or its kind."""
    inner = getattr(node, "name", node)
    inner = getattr(inner, "name", inner)
    return inner if isinstance(inner, str) else type(node).__name__


def _integer(node: Any) -> int | None:
    """Return a literal integer, also a negative one, or None."""
    if type(node).__name__ == "UnaryExpression" and node.op.name == "-":
        inner = _integer(node.expression)
        return None if inner is None else -inner
    return node.value if type(node).__name__ == "IntegerLiteral" else None


def _single_index(argument: Any) -> Any:
    """Return the expression in ``q[3]`` or ``q[i]``; None for a whole register, a range or a set."""
    indices = getattr(argument, "indices", None)
    if indices is None or len(indices) != 1 or not isinstance(indices[0], list) or len(indices[0]) != 1:
        return None
    return None if type(indices[0][0]).__name__ == "RangeDefinition" else indices[0][0]


def _rounds(declared: Any) -> int | None:
    """Return the number of rounds of a for loop; ranges include both ends. None if it cannot be known."""
    if type(declared).__name__ == "DiscreteSet":
        return len(declared.values)
    if type(declared).__name__ != "RangeDefinition":
        return None
    start, end = _integer(declared.start), _integer(declared.end)
    step = 1 if declared.step is None else _integer(declared.step)
    if start is None or end is None or not step:
        return None
    return max(0, (end - start) // step + 1)


def _seconds(duration: Any) -> float | None:
    """Return a literal duration in seconds; None for device ticks and expressions."""
    unit = getattr(getattr(duration, "unit", None), "name", "")
    scale = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}.get(unit)
    return None if scale is None else scale * duration.value if math.isfinite(duration.value) else math.inf
