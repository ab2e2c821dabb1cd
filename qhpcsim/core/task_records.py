"""Records of tasks that cross room boundaries: what ran where, when and how it ended, simulated or executed.

The simulator and the execution engines fill the same table, and ``results/tasks_csv.py`` writes it, also under the
names of Pilot-Quantum's ``metrics.csv``.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.records import Categories, FloatArray, IntArray


class TaskState(IntEnum):
    """How a task ended, or where it was when the run stopped."""

    SUCCESS = 0
    FAILED = 1
    """Its work raised an error."""
    TIMED_OUT = 2
    """It was stopped at its own time limit."""
    LOST_WORKER = 3
    """Its worker died under it, more often than the retries allow."""
    BUDGET = 4
    """The time for the whole run was spent: it was stopped, or never started."""
    CANCELLED = 5
    """Taken back before it ended."""
    RUNNING = 6
    """On its worker when the run stopped."""
    QUEUED = 7
    """Never started when the run stopped."""


STATUS = ("SUCCESS", "FAILED", "FAILED", "FAILED", "FAILED", "FAILED", "RUNNING", "QUEUED")
"""Pilot-Quantum's word for each ``TaskState``; QUEUED is ours: it writes no row before a task starts."""
REASON = ("", "failed", "timed_out", "lost_worker", "budget", "cancelled", "", "")
"""Why there is no result, for each ``TaskState``."""


@dataclass(slots=True)
class TaskTable:
    """Tasks as arrays of length n, in submission order. Columns that are None are not given and cost nothing.

    Times are seconds on one axis: the simulation's own, or Unix time where tasks were executed.
    """

    task_id: NDArray[np.generic]
    """(n,) int64, or an object array of str; unique."""
    submitted_s: FloatArray
    started_s: FloatArray
    """(n,) start of the last attempt; NaN: never started."""
    ended_s: FloatArray
    """(n,) NaN: never started, or still running."""
    state: NDArray[np.int8]
    """(n,) ``TaskState``."""
    workflow: Categories | None = None
    """Workflow (or hybrid job) that the task belongs to."""
    motif: Categories | None = None
    """Registered name of the motif that made the task."""
    kind: Categories | None = None
    """What is done: a registered ``work`` (sampling, expectation, sub_experiments), ``qpu`` or a classical step."""
    device: Categories | None = None
    """Card of the device it ran on."""
    device_class: Categories | None = None
    """``cpu``, ``gpu`` or ``qpu``."""
    circuit: Categories | None = None
    """``family:n:params``, or the path of an OpenQASM file relative to the run folder."""
    observable: Categories | None = None
    """Pauli string in Qiskit's order, leftmost letter on the highest qubit."""
    worker: Categories | None = None
    """Worker or slot that ran the last attempt."""
    pilot: Categories | None = None
    """Pilot that the task was sent to."""
    error: Categories | None = None
    """One line of what went wrong."""
    n_qubits: IntArray | None = None
    """(n,) width of the circuit; 0: no circuit."""
    n_circuits: IntArray | None = None
    """(n,) circuits that the task runs; None: one."""
    shots: NDArray[np.int64] | None = None
    """(n,) shots of each circuit; 0: none, such as an expectation value."""
    n_cores: IntArray | None = None
    n_gpus: FloatArray | None = None
    """(n,) fractions allowed."""
    attempts: IntArray | None = None
    """(n,) times it was started."""
    predicted_s: FloatArray | None = None
    """(n,) median that its device model predicts for the work alone, without dispatch and start-up."""
    p5_s: FloatArray | None = None
    """(n,) lower end of the model's 90 % interval."""
    p95_s: FloatArray | None = None
    staging_s: FloatArray | None = None
    """(n,) time to bring its input; None: zero."""
    input_bytes: FloatArray | None = None

    @property
    def n(self) -> int:
        """Number of tasks."""
        return len(self.submitted_s)

    def take(self, rows: NDArray[np.integer] | NDArray[np.bool_]) -> TaskTable:
        """Return some of the tasks, by index or mask."""
        return TaskTable(**{each.name: _rows(getattr(self, each.name), rows) for each in fields(self)})


def word_column(words: list[str]) -> Categories:
    """Return a column of words, names in order of first appearance; an empty text is "not given"."""
    place = dict.fromkeys(words, 0)
    names = tuple(word for word in place if word)
    place |= {name: code for code, name in enumerate(names)}
    if "" in place:
        place[""] = -1
    return Categories(np.fromiter(map(place.__getitem__, words), dtype=np.int32, count=len(words)), names)


def word_texts(column: Categories | None, n: int) -> list[str]:
    """Return a column of words as n texts; "" where nothing is given."""
    if column is None:
        return [""] * n
    return [column.names[code] if code >= 0 else "" for code in column.code.tolist()]


def _rows(column: Any, rows: NDArray[np.generic]) -> Any:
    if isinstance(column, Categories):
        return Categories(column.code[rows], column.names)
    return column[rows] if isinstance(column, np.ndarray) else column
