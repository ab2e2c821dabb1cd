"""Measured cuts as a table: what a calibration of cutting writes beside its card and can be fitted again."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from qhpcsim.core.csv_table import read_csv
from qhpcsim.core.records import FloatArray
from qhpcsim.models.cutting_terms import NAMES, PHASES

_WORDS = ("problem", "family", "candidate", "cpu_card")
_WHOLE = (
    "n_qubits", "n_parts", "n_cuts", "n_sub", "n_experiments", "n_active", "n_runs", "n_shots", "n_repeats",
)  # fmt: skip
COLUMNS = (*_WORDS, *_WHOLE, "busy_ratio", *(f"{phase}_s" for phase in PHASES), *(f"x_{name}" for name in NAMES))


@dataclass(frozen=True, slots=True)
class CutRow:
    """One candidate as one worker ran it."""

    problem: str
    family: str
    candidate: str
    cpu_card: str
    """Whose times the counts of the scaled terms are."""
    n_qubits: int
    """Of the circuit, as far as its observables depend on them."""
    n_parts: int
    n_cuts: int
    n_sub: int
    """Qubits of the widest part."""
    n_experiments: int
    """Sub-experiments that the library makes."""
    n_active: int
    """Qubits of the widest circuit that is run."""
    n_runs: int
    n_shots: int
    n_repeats: int
    busy_ratio: float
    """Median over least wall time of its runs."""
    phases_s: FloatArray
    """Seconds of each of ``PHASES`` on an undisturbed machine, as well as they are known."""
    counts: FloatArray
    """Of ``TERMS``."""

    @property
    def total_s(self) -> float:
        """Seconds of all phases."""
        return float(self.phases_s.sum())


def write_rows(path: Path, rows: Sequence[CutRow]) -> None:
    """Write measured cuts as CSV."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for row in rows:
            words = [getattr(row, name) for name in (*_WORDS, *_WHOLE)]
            numbers = [row.busy_ratio, *row.phases_s.tolist(), *row.counts.tolist()]
            writer.writerow([*words, *(f"{number:.6g}" for number in numbers)])


def read_rows(path: Path) -> list[CutRow]:
    """Return measured cuts from a CSV that ``write_rows`` wrote.

    Raises:
        WorkloadError: names file, line and column of what is wrong.
    """
    table = read_csv(path)
    for name in COLUMNS:
        table.need((name,), ", ".join(COLUMNS))
    words = {name: table.words(name) for name in _WORDS}
    numbers = {name: table.numbers(name) for name in COLUMNS if name not in _WORDS}
    phases = np.array([numbers[f"{phase}_s"] for phase in PHASES]).T
    counts = np.array([numbers[f"x_{name}"] for name in NAMES]).T
    found = []
    for i in range(len(table.rows)):
        cells: dict[str, Any] = {name: column[i] for name, column in words.items()}
        cells |= {name: int(numbers[name][i]) for name in _WHOLE}
        found.append(CutRow(**cells, busy_ratio=float(numbers["busy_ratio"][i]), phases_s=phases[i], counts=counts[i]))
    return found


def merged(rows: Sequence[CutRow]) -> list[CutRow]:
    """Return each candidate once, each phase as it was measured when it took least."""
    best: dict[tuple[str, str, int, int, int], CutRow] = {}
    for row in rows:
        key = row.problem, row.candidate, row.n_runs, row.n_shots, row.n_active
        other = best.get(key)
        if other is None:
            best[key] = row
            continue
        best[key] = replace(
            row,
            n_repeats=row.n_repeats + other.n_repeats,
            busy_ratio=min(row.busy_ratio, other.busy_ratio),
            phases_s=np.minimum(row.phases_s, other.phases_s),
        )
    return list(best.values())
