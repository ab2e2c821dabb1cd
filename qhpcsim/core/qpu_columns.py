"""The columns that say what a QPU job asks for, their limits, and how tables spell them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from qhpcsim.core.csv_table import CsvTable
from qhpcsim.core.errors import ConfigError
from qhpcsim.core.records import FloatArray

LOWEST = {"n_circuits": 1.0, "shots": 1.0, "depth_total": 0.0, "n_2q_total": 0.0, "n_qubits_total": 1.0}
"""Columns of a request and the smallest value that makes sense."""
SPELLINGS = {name: (name,) for name in LOWEST} | {"n_2q_total": ("n_2q_total", "n_2q_gates_total")}
"""Column -> what tables may call it."""
_WHOLE = ("n_circuits", "shots")


def check_column(column: FloatArray, name: str, where: str, lines: Sequence[int] | None = None) -> None:
    """Raise ``ConfigError`` for the first impossible value of a request's column.

    Args:
        column: The values.
        name: Column of ``LOWEST``, or another that must be finite and ≥ 0.
        where: File or key path for the message.
        lines: Line of each value in that file; None: the message counts jobs from 0.
    """
    lowest = LOWEST.get(name, 0.0)
    good = np.isfinite(column) & (column >= lowest)
    if name in _WHOLE:
        good &= column == np.floor(column)
    if good.all():
        return
    row = int(np.argmin(good))
    place = f"{where}:{lines[row]}" if lines is not None else f"{where}, job {row}"
    kind = "a whole number" if name in _WHOLE else "a finite number"
    raise ConfigError(f"{name} is {column[row]:g}", where=place, allowed=f"{kind} ≥ {lowest:g}")


def request_column(table: CsvTable, name: str, rows: Sequence[int] | None = None) -> FloatArray:
    """Return a column of ``LOWEST`` from a table, checked.

    Args:
        table: The table.
        name: The column, under any of its spellings.
        rows: Which rows; None: all.

    Raises:
        QhpcsimError: names file, line, column and the offending cell.
    """
    spelled = table.need(SPELLINGS[name], f"columns {', '.join(LOWEST)}, and others")
    column = table.numbers(spelled, rows)
    check_column(column, name, table.where, table.lines if rows is None else [table.lines[row] for row in rows])
    return column
