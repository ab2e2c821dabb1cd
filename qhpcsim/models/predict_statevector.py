"""Predict what simulating the state vector of a circuit takes on a calibrated CPU or GPU."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from qhpcsim.circuits.cost import DEFAULT_SHOTS, CircuitCost, circuit_cost
from qhpcsim.circuits.named import is_named, named_circuit
from qhpcsim.circuits.observable import Observable
from qhpcsim.circuits.qasm import read_circuit
from qhpcsim.circuits.simulator import for_simulator
from qhpcsim.core.errors import CircuitError
from qhpcsim.models.cpu_statevector import CpuStateVector
from qhpcsim.models.statevector import StateVectorPrediction
from qhpcsim.models.statevector_cards import open_statevector

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

COLUMNS = ("file", "predicted_s", "p5_s", "p95_s", "memory_bytes")
ENDING = ".qasm"


@dataclass(frozen=True, slots=True)
class Answer:
    """What one circuit takes."""

    cost: CircuitCost
    prediction: StateVectorPrediction
    dominant: str
    notes: list[str]

    def row(self, file: str) -> list[str]:
        """Return cells in the order of ``COLUMNS``."""
        found = self.prediction
        times = (f"{value:.6g}" for value in (found.median_s, found.p5_s, found.p95_s))
        return [file, *times, f"{found.memory_bytes:.0f}"]


class StateVectorPredictor:
    """Answers for circuits on one device.

    Args:
        card_name: A card in ``calibration/cpu/`` or ``calibration/gpu/``, or the path of one.
        n_devices: Number of equal GPUs.
        cluster: Card of the links between them; "": the usual ones.

    Raises:
        QhpcsimError: if the card is wrong, or its device cannot be several.
    """

    def __init__(self, card_name: str, n_devices: int = 1, cluster: str = "") -> None:
        self.model = open_statevector(card_name, n_devices, cluster)
        self.threads = self.model.threads if isinstance(self.model, CpuStateVector) else 1

    def answer(
        self, source: str, shots: int = DEFAULT_SHOTS, observable: Observable | None = None, measure_all: bool = False
    ) -> Answer:
        """Return what one warm run takes.

        Args:
            source: An OpenQASM file, or ``family:n:params``.
            shots: Number of shots.
            observable: Save its expectation value in place of measurements.
            measure_all: Measure every qubit of a file that measures none.

        Raises:
            QhpcsimError: if the circuit cannot be read, or does not fit the device.
        """
        circuit = self._read(source, measure_all or observable is not None)
        ready = for_simulator(circuit, source)
        cost = circuit_cost(ready, shots=shots, observable=observable, threads=self.threads)
        try:
            found = self.model.predict(cost)
        except CircuitError as error:
            raise CircuitError(error.message, where=source, allowed=error.allowed, hint=error.hint) from None
        return Answer(cost, found, self._dominant(cost, found), self._notes(cost))

    def _read(self, source: str, measure_all: bool) -> QuantumCircuit:
        if is_named(source) and not Path(source).exists():
            return named_circuit(source)
        return read_circuit(source, measure_all=measure_all)

    def _dominant(self, cost: CircuitCost, found: StateVectorPrediction) -> str:
        if isinstance(self.model, CpuStateVector):
            return self.model.dominant(cost)
        name = max(found.parts, key=lambda part: found.parts[part])
        return f"{name} ({found.parts[name] / sum(found.parts.values()):.0%} of the time)"

    def _notes(self, cost: CircuitCost) -> list[str]:
        return self.model.notes(cost) if isinstance(self.model, CpuStateVector) else []


def circuit_files(folder: Path) -> list[Path]:
    """Return the ``*.qasm`` files of a folder by name, without its subfolders.

    Raises:
        CircuitError: if there is no such folder, or it holds none.
    """
    if not folder.is_dir():
        raise CircuitError("no such folder", where=str(folder), hint="--circuit takes one file")
    found = sorted(path for path in folder.iterdir() if path.suffix == ENDING)
    if not found:
        raise CircuitError("no circuits in the folder", where=str(folder), allowed=f"*{ENDING}")
    return found


def refused(file: str) -> list[str]:
    """Return the row of a file that has no answer."""
    return [file, *[""] * (len(COLUMNS) - 1)]


def write_table(path: Path, rows: Sequence[Sequence[str]]) -> None:
    """Write rows under ``COLUMNS`` as CSV."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([COLUMNS, *rows])
