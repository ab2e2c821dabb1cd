"""What is predicted for a task: by a card's model, or by the run that the task comes from."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from qhpcsim.circuits.cost import circuit_cost
from qhpcsim.circuits.observable import Observable
from qhpcsim.core.task_records import TaskTable
from qhpcsim.execution.aer import compiled
from qhpcsim.execution.circuit_task import open_circuit
from qhpcsim.execution.sources import CircuitSources
from qhpcsim.models.cpu_statevector import CpuStateVector
from qhpcsim.models.statevector import StateVectorModel
from qhpcsim.models.statevector_cards import open_statevector


@dataclass(frozen=True, slots=True)
class Forecast:
    """Time of the work of one task: median and the ends of a 90 % interval, in seconds; NaN: not predicted."""

    median_s: float
    p5_s: float
    p95_s: float
    n_qubits: int
    """Width of the circuit as it runs."""
    threads: int = 1
    """Threads that it holds for."""
    note: str = ""
    """Where it leaves the range of the card."""


@dataclass(frozen=True, slots=True)
class Judged:
    """The model of a card, whose predictions are judged."""

    card: str
    model: StateVectorModel
    device_class: str
    """Tasks of this class are sampled."""
    threads: int = 1
    """Threads that the card was measured with."""


def open_judged(card: str) -> Judged:
    """Return the model of one device's card, by its name or path.

    Raises:
        CardError: if there is no such card, or it is wrong.
    """
    model = open_statevector(card)
    if isinstance(model, CpuStateVector):
        return Judged(model.name, model, "cpu", model.threads)
    return Judged(model.name, model, "gpu")


class Forecaster:
    """Predicts the tasks of a table.

    Args:
        judged: What predicts; None: the table's own predictions are judged.
        sources: Where circuits come from.
    """

    def __init__(self, judged: Judged | None, sources: CircuitSources) -> None:
        self.judged, self.sources = judged, sources
        self._known: dict[tuple[str | bytes, int, str], Forecast] = {}

    def forecast(self, table: TaskTable, row: int) -> Forecast:
        """Return the forecast for one row of a table.

        Raises:
            QhpcsimError: if its circuit cannot be read, or its observable does not fit.
        """
        work = self.sources.work(table, row)
        key = work.circuits[0], work.shots_each[0], work.observable
        if key not in self._known:
            self._known[key] = self._of_one(*key)
        one = self._known[key]
        if self.judged is None:
            return _own(table, row, one.n_qubits)
        n = len(work.circuits)
        return replace(one, median_s=n * one.median_s, p5_s=n * one.p5_s, p95_s=n * one.p95_s)

    def _of_one(self, source: str | bytes, shots: int, observable: str) -> Forecast:
        """Return the forecast for one circuit; the model's, or without times."""
        circuit = compiled(open_circuit(source), observable)
        if self.judged is None:
            return Forecast(math.nan, math.nan, math.nan, circuit.num_qubits)
        wanted = Observable.parse(observable, "observable") if observable else None
        bare = compiled(open_circuit(source)) if observable else circuit
        cost = circuit_cost(bare, shots=max(shots, 1), observable=wanted, threads=self.judged.threads)
        model, threads = self.judged.model, self.judged.threads
        found = model.predict(cost)
        note = "; ".join(model.notes(cost)) if isinstance(model, CpuStateVector) else ""
        return Forecast(found.median_s, found.p5_s, found.p95_s, circuit.num_qubits, threads, note)


def _own(table: TaskTable, row: int, n_qubits: int) -> Forecast:
    """Return the prediction that a table carries for one of its tasks."""
    median_s, p5_s, p95_s = (
        math.nan if column is None else float(column[row]) for column in (table.predicted_s, table.p5_s, table.p95_s)
    )
    return Forecast(median_s, p5_s, p95_s, n_qubits, 1 if table.n_cores is None else max(1, int(table.n_cores[row])))
