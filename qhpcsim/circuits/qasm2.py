"""Reads OpenQASM 2, also as Qiskit's exporter writes it (``cp``, ``u``, ``p``, … without a definition)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from qhpcsim.circuits.limits import Limits
from qhpcsim.circuits.qasm2_size import check_size
from qhpcsim.circuits.source import Program
from qhpcsim.core.errors import CircuitError, nearest, shorten

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

_PARSE_ERROR = re.compile(r"[\"']?<input>:(\d+),(\d+): (.*?)[\"']?$", re.DOTALL)
_UNDEFINED = re.compile(r"'(\w+)' is not defined in this scope")
_GATES = (
    *("u", "u1", "u2", "u3", "p", "x", "y", "z", "h", "s", "sdg", "t", "tdg", "sx", "sxdg", "rx", "ry", "rz", "id"),
    *("cx", "cy", "cz", "ch", "csx", "cp", "cu", "crx", "cry", "crz", "cu1", "cu3", "rxx", "rzz", "swap"),
    *("ccx", "cswap", "measure", "reset", "barrier"),
)
"""Words to suggest for an unknown one."""
_NOT_TAKEN = "u0"
"""A gate of old Qiskit files whose parameter is a number of repetitions: a way to ask for 10¹² gates."""


def read_qasm2(found: Program, limits: Limits) -> QuantumCircuit:
    """Return the circuit of an OpenQASM 2 program.

    Raises:
        CircuitError: for anything that is wrong in it, with the line.
    """
    check_size(found, limits)
    from qiskit import qasm2

    custom = [gate for gate in qasm2.LEGACY_CUSTOM_INSTRUCTIONS if gate.name != _NOT_TAKEN]
    try:
        return qasm2.loads(
            found.text,
            include_path=(),
            custom_instructions=custom,
            custom_classical=qasm2.LEGACY_CUSTOM_CLASSICAL,
        )
    except qasm2.QASM2ParseError as error:
        raise _translated(found, str(error)) from None
    except BaseException as error:  # a panic of Qiskit's parser is no Exception
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise found.error(f"cannot be read: {shorten(error, 160)}") from None


def _translated(found: Program, text: str) -> CircuitError:
    """Return Qiskit's complaint as one of ours."""
    parts = _PARSE_ERROR.fullmatch(text.strip())
    if parts is None:
        return found.error(f"cannot be read: {shorten(text, 160)}")
    line, column, message = int(parts[1]), int(parts[2]) + 1, parts[3].replace("\\'", "'")
    unknown = _UNDEFINED.search(message)
    before = found.text.split("\n")[line - 1][: column - 1].rstrip()
    starts = not before or before[-1] in ";{}"
    word = nearest(unknown[1], _GATES) if unknown and starts else None
    return found.error(f"{shorten(message, 160)} (column {column})", line=line, suggestion=word)
