"""Reads OpenQASM 3, as far as Qiskit can represent it."""

from __future__ import annotations

import contextlib
import io
import re
import traceback
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from qhpcsim.circuits.limits import Limits
from qhpcsim.circuits.qasm3_size import check_size
from qhpcsim.circuits.source import Program
from qhpcsim.core.errors import CircuitError, shorten

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

_PARSER_LINE = re.compile(r"L(\d+):C(\d+): (.*)", re.DOTALL)
_CONVERTER_LINE = re.compile(r"(\d+),(\d+): (.*)", re.DOTALL)


def read_qasm3(found: Program, limits: Limits, parameters: Mapping[str, float]) -> QuantumCircuit:
    """Return the circuit of an OpenQASM 3 program.

    Args:
        found: The program.
        limits: Largest circuit to take.
        parameters: Value of each ``input`` of the program.

    Raises:
        CircuitError: for anything that is wrong in it, with the line.
    """
    tree = _parsed(found)
    check_size(tree, found, limits, parameters)
    import qiskit_qasm3_import

    try:
        circuit = qiskit_qasm3_import.convert(tree)
        used = {p: parameters[p.name] for p in circuit.parameters if p.name in parameters}
        return circuit.assign_parameters(used) if used else circuit
    except Exception as error:
        raise _translated(found, error) from None


def _parsed(found: Program) -> Any:
    try:
        import openqasm3
    except ImportError as error:
        raise found.error(f"OpenQASM 3 needs {error.name}", hint="pip install qiskit qiskit-qasm3-import") from None
    try:
        with contextlib.redirect_stderr(io.StringIO()):  # the lexer also prints what it raises
            return openqasm3.parse(found.text)
    except Exception as error:
        raise _translated(found, error) from None


def _translated(found: Program, error: Exception) -> CircuitError:
    """Return any complaint of the parser or the converter as one of ours."""
    if isinstance(error, RecursionError):
        return found.error("nested too deeply for OpenQASM 3", hint="write fewer brackets or signs in one expression")
    text = str(error)
    parts = _PARSER_LINE.fullmatch(text) or _CONVERTER_LINE.fullmatch(text)
    if parts is not None:
        return found.error(f"{shorten(parts[3], 160)} (column {int(parts[2]) + 1})", line=int(parts[1]))
    token = _token(error)
    if token is not None:
        at_end = token.type == -1
        word = "the end of the file" if at_end else repr(shorten(token.text, 40))
        return found.error(f"syntax error at {word} (column {token.column + 1})", line=token.line)
    what = text if text and not isinstance(error, (IndexError, AttributeError, AssertionError)) else "not understood"
    return found.error(f"{shorten(what, 160)} ({type(error).__name__})", line=_line_of(error))


def _token(error: BaseException) -> Any:
    """Return the token at which the parser gave up, if it says so."""
    cause = error.__cause__
    reason = cause.args[0] if cause is not None and cause.args else cause
    return getattr(reason, "offendingToken", None)


def _line_of(error: Exception) -> int | None:
    """Return the line of the innermost statement that was being converted when ``error`` was raised."""
    line = None
    for frame, _ in traceback.walk_tb(error.__traceback__):
        span = getattr(frame.f_locals.get("node"), "span", None)
        line = getattr(span, "start_line", line)
    return line
