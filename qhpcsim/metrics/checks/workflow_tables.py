"""``workflows.csv`` and ``tasks.csv`` as arrays, read independently of the code that wrote them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from qhpcsim.core.errors import RunFolderError
from qhpcsim.core.task_records import TaskState
from qhpcsim.metrics.checks.cells import codes, floats, need
from qhpcsim.metrics.checks.tables import RELATIVE, Flags, Floats, Integers, Violation
from qhpcsim.metrics.pilots import WORKER, Nodes, PilotTable, pilot_table

if TYPE_CHECKING:
    import pandas as pd

STATES = ("QUEUED", "RUNNING", "COMPLETED", "INCOMPLETE", "STRANDED")
TASK_STATES = tuple(state.name.lower() for state in TaskState)
"""Words in the order of their codes."""
_TIMES = ("submitted_s", "started_s", "ended_s")
_AMOUNTS = ("n_cores", "n_gpus", "predicted_s", "p5_s", "p95_s")
_COUNTS = ("n_qubits", "n_circuits", "shots", "attempts")
_OTHER = ("submit_time", "wait_time_secs", "staging_time_secs", "input_staging_data_size_bytes", "execution_secs",
          "completion_time")  # fmt: skip
_WORDS = ("task_id", "motif", "kind", "device", "device_class", "circuit", "pilot", "worker", "pilot_scheduled",
          "status", "error_msg")  # fmt: skip


@dataclass(frozen=True)
class WorkflowTables:
    """The tables of a run with n applications, m tasks and k pilots; times on the simulation's axis."""

    name: list[str]
    motif: list[str]
    user: list[str]
    state: Integers
    """(n,) place in ``STATES``."""
    submitted_s: Floats
    started_s: Floats
    ended_s: Floats
    n_tasks: Integers
    n_failed: Integers
    owner: Integers
    """(m,) application of each task."""
    task_state: Integers
    """(m,) ``TaskState``."""
    real: dict[str, Floats]
    """(m,) columns of numbers of ``tasks.csv``, by name."""
    word: dict[str, list[str]]
    """(m,) columns of words, by name; "" for an empty cell."""
    pilots: PilotTable
    pilot_submit_s: Floats
    pilot_user: list[str]
    zero_s: float
    """The simulation's zero on the axis of ``jobs.csv``."""

    @property
    def m(self) -> int:
        """Number of tasks."""
        return len(self.owner)

    def is_in(self, *states: TaskState) -> Flags:
        """Return (m,) whether a task is in one of some states."""
        return np.isin(self.task_state, [int(state) for state in states])

    @cached_property
    def lost(self) -> Flags:
        """(m,) whether the task was lost for good."""
        return ~self.is_in(TaskState.SUCCESS, TaskState.RUNNING, TaskState.QUEUED)

    @cached_property
    def is_call(self) -> Flags:
        """(m,) whether it is a QPU call."""
        return np.array([word == "qpu" for word in self.word["device_class"]], dtype=bool)

    @cached_property
    def is_step(self) -> Flags:
        """(m,) whether it is work of the application itself: neither a call nor for a pilot."""
        alone = np.array([word == "" for word in self.word["pilot"]], dtype=bool)
        return np.asarray(alone & ~self.is_call & self.is_in(TaskState.SUCCESS, TaskState.RUNNING))

    @cached_property
    def pilot(self) -> Integers:
        """(m,) pilot of each task; -1: it names none, or one that is not there."""
        place = {name: k for k, name in enumerate(self.pilots.name)}
        return np.array([place.get(name, -1) for name in self.word["pilot"]], dtype=np.int64)

    @cached_property
    def spot(self) -> Integers:
        """(m, 2) first node and number of nodes; (-1, 0) where the cell says none, or not in this form."""
        found = [WORKER.fullmatch(text) for text in self.word["worker"]]
        spots = [(int(each[1]), 1 + int(each[2] or 0)) if each else (-1, 0) for each in found]
        return np.array(spots, dtype=np.int64).reshape(-1, 2)

    @cached_property
    def on_nodes(self) -> Integers:
        """Rows of tasks that ran on nodes of pilots."""
        ran = np.isfinite(self.real["started_s"]) & ~self.is_in(TaskState.QUEUED)
        return np.flatnonzero(ran & (self.pilot >= 0) & (self.spot[:, 1] > 0))

    @cached_property
    def until_s(self) -> Floats:
        """(m,) end of each task; its pilot's where that is earlier or its own is not known."""
        limit_s = np.append(self.pilots.end_s, np.nan)[self.pilot]
        return np.asarray(np.fmin(self.real["ended_s"], limit_s))

    @cached_property
    def horizon_s(self) -> float:
        """The last instant that anything is known of."""
        times = [self.submitted_s, self.ended_s, self.real["ended_s"], self.pilots.end_s]
        return float(np.nanmax(np.concatenate([np.zeros(1), *times])))

    @cached_property
    def rounding_s(self) -> float:
        """Rounding of a time in some file."""
        return 2 * float(np.spacing(abs(self.zero_s) + self.horizon_s))

    @cached_property
    def tolerance_s(self) -> float:
        """Allowed difference of two times: 1e-9 of the run's length, and its rounding."""
        return RELATIVE * max(1.0, self.horizon_s) + 2 * self.rounding_s

    def report(self, rule: str, bad: Flags, text: str) -> Iterator[Violation]:
        """Yield one violation for each flagged application."""
        for row in np.flatnonzero(bad).tolist():
            yield Violation(rule, f"{self.name[row]} (workflows.csv)", text)

    def report_tasks(self, rule: str, bad: Flags, text: str) -> Iterator[Violation]:
        """Yield one violation for each flagged task."""
        for row in np.flatnonzero(bad).tolist():
            yield Violation(rule, self.name[self.owner[row]], f"row {row + 1} of tasks.csv {text}")

    def report_pilots(self, rule: str, bad: Flags, text: str) -> Iterator[Violation]:
        """Yield one violation for each flagged pilot."""
        for row in np.flatnonzero(bad).tolist():
            yield Violation(rule, f"{self.pilots.name[row]} (jobs.csv)", text)


