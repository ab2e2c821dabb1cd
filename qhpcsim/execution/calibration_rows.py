"""Measured circuits as a table: what a calibration writes beside its card and can be fitted again."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qhpcsim.core.csv_table import read_csv

COLUMNS = (
    "circuit", "group", "shots", "observable", "n_active", "threads", "n_runs", "seconds", "wall_min_s",
    "wall_median_s", "cpu_min_s",
)  # fmt: skip
_WORDS = ("circuit", "group", "observable")
_WHOLE = ("shots", "n_active", "threads", "n_runs")


@dataclass(frozen=True, slots=True)
class Row:
    """One measured circuit."""

    circuit: str
    group: str
    shots: int
    observable: str
    n_active: int
    threads: int
    n_runs: int
    seconds: float
    """Wall time on an undisturbed machine, as well as it is known."""
    wall_min_s: float
    wall_median_s: float
    cpu_min_s: float


def write_rows(path: Path, rows: Sequence[Row]) -> None:
    """Write measured circuits as CSV."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for row in rows:
            values = [getattr(row, name) for name in COLUMNS]
            writer.writerow([f"{value:.6g}" if isinstance(value, float) else value for value in values])


def read_rows(path: Path) -> list[Row]:
    """Return measured circuits from a CSV that ``write_rows`` wrote.

    Raises:
        WorkloadError: names file, line and column of what is wrong.
    """
    table = read_csv(path)
    for name in COLUMNS:
        table.need((name,), ", ".join(COLUMNS))
    words = {name: table.words(name) for name in _WORDS}
    numbers = {name: table.numbers(name) for name in COLUMNS if name not in _WORDS}
    rows = []
    for i in range(len(table.rows)):
        cells: dict[str, Any] = {name: column[i] for name, column in words.items()}
        cells |= {name: int(column[i]) if name in _WHOLE else float(column[i]) for name, column in numbers.items()}
        rows.append(Row(**cells))
    return rows


def merged(rows: Sequence[Row]) -> list[Row]:
    """Return each circuit once, as it was measured when it took least: what else ran on the machine then did least."""
    best: dict[tuple[str, int, str, int], Row] = {}
    for row in rows:
        key = row.circuit, row.shots, row.observable, row.threads
        if key not in best or row.seconds < best[key].seconds:
            best[key] = row
    return list(best.values())
