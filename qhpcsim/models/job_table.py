"""Rows of a table of QPU jobs that name a circuit file instead of its totals."""

from __future__ import annotations

from qhpcsim.core.csv_table import CsvTable
from qhpcsim.core.errors import WorkloadError
from qhpcsim.core.qpu_columns import SPELLINGS

CIRCUIT = "circuit"
TOTALS = ("depth_total", "n_2q_total", "n_qubits_total")
"""Columns that a circuit stands for."""


def circuits_of(table: CsvTable) -> dict[int, str]:
    """Return the file that each row names in the column ``circuit``, by row; rows without one are left out.

    Raises:
        WorkloadError: if a row gives both a circuit and its totals.
    """
    if CIRCUIT not in table.header:
        return {}
    named = {row: word for row, word in enumerate(table.words(CIRCUIT)) if word}
    for name in TOTALS:
        spelled = table.spelled(*SPELLINGS[name])
        words = table.words(spelled) if spelled is not None else []
        twice = next((row for row in named if words and words[row]), None)
        if twice is not None:
            raise WorkloadError(
                "a row has a circuit and totals",
                where=table.place(twice, name),
                allowed="one of them, one cell empty",
            )
    return named