def read_tables(
    workflows: pd.DataFrame, tasks: pd.DataFrame, jobs: pd.DataFrame, partitions: Sequence[Nodes], zero_s: float
) -> WorkflowTables:
    """Return the tables of a run folder that speak of applications.

    Args:
        workflows: The rows of ``workflows.csv``.
        tasks: The rows of ``tasks.csv``.
        jobs: The rows of ``jobs.csv``.
        partitions: The machine, in node-id order.
        zero_s: The simulation's zero on the axis of ``jobs.csv``.

    Raises:
        RunFolderError: if a column is missing, a cell holds a word that has no meaning there, or a name is there twice.
    """
    need(workflows, "workflows.csv", ("workflow", "motif", "user", *_TIMES, "state", "n_tasks", "n_failed"))
    need(tasks, "tasks.csv", ("workflow", "state", *_WORDS, *_TIMES, *_AMOUNTS, *_COUNTS, *_OTHER))
    names = _texts(workflows, "workflow")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise RunFolderError(f"application {twice!r} is there twice", where="workflows.csv", hint="run it again")
    last_s = float(np.nanmax(np.concatenate([np.zeros(1), *(floats(jobs, each) for each in _WHEN)])))
    start_s, end_s = floats(jobs, "starting_time"), floats(jobs, "finish_time")
    end_s = np.where(np.isfinite(start_s) & ~np.isfinite(end_s), last_s, end_s)
    pilots = pilot_table(
        jobs["job_id"],
        names,
        floats(jobs, "requested_number_of_resources"),
        start_s - zero_s,
        end_s - zero_s,
        _first_nodes(jobs),
        partitions,
    )
    return WorkflowTables(
        name=names,
        motif=_texts(workflows, "motif"),
        user=_texts(workflows, "user"),
        state=_known(workflows, "workflows.csv", "state", STATES),
        submitted_s=floats(workflows, "submitted_s"),
        started_s=floats(workflows, "started_s"),
        ended_s=floats(workflows, "ended_s"),
        n_tasks=_whole(workflows, "n_tasks"),
        n_failed=_whole(workflows, "n_failed"),
        owner=_known(tasks, "tasks.csv", "workflow", names),
        task_state=_known(tasks, "tasks.csv", "state", TASK_STATES),
        real={column: floats(tasks, column) for column in (*_TIMES, *_AMOUNTS, *_COUNTS, *_OTHER)},
        word={column: _texts(tasks, column) for column in _WORDS},
        pilots=pilots,
        pilot_submit_s=floats(jobs, "submission_time")[pilots.row] - zero_s,
        pilot_user=[_user(jobs["metadata"].iloc[row]) for row in pilots.row.tolist()],
        zero_s=zero_s,
    )


_WHEN = ("submission_time", "starting_time", "finish_time")


def _first_nodes(jobs: pd.DataFrame) -> Integers:
    """Return the first node of each job; -1: it was never given nodes."""
    cells = ["" if cell is None or cell != cell else str(cell) for cell in jobs["allocated_resources"]]
    return np.array([int(cell.split()[0].split("-")[0]) if cell else -1 for cell in cells], dtype=np.int64)


def _user(metadata: object) -> str:
    loaded = json.loads(metadata) if isinstance(metadata, str) and metadata else {}
    return str(loaded.get("user", "")) if isinstance(loaded, dict) else ""


def _texts(table: pd.DataFrame, column: str) -> list[str]:
    return [str(text) for text in table[column].fillna("").tolist()]


def _whole(table: pd.DataFrame, column: str) -> Integers:
    values = floats(table, column)
    wrong = np.flatnonzero(~(values >= 0) | (values != np.floor(values)))
    if wrong.size:
        text = f"{column} is {table[column].iloc[int(wrong[0])]}"
        raise RunFolderError(text, where=f"workflows.csv:{int(wrong[0]) + 2}", allowed="a whole number ≥ 0")
    return values.astype(np.int64)


def _known(table: pd.DataFrame, file: str, column: str, words: Sequence[str]) -> Integers:
    """Return each word's place in ``words``; every cell must have one."""
    found: Integers = codes(table, file, column, words).astype(np.int64)
    empty = np.flatnonzero(found < 0)
    if empty.size:
        raise RunFolderError(f"{column} is empty", where=f"{file}:{int(empty[0]) + 2}", hint="run the scenario again")
    return found
