"""How many gates, qubits and bits an OpenQASM 2 program asks for, found in its text without expanding anything."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from qhpcsim.circuits.limits import Limits
from qhpcsim.circuits.source import Program
from qhpcsim.core.errors import CircuitError, shorten

_STATEMENT = re.compile(r"\s*([^;{}]*)[;{}]")
_REGISTER = re.compile(r"(qreg|creg)\s+(\w+)\s*\[\s*(\d+)\s*\]\s*")
_CALL = re.compile(r"(?:if\s*\([^()]*\)\s*)?([A-Za-z_]\w*)")
_ARGUMENT = re.compile(r"([A-Za-z_]\w*)\s*(\[)?")
_DECLARATIONS = frozenset({"OPENQASM", "include", "qreg", "creg", "gate", "opaque"})
_FREE = frozenset({"barrier"})
_LONG_INDEX = re.compile(r"\[\s*(\d{19})")
_SIZE_DIGITS = 9
"""A register whose size has more digits is not even read as a number."""


@dataclass(slots=True)
class _Sizes:
    """What the text has asked for so far."""

    registers: dict[str, int] = field(default_factory=dict)
    costs: dict[str, int] = field(default_factory=dict)
    """Gate -> standard gates in its definition."""
    n_bits: dict[str, int] = field(default_factory=lambda: {"qreg": 0, "creg": 0})
    n_gates: int = 0
    current: str = ""
    """Gate whose body is being read."""


def check_size(found: Program, limits: Limits) -> None:
    """Check registers, definitions and the number of gates of an OpenQASM 2 program.

    Text that is no OpenQASM is passed over: the parser says what is wrong with it.

    Raises:
        CircuitError: for the first limit that is passed, naming the line.
    """
    long = _LONG_INDEX.search(found.text)
    if long is not None:
        raise found.error("a number of more than 18 digits", line=found.line(long.start(1)))
    sizes, position = _Sizes(), 0
    while (statement := _STATEMENT.match(found.text, position)) is not None:
        position = statement.end()
        end, text = found.text[position - 1], statement[1]
        if end == "}":
            sizes.current = ""
        elif text:
            _take(sizes, text, end, found, statement.start(1), limits)


def _take(sizes: _Sizes, text: str, end: str, found: Program, start: int, limits: Limits) -> None:
    """Count one statement."""
    call = _CALL.match(text)
    if call is None:
        return
    name = call[1]
    if sizes.current:
        sizes.costs[sizes.current] += 0 if name in _FREE else sizes.costs.get(name, 1)
    elif name in _DECLARATIONS:
        _declare(sizes, name, text, end, found, start, limits)
    elif name not in _FREE:
        sizes.n_gates += max(1, sizes.costs.get(name, 1)) * _repeats(sizes, text, call.end())
        if sizes.n_gates > limits.n_gates:
            raise too_many_gates(found, name, sizes.n_gates, found.line(start), limits)


def _declare(sizes: _Sizes, name: str, text: str, end: str, found: Program, start: int, limits: Limits) -> None:
    if name in sizes.n_bits:
        _register(sizes, text, found, start, limits)
    elif name == "gate" and end == "{":
        words = text.split(None, 1)[1] if len(text.split(None, 1)) > 1 else ""
        sizes.current = re.split(r"[\s(]", words, maxsplit=1)[0]
        sizes.costs[sizes.current] = 0
        if len(sizes.costs) > limits.n_definitions:
            text = f"more than {limits.n_definitions:,} gate definitions"
            raise found.error(text, line=found.line(start))


def _register(sizes: _Sizes, text: str, found: Program, start: int, limits: Limits) -> None:
    register = _REGISTER.fullmatch(text)
    if register is None:
        return
    kind, name, size = register[1], register[2], register[3].lstrip("0") or "0"
    line = found.line(start)
    if size == "0":
        raise found.error(f"register {shorten(name, 40)!r} of size 0", line=line, allowed="1 or more")
    n_max = limits.n_qubits if kind == "qreg" else limits.n_clbits
    sizes.n_bits[kind] += int(size) if len(size) <= _SIZE_DIGITS else 10**_SIZE_DIGITS
    check_width(found, sizes.n_bits[kind], n_max, "qubits" if kind == "qreg" else "classical bits", line)
    sizes.registers[name] = int(size)


def _repeats(sizes: _Sizes, text: str, start: int) -> int:
    """Return how often a statement is repeated because it names whole registers."""
    tail = text[max(start, text.rfind(")") + 1) :]
    whole = [sizes.registers.get(name, 1) for name, index in _ARGUMENT.findall(tail) if not index]
    return max(whole, default=1)


def check_width(found: Program, n_bits: int, n_max: int, what: str, line: int) -> None:
    """Raise a CircuitError if a program declares more than ``n_max`` bits of a kind."""
    if n_bits > n_max:
        raise found.error(f"width limit: more than {n_max:,} {what}", line=line, allowed=f"at most {n_max:,}")


def too_many_gates(found: Program, name: str, n_gates: int, line: int, limits: Limits) -> CircuitError:
    """Return the error for a program whose gates, once expanded, pass the limit at ``name``."""
    count = f"{n_gates:,}" if n_gates < 10**18 else f"10^{len(str(n_gates)) - 1}"
    return found.error(
        f"gate limit: {count} gates after expanding {shorten(name, 40)!r} (line {line})",
        allowed=f"at most {limits.n_gates:,} gates",
        hint="split the circuit, or simplify its gate definitions",
    )
