"""Predict the service time of every job in a CSV table: ``predict_table("ibm_2023", "jobs.csv", "out.csv")``."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from qhpcsim.circuits.features import Features
from qhpcsim.core.csv_table import CsvTable, read_csv
from qhpcsim.core.errors import CircuitError, QhpcsimError
from qhpcsim.core.qpu_columns import LOWEST, request_column
from qhpcsim.models.job_table import CIRCUIT, circuits_of
from qhpcsim.models.qpu import QpuModel, open_qpu
from qhpcsim.models.qpu_circuits import CircuitReader
from qhpcsim.models.requests import Outside, Prediction, Request

ADDED = ("predicted_s", "p5_s", "p95_s")


def predict_table(
    card_name: str, in_path: str | Path, out_path: str | Path, measure_all: bool = False, **settings: Any
) -> list[Outside]:
    """Write a table with predicted_s, p5_s and p95_s beside its own columns, rows in their order.

    Args:
        card_name: A card in ``calibration/qpu/`` or the path of one.
        in_path: CSV with n_circuits, shots, depth_total, n_2q_total (or n_2q_gates_total), n_qubits_total; a row may
            name a file in the column circuit (relative to the table) instead of the three totals, and then
            n_circuits (1 if the table has no such column) says how often the job holds it.
        out_path: CSV to write; columns called as the added ones are replaced.
        measure_all: Measure every qubit of a circuit that holds no measurement.
        settings: Numbers that replace the card's.

    Returns:
        The fitted ranges that some jobs leave; their predictions are extrapolations.

    Raises:
        QhpcsimError: if the card, the table or a circuit is wrong, or a job cannot run on the device.
    """
    source, target = Path(in_path), Path(out_path)
    if target.exists() and source.exists() and target.samefile(source):
        raise QhpcsimError("the table and the output are the same file", where=str(target), hint="choose another --out")
    if target.is_dir():
        raise QhpcsimError("is a folder", where=str(target), allowed="the name of a file to write")
    model = open_qpu(card_name, **settings)
    table = read_csv(source)
    found, outside = np.empty((3, len(table.rows))), Outsides(len(table.rows))
    for rows, request in _requests(table, model, measure_all):
        model.refuse(request, table.path, [table.lines[row] for row in rows])
        part = model.predict(request)
        found[:, rows] = part.median_s, part.p5_s, part.p95_s
        outside.add(rows, model.outside(request))
    _write(target, table, Prediction(*found))
    return outside.ranges()


class Outsides:
    """Collects the jobs outside fitted ranges over parts of a table."""

    def __init__(self, n_jobs: int) -> None:
        self.n_jobs = n_jobs
        self._found: dict[str, Outside] = {}

    def add(self, rows: Sequence[int], parts: list[Outside]) -> None:
        """Take in what some rows leave."""
        for part in parts:
            kept = self._found.setdefault(part.column, replace(part, jobs=np.zeros(self.n_jobs, dtype=bool)))
            kept.jobs[np.asarray(rows)] |= part.jobs

    def ranges(self) -> list[Outside]:
        """Return one entry a range."""
        return list(self._found.values())


def _requests(table: CsvTable, model: QpuModel, measure_all: bool) -> Iterator[tuple[list[int], Request]]:
    """Yield rows and what they ask: those with totals, then those with circuits, equal in what is known of them."""
    named = circuits_of(table)
    plain = [row for row in range(len(table.rows)) if row not in named]
    if plain:
        yield plain, Request.of(**{name: request_column(table, name, plain) for name in LOWEST}, where=table.path)
    if not named:
        return
    reader = CircuitReader(model, measure_all)
    features = {row: _features(reader, table, row, name) for row, name in named.items()}
    for timed in (True, False):
        rows = [row for row in named if (features[row].duration_s is not None) == timed]
        if rows:
            copies = request_column(table, "n_circuits", rows) if "n_circuits" in table.header else 1.0
            yield rows, reader.request([features[row] for row in rows], request_column(table, "shots", rows), copies)


def _features(reader: CircuitReader, table: CsvTable, row: int, name: str) -> Features:
    """Return the figures of the circuit that a row names; an error says where row and circuit stand."""
    try:
        return reader.features(Path(table.path).parent / name)
    except CircuitError as error:
        raise CircuitError(
            error.message,
            where=f"{table.path}:{table.lines[row]}: {CIRCUIT}: {error.where}",
            allowed=error.allowed,
            suggestion=error.suggestion,
            hint=error.hint,
        ) from None


def _write(path: Path, table: CsvTable, prediction: Prediction) -> None:
    kept = [i for i, name in enumerate(table.header) if name not in ADDED]
    added = (prediction.median_s, prediction.p5_s, prediction.p95_s)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*(table.header[i] for i in kept), *ADDED])
        for row, cells in enumerate(table.rows):
            writer.writerow([*(cells[i] for i in kept), *(f"{column[row]:.6g}" for column in added)])
