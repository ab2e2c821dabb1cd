"""Predict the service time of every job in a CSV table: ``predict_table("ibm_2023", "jobs.csv", "out.csv")``."""

from __future__ import annotations

import csv
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from qhpcsim.core.errors import QhpcsimError, WorkloadError, nearest, shorten
from qhpcsim.core.records import FloatArray
from qhpcsim.models.qpu import open_qpu
from qhpcsim.models.requests import LOWEST, Outside, Prediction, Request, check_column

ALIASES = {"n_2q_total": ("n_2q_total", "n_2q_gates_total")}
ADDED = ("predicted_s", "p5_s", "p95_s")
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Table:
    """A CSV file as text cells, with the line on which each row ends."""

    path: str
    header: list[str]
    rows: list[list[str]]
    lines: list[int]

    def numbers(self, name: str) -> FloatArray:
        """Return a column as numbers, checked for what a request allows.

        Raises:
            QhpcsimError: names file, line, column and the offending cell.
        """
        spellings = ALIASES.get(name, (name,))
        found = next((s for s in spellings if s in self.header), None)
        if found is None:
            raise WorkloadError(
                f"no column {' or '.join(spellings)}",
                where=f"{self.path}:1",
                allowed=f"columns {', '.join(LOWEST)}, and any others",
                suggestion=nearest(name, self.header),
            )
        index = self.header.index(found)
        column = np.empty(len(self.rows))
        for row, (cells, line) in enumerate(zip(self.rows, self.lines, strict=True)):
            column[row] = _number(cells[index], f"{self.path}:{line}: {found}")
        check_column(column, name, self.path, self.lines)
        return column


def predict_table(card_name: str, in_path: str | Path, out_path: str | Path, **settings: Any) -> list[Outside]:
    """Write a table with predicted_s, p5_s and p95_s beside its own columns, rows in their order.

    Args:
        card_name: A card in ``calibration/qpu/`` or the path of one.
        in_path: CSV with n_circuits, shots, depth_total, n_2q_total (or n_2q_gates_total), n_qubits_total.
        out_path: CSV to write; columns called as the added ones are replaced.
        settings: Numbers that replace the card's.

    Returns:
        The fitted ranges that some jobs leave; their predictions are extrapolations.

    Raises:
        QhpcsimError: if the card or the table is wrong, or a job cannot run on the device.
    """
    source, target = Path(in_path), Path(out_path)
    if target.exists() and source.exists() and target.samefile(source):
        raise QhpcsimError("the table and the output are the same file", where=str(target), hint="choose another --out")
    if target.is_dir():
        raise QhpcsimError("is a folder", where=str(target), allowed="the name of a file to write")
    model = open_qpu(card_name, **settings)
    table = read_table(source)
    request = Request.of(**{name: table.numbers(name) for name in LOWEST}, where=table.path)
    model.refuse(request, table.path, table.lines)
    _write(target, table, model.predict(request))
    return model.outside(request)


def read_table(path: Path) -> Table:
    """Return a CSV file with a header.

    Raises:
        WorkloadError: if it is no text, empty, or a row has not as many cells as the header.
    """
    where = str(path)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = [cell.strip() for cell in next(reader, [])]
            rows, lines = [], []
            for cells in reader:
                if cells:
                    rows.append(cells)
                    lines.append(reader.line_num)
    except UnicodeDecodeError as error:
        raise WorkloadError(f"not UTF-8 text (byte {error.start})", where=where) from None
    except csv.Error as error:
        raise WorkloadError(f"not CSV: {shorten(error)}", where=f"{where}:{reader.line_num}") from None
    _check_shape(where, header, rows, lines)
    return Table(where, header, rows, lines)


def _check_shape(where: str, header: list[str], rows: list[list[str]], lines: list[int]) -> None:
    twice = next((name for name in header if header.count(name) > 1), None)
    if twice is not None:
        raise WorkloadError(f"column {shorten(twice)!r} is there twice", where=f"{where}:1")
    if not rows:
        raise WorkloadError("no jobs: a header and at least one row are needed", where=where)
    for cells, line in zip(rows, lines, strict=True):
        if len(cells) != len(header):
            raise WorkloadError(
                f"{len(cells)} cells", where=f"{where}:{line}", allowed=f"{len(header)}, as in the header"
            )


def _number(text: str, where: str) -> float:
    if not _NUMBER.fullmatch(text.strip()) or not math.isfinite(float(text)):
        raise WorkloadError(f"{shorten(text)!r} is not a finite number", where=where)
    return float(text)


def _write(path: Path, table: Table, prediction: Prediction) -> None:
    kept = [i for i, name in enumerate(table.header) if name not in ADDED]
    added = (prediction.median_s, prediction.p5_s, prediction.p95_s)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*(table.header[i] for i in kept), *ADDED])
        for row, cells in enumerate(table.rows):
            writer.writerow([*(cells[i] for i in kept), *(f"{column[row]:.6g}" for column in added)])
