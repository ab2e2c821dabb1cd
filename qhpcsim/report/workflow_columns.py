"""The columns of ``workflows.csv`` and ``tasks.csv`` that figures need, as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from qhpcsim.core.records import FloatArray
from qhpcsim.core.task_records import TaskState, TaskTable, word_texts
from qhpcsim.metrics.hybrid_data import IntArray
from qhpcsim.metrics.workflows import ApplicationRow

if TYPE_CHECKING:
    import pandas as pd

APPLICATION_WORDS = ("workflow", "motif", "user", "state")
TASK_COLUMNS = (
    "workflow", "device", "device_class", "pilot", "worker",
    "n_cores", "n_gpus", "submitted_s", "started_s", "ended_s", "state",
)  # fmt: skip
TASK_WORDS = ("workflow", "device", "device_class", "pilot", "worker", "state")
CLASSES = ("cpu", "gpu", "qpu")
_NONE = -1


@dataclass
class WorkflowColumns:
    """n applications and m tasks; times on the simulation's axis, NaN where there is none."""

    name: Sequence[str]
    motif: Sequence[str]
    state: Sequence[str]
    submitted_s: FloatArray
    ended_s: FloatArray
    n_tasks: IntArray
    n_failed: IntArray
    owner: IntArray
    """(m,) application of each task."""
    device: Sequence[str]
    """(m,) card, or for a call the QPU."""
    device_class: IntArray
    """(m,) index into ``CLASSES``; -1: none."""
    pilot: Sequence[str]
    """(m,) name of the pilot; empty: none."""
    worker: Sequence[str]
    """(m,) nodes of the pilot."""
    n_cores: FloatArray
    n_gpus: FloatArray
    task_submitted_s: FloatArray
    task_started_s: FloatArray
    task_ended_s: FloatArray
    queued: np.ndarray
    """(m,) whether the task was waiting when the simulation stopped, for its first attempt or another."""

    @property
    def n(self) -> int:
        """Number of applications."""
        return len(self.submitted_s)


def workflow_columns(applications: Sequence[ApplicationRow], tasks: TaskTable) -> WorkflowColumns:
    """Return the arrays straight from a simulation."""
    words = {name: word_texts(getattr(tasks, name), tasks.n) for name in TASK_WORDS[:-1]}
    nothing = np.zeros(tasks.n)
    return _columns(
        [row.name for row in applications],
        [row.motif for row in applications],
        [row.state for row in applications],
        np.array([row.submitted_s for row in applications], dtype=np.float64),
        np.array([row.ended_s for row in applications], dtype=np.float64),
        np.array([row.n_tasks for row in applications], dtype=np.int64),
        np.array([row.n_failed for row in applications], dtype=np.int64),
        words,
        nothing if tasks.n_cores is None else tasks.n_cores.astype(np.float64),
        nothing if tasks.n_gpus is None else tasks.n_gpus.astype(np.float64),
        (tasks.submitted_s, tasks.started_s, tasks.ended_s),
        np.asarray(tasks.state == TaskState.QUEUED),
    )


def written_columns(applications: pd.DataFrame, tasks: pd.DataFrame) -> WorkflowColumns:
    """Return the same arrays from the tables of a run folder.

    Raises:
        ValueError: if a task belongs to no application, or a cell is not the number it must be.
        KeyError: if a column is missing.
    """
    apps = {name: _texts(applications, name) for name in ("workflow", "motif", "state")}
    return _columns(
        apps["workflow"],
        apps["motif"],
        apps["state"],
        _reals(applications, "submitted_s"),
        _reals(applications, "ended_s"),
        applications["n_tasks"].to_numpy(dtype=np.int64),
        applications["n_failed"].to_numpy(dtype=np.int64),
        {name: _texts(tasks, name) for name in TASK_WORDS[:-1]},
        np.nan_to_num(_reals(tasks, "n_cores")),
        np.nan_to_num(_reals(tasks, "n_gpus")),
        tuple(_reals(tasks, name) for name in ("submitted_s", "started_s", "ended_s")),
        (tasks["state"] == "queued").to_numpy(dtype=bool),
    )


def _columns(
    name: Sequence[str],
    motif: Sequence[str],
    state: Sequence[str],
    submitted_s: FloatArray,
    ended_s: FloatArray,
    n_tasks: IntArray,
    n_failed: IntArray,
    words: dict[str, list[str]],
    n_cores: FloatArray,
    n_gpus: FloatArray,
    times_s: Sequence[FloatArray],
    queued: np.ndarray,
) -> WorkflowColumns:
    place = {each: k for k, each in enumerate(name)}
    lost = next((each for each in words["workflow"] if each not in place), None)
    if lost is not None:
        raise ValueError(f"a task belongs to {lost!r}, which is no application")
    classes = {each: k for k, each in enumerate(CLASSES)}
    return WorkflowColumns(
        name=name,
        motif=motif,
        state=state,
        submitted_s=submitted_s,
        ended_s=ended_s,
        n_tasks=n_tasks,
        n_failed=n_failed,
        owner=np.array([place[each] for each in words["workflow"]], dtype=np.int64),
        device=words["device"],
        device_class=np.array([classes.get(each, _NONE) for each in words["device_class"]], dtype=np.int64),
        pilot=words["pilot"],
        worker=words["worker"],
        n_cores=n_cores,
        n_gpus=n_gpus,
        task_submitted_s=times_s[0],
        task_started_s=times_s[1],
        task_ended_s=times_s[2],
        queued=queued,
    )


def _texts(table: pd.DataFrame, column: str) -> list[str]:
    return [str(text) for text in table[column].fillna("").tolist()]


def _reals(table: pd.DataFrame, column: str) -> FloatArray:
    return np.asarray(table[column].to_numpy(dtype=np.float64, na_value=np.nan))
