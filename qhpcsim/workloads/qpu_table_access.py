"""Access modes, batches and sessions of a table of QPU jobs, and columns of numbers within limits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.csv_table import CsvTable
from qhpcsim.core.errors import WorkloadError, nearest, shorten
from qhpcsim.core.qpu_records import QpuMode
from qhpcsim.core.records import Categories, FloatArray, IntArray

_MODES = {mode.name.lower(): mode for mode in QpuMode}
_YES, _NO = ("1", "true"), ("", "0", "false")
MOST = 2**31 - 1


def numbers(table: CsvTable, name: str, low: float, high: float, empty: float | None) -> FloatArray:
    """Return a column of numbers within limits; an empty cell stands for ``empty`` (NaN passes)."""
    column = table.numbers(name, empty=empty)
    wrong = (column < low) | (column > high)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise WorkloadError(f"{column[row]:g}", where=table.place(row, name), allowed=f"{low:.10g} … {high:.10g}")
    return column


def optional_numbers(table: CsvTable, name: str, low: float, high: float) -> FloatArray | None:
    """Return an optional column with NaN in empty cells; None if there is none."""
    return numbers(table, name, low, high, np.nan) if name in table.header else None


def whole_numbers(table: CsvTable, name: str, low: int, empty: int) -> IntArray:
    """Return a column of whole numbers; an empty cell stands for ``empty``."""
    column = numbers(table, name, low, MOST, np.nan)
    wrong = np.isfinite(column) & (column != np.floor(column))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise WorkloadError(f"{column[row]:g}", where=table.place(row, name), allowed="a whole number")
    return np.where(np.isnan(column), empty, column).astype(np.int32)


def access(table: CsvTable, user: Categories | None, qpu: Categories | None) -> tuple[IntArray, IntArray]:
    """Return access modes (n,), and numbers of batches and sessions (n,), -1 for none.

    Raises:
        WorkloadError: for an unknown mode, a batch or session without a number, or one whose jobs differ in mode, user
            or QPU; names file and line.
    """
    n = len(table.rows)
    words = table.words("mode") if "mode" in table.header else [""] * n
    for row, word in enumerate(words):
        if word and word not in _MODES:
            raise WorkloadError(
                f"unknown mode {shorten(word, 60)!r}",
                where=table.place(row, "mode"),
                allowed=", ".join(_MODES),
                suggestion=nearest(word.lower(), _MODES),
            )
    mode = np.array([_MODES.get(word, QpuMode.JOB) for word in words], dtype=np.int32)
    session = whole_numbers(table, "session", 0, -1) if "session" in table.header else np.full(n, -1, dtype=np.int32)
    wrong = np.isin(mode, (QpuMode.BATCH, QpuMode.SESSION)) != (session >= 0)
    if wrong.any():
        row = int(np.argmax(wrong))
        said = f"session {session[row]}" if session[row] >= 0 else "no session"
        raise WorkloadError(
            f"mode {QpuMode(int(mode[row])).name.lower()} with {said}",
            where=table.place(row),
            allowed="a number in session for batches and sessions, an empty cell for other jobs",
        )
    _check_sessions(table, {"mode": mode, "user": _codes(user, n), "qpu": _codes(qpu, n)}, session)
    return mode, session


def _check_sessions(table: CsvTable, columns: dict[str, IntArray], session: IntArray) -> None:
    """Refuse a batch or session whose jobs differ in mode, user or QPU."""
    member = np.flatnonzero(session >= 0)
    _, first, group = np.unique(session[member], return_index=True, return_inverse=True)
    head = member[first][group]
    for name, column in columns.items():
        differs = column[member] != column[head]
        if differs.any():
            place = int(np.argmax(differs))
            row, other = int(member[place]), int(head[place])
            raise WorkloadError(
                f"differs from that of line {table.lines[other]}, which is of the same session {session[row]}",
                where=table.place(row, name),
                allowed=f"one {name} for a batch or session",
            )


def closing(table: CsvTable, session: IntArray) -> NDArray[np.bool_] | None:
    """Return which jobs close their session when they end."""
    if "closes_session" not in table.header:
        return None
    words = [word.lower() for word in table.words("closes_session")]
    for row, word in enumerate(words):
        if word not in _YES and word not in _NO:
            raise WorkloadError(
                f"{shorten(word, 60)!r}", where=table.place(row, "closes_session"), allowed="0, 1, true, false or empty"
            )
        if word in _YES and session[row] < 0:
            raise WorkloadError("closes a session, but is in none", where=table.place(row, "closes_session"))
    return np.array([word in _YES for word in words])


def _codes(words: Categories | None, n: int) -> IntArray:
    return np.full(n, -1, dtype=np.int32) if words is None else words.code
