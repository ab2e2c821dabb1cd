"""Opens an OpenQASM file safely: bounded, without comments, no file but the standard ones included."""

from __future__ import annotations

import re
import stat
from dataclasses import dataclass
from pathlib import Path

from qhpcsim.circuits.limits import Limits
from qhpcsim.core.errors import CircuitError, shorten

VERSIONS = "2.0, 3.0, 3.1"
INCLUDES = {2: "qelib1.inc", 3: "stdgates.inc"}
"""Language -> the one file that may be included; the readers know its content, nothing is opened."""
_COMMENT = re.compile(r"//[^\n]*|/\*.*?(?:\*/|\Z)|\"[^\"\n]*\"|'[^'\n]*'", re.DOTALL)
_VERSION = re.compile(r"\s*OPENQASM\b\s*([^;\s]*)")
_INCLUDE = re.compile(r"\binclude\b\s*(?:\"([^\"\n]*)\"|'([^'\n]*)')?")
_BRACKET = re.compile(r"[()\[\]{}]")


@dataclass(frozen=True, slots=True)
class Program:
    """The text of a circuit: comments are blanks, lines and columns as in the file."""

    path: str
    text: str
    language: int
    """2 or 3."""

    def line(self, position: int) -> int:
        """Return the line, from 1, of a position in the text."""
        return self.text.count("\n", 0, position) + 1

    def error(
        self, message: str, *, line: int | None = None, allowed: str = "", hint: str = "", suggestion: str | None = None
    ) -> CircuitError:
        """Return a CircuitError that names this file and, where known, the line."""
        where = place(self.path, line)
        return CircuitError(message, where=where, allowed=allowed, hint=hint, suggestion=suggestion)


def place(path: str | Path, line: int | None = None) -> str:
    """Return ``file`` or ``file:line`` for a message."""
    name = shorten(path, 160)
    return name if line is None else f"{name}:{line}"


def read_bytes(path: str | Path, n_max: int) -> bytes:
    """Return the content of a regular file.

    Raises:
        CircuitError: if it is missing, no regular file, unreadable, or longer than ``n_max`` bytes.
    """
    try:
        if not stat.S_ISREG(Path(path).stat().st_mode):
            raise CircuitError("is not a regular file", where=place(path))
        with Path(path).open("rb") as stream:
            data = stream.read(n_max + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise CircuitError(f"cannot be read: {reason}", where=place(path), hint="check the path") from error
    if len(data) > n_max:
        raise CircuitError(f"size limit: more than {n_max:,} bytes", where=place(path), hint="split the circuit")
    return data


def program(data: bytes, path: str | Path, limits: Limits) -> Program:
    """Return the checked text of an OpenQASM file.

    Raises:
        CircuitError: for binary data, an unknown version, a foreign include or brackets nested too deeply.
    """
    text = _decoded(data, path).replace("\r\n", "\n").replace("\r", "\n")
    text = _COMMENT.sub(_blank, text)
    if not text.strip():
        raise CircuitError("no qubits: the file is empty", where=place(path), allowed=f"OpenQASM {VERSIONS}")
    found = Program(str(path), text, _language(text, path))
    if found.language == 3 and len(data) > limits.n_bytes_qasm3:
        raise found.error(
            f"size limit: more than {limits.n_bytes_qasm3:,} bytes of OpenQASM 3",
            hint="write OpenQASM 2, such as with qiskit.qasm2.dump",
        )
    _check_includes(found)
    _check_nesting(found, limits)
    return found


def _decoded(data: bytes, path: str | Path) -> str:
    if b"\0" in data or data[:2] in (b"\xff\xfe", b"\xfe\xff", b"\x1f\x8b"):
        raise CircuitError("is binary data, not OpenQASM text", where=place(path, 1), allowed="ASCII or UTF-8 text")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise CircuitError("is not UTF-8 text", where=place(path, line), hint="save it as UTF-8") from None


def _blank(found: re.Match[str]) -> str:
    """Return a comment as blanks and line ends; a quoted text as it is."""
    return found[0] if found[0][0] in "\"'" else re.sub(r"[^\n]", " ", found[0])


def _language(text: str, path: str | Path) -> int:
    """Return 2 or 3: what the file says, or what its declarations look like if it says nothing."""
    found = _VERSION.match(text)
    if found is None:
        return 2 if re.search(r"\bqreg\b", text) and not re.search(r"\bqubit\b", text) else 3
    if re.fullmatch(r"2(\.0)?|3(\.[01])?", found[1]):
        return int(found[1][0])
    line = text.count("\n", 0, found.start(1)) + 1
    raise CircuitError(f"unknown OpenQASM version {shorten(found[1], 40)!r}", where=place(path, line), allowed=VERSIONS)


def _check_includes(found: Program) -> None:
    allowed = INCLUDES[found.language]
    for include in _INCLUDE.finditer(found.text):
        name = include[1] if include[1] is not None else include[2]
        if name != allowed:
            raise found.error(
                f"include of {shorten(name, 80)!r}: no other file is ever opened"
                if name is not None
                else "include needs a quoted name",
                line=found.line(include.start()),
                allowed=f'include "{allowed}" in OpenQASM {found.language}',
                hint="paste the gate definitions into the file",
            )


def _check_nesting(found: Program, limits: Limits) -> None:
    depth = 0
    for bracket in _BRACKET.finditer(found.text):
        depth += 1 if bracket[0] in "([{" else -1
        if depth > limits.nesting:
            line = found.line(bracket.start())
            raise found.error(f"brackets nested more than {limits.nesting:,} deep", line=line)
