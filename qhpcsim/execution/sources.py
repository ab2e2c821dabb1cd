"""The circuits that a table of tasks names: families by name, files relative to the table."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from qhpcsim.circuits.named import is_named
from qhpcsim.circuits.qasm import read_circuit
from qhpcsim.core.errors import CircuitError, QhpcsimError, shorten
from qhpcsim.core.registry import lookup
from qhpcsim.core.task_records import TaskTable, word_texts
from qhpcsim.execution.circuit_task import CircuitTask, qpy_bytes


class CircuitSources:
    """Finds circuits and hands them to tasks; each file is read once.

    Args:
        folder: Where relative paths start.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self._read: dict[str, tuple[str | bytes, int]] = {}

    def source(self, name: str) -> str | bytes:
        """Return the circuit as a task carries it.

        Raises:
            QhpcsimError: if there is no such family or file, or it cannot be read.
        """
        return self._entry(name)[0]

    def width(self, name: str) -> int:
        """Return the number of qubits that a name states or a file has; -1 if it cannot be read."""
        try:
            return self._entry(name)[1]
        except QhpcsimError:
            return -1

    def work(self, table: TaskTable, row: int, threads: int = 1) -> CircuitTask:
        """Return what a row of the table asks for, without a seed.

        A task of several circuits runs copies of the one that it names, each with its own seed.
        """
        one = table.take(np.array([row]))
        (name,), (observable,) = word_texts(one.circuit, 1), word_texts(one.observable, 1)
        (device_class,) = word_texts(one.device_class, 1)
        n_circuits = 1 if one.n_circuits is None else max(1, int(one.n_circuits[0]))
        shots = 0 if one.shots is None else int(one.shots[0])
        return CircuitTask(
            (self.source(name),) * n_circuits, shots, observable, threads=threads, device_class=device_class
        )

    def _entry(self, name: str) -> tuple[str | bytes, int]:
        if name not in self._read:
            self._read[name] = self._found(name)
        return self._read[name]

    def _found(self, name: str) -> tuple[str | bytes, int]:
        if is_named(name):
            family, width = name.split(":")[:2]
            lookup("circuit_family", family, "circuit")
            return name, int(width)
        path = (self.folder / name).resolve()
        if not path.is_relative_to(self.folder):
            raise CircuitError("lies outside the folder of its table", where=f"circuit {shorten(name)}")
        if not path.is_file():
            raise CircuitError("neither a family:n:params nor a file", where=f"circuit {shorten(name)}")
        circuit = read_circuit(path, measure_all=True)
        return qpy_bytes(circuit), circuit.num_qubits
