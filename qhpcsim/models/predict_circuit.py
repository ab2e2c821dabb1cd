"""Predict what circuits in files need on a calibrated QPU: time, fidelity, price."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from qhpcsim.circuits.features import Features
from qhpcsim.core.errors import CircuitError, ConfigError, QhpcsimError
from qhpcsim.models.fidelity import DeviceErrors, Slope, success_probability
from qhpcsim.models.qpu import open_qpu
from qhpcsim.models.qpu_circuits import CircuitReader
from qhpcsim.models.qpu_price import card_prices, job_price
from qhpcsim.models.requests import Outside, Request

ENDINGS = (".qasm", ".qpy")
COLUMNS = (
    "file", "predicted_s", "p5_s", "p95_s", "n_qubits", "depth", "n_2q", "duration_s", "fidelity", "price", "currency",
    "note", "error",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class CircuitAnswer:
    """What one job of a circuit needs on a QPU."""

    features: Features
    """Of the circuit compiled for the device."""
    time_s: tuple[float, float, float]
    """Median and the ends of a 90 % interval."""
    fidelity: float | None
    """None: the card states no errors."""
    price: tuple[float, float, float] | None
    """At the three times; None: the card states no prices."""
    currency: str
    outside: list[Outside]
    """Fitted ranges of the card that the job leaves."""

    def row(self, file: str) -> list[str]:
        """Return cells in the order of ``COLUMNS``; empty where there is nothing to say."""
        found = self.features
        price = None if self.price is None else self.price[0]
        values = (*self.time_s, found.n_qubits, found.depth, found.n_2q, found.duration_s, self.fidelity, price)
        note = "; ".join(self.notes())
        return [file, *("" if value is None else f"{value:.6g}" for value in values), self.currency, note, ""]

    def notes(self) -> list[str]:
        """Return what a reader of the figures must know."""
        notes = [f"extrapolated: {p.column} outside the fitted {p.low:g} … {p.high:g}" for p in self.outside]
        if self.features.dynamic:
            notes.append("decides on outcomes or uses a measured qubit again; the time of that is not modelled")
        return notes


class CircuitPredictor:
    """Answers for circuit files on one QPU.

    Args:
        card_name: A card in ``calibration/qpu/`` or the path of one.
        measure_all: Measure every qubit of a circuit that holds no measurement.
        settings: Numbers that replace the card's.

    Raises:
        CardError: if the card is wrong, or its device has no gates.
    """

    def __init__(self, card_name: str, measure_all: bool = False, **settings: Any) -> None:
        self.model = open_qpu(card_name, **settings)
        self.reader = CircuitReader(self.model, measure_all)
        self.prices = card_prices(self.model.card)
        self.errors = DeviceErrors.of(self.model) if DeviceErrors.known(self.model) else None

    def answer(self, path: Path, shots: int = 1024, copies: int = 1) -> CircuitAnswer:
        """Return what a job of ``copies`` equal circuits needs.

        Raises:
            QhpcsimError: if the file is wrong, or the device cannot run the job.
        """
        features = self.reader.features(path)
        try:
            request = self.reader.request([features], shots, copies)
            self.model.refuse(request)
        except ConfigError as error:
            raise CircuitError(error.message, where=str(path), allowed=error.allowed, hint=error.hint) from None
        found = self.model.predict(request)
        times = np.array([found.median_s[0], found.p5_s[0], found.p95_s[0]])
        price = None if self.prices is None else job_price(self.prices, request, times)
        return CircuitAnswer(
            features,
            _three(times),
            self._fidelity(request),
            None if price is None else _three(price),
            "" if self.prices is None else self.prices.currency,
            self.model.outside(request),
        )

    def _fidelity(self, request: Request) -> float | None:
        if self.errors is None:
            return None
        return float(Slope.from_card().fidelity(success_probability(request, self.errors))[0])


def circuit_files(folder: Path) -> list[Path]:
    """Return the circuit files of a folder by name, without its subfolders.

    Raises:
        CircuitError: if there is no such folder, or it holds no circuit.
    """
    if not folder.is_dir():
        raise CircuitError("no such folder", where=str(folder), hint="--circuit takes one file")
    found = sorted(path for path in folder.iterdir() if path.suffix in ENDINGS)
    if not found:
        raise CircuitError("no circuits in the folder", where=str(folder), allowed=", ".join(f"*{e}" for e in ENDINGS))
    return found


def refused(file: str, error: QhpcsimError) -> list[str]:
    """Return the row of a file that has no answer."""
    return [file, *[""] * (len(COLUMNS) - 2), one_line(error)]


def write_rows(path: Path, rows: list[list[str]]) -> None:
    """Write rows under ``COLUMNS`` as CSV."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([COLUMNS, *rows])


def one_line(error: QhpcsimError) -> str:
    """Return place and message of an error on one line."""
    return f"{error.where}: {error.message}" if error.where else error.message


def _three(values: Any) -> tuple[float, float, float]:
    median, low, high = (float(value) for value in values)
    return median, low, high
