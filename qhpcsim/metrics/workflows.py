"""Figures of applications: how long they took by motif, and where their tasks' time went."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from qhpcsim.core.task_records import TaskState, TaskTable, word_texts


class ApplicationRow(NamedTuple):
    """One application; times on the simulation's axis, NaN where a thing never happened."""

    name: str
    motif: str
    user: str
    submitted_s: float
    started_s: float
    """Its first stage began."""
    ended_s: float
    state: str
    """As ``middleware.workflows.WorkflowRun.state`` words it."""
    n_tasks: int
    n_failed: int
    """Tasks and calls that were lost for good."""


def summarise_workflows(applications: Sequence[ApplicationRow], tasks: TaskTable) -> dict[str, Any]:
    """Return the figures of applications and tasks; None where there is nothing to say.

    Args:
        applications: The applications.
        tasks: Their tasks, QPU calls and client steps.

    Returns:
        Counts, mean and 95th percentile of the time to solution in seconds, the same by motif, and by class of device
        the number of tasks, their mean wait, and the seconds that they ran.
    """
    motifs = dict.fromkeys(row.motif for row in applications)
    classes = np.array(word_texts(tasks.device_class, tasks.n), dtype=object)
    return {
        **_figures(applications),
        "n_tasks": tasks.n,
        "n_tasks_lost": int(np.isin(tasks.state, _LOST).sum()),
        "by_motif": {motif: _figures([row for row in applications if row.motif == motif]) for motif in motifs},
        "by_device_class": {
            str(name): _class_figures(tasks, classes == name) for name in sorted(set(classes.tolist())) if name
        },
    }


_LOST = [int(s) for s in (TaskState.FAILED, TaskState.TIMED_OUT, TaskState.LOST_WORKER, TaskState.CANCELLED)]


def _figures(rows: Sequence[ApplicationRow]) -> dict[str, Any]:
    took_s = np.array([row.ended_s - row.submitted_s for row in rows if np.isfinite(row.ended_s)])
    return {
        "n_applications": len(rows),
        "n_completed": len(took_s),
        "n_with_lost_tasks": sum(row.n_failed > 0 for row in rows),
        "mean_time_to_solution_s": float(took_s.mean()) if len(took_s) else None,
        "p95_time_to_solution_s": float(np.percentile(took_s, 95)) if len(took_s) else None,
    }


def _class_figures(tasks: TaskTable, here: np.ndarray) -> dict[str, Any]:
    wait_s = (tasks.started_s - tasks.submitted_s)[here]
    ran_s = (tasks.ended_s - tasks.started_s)[here]
    wait_s, ran_s = wait_s[np.isfinite(wait_s)], ran_s[np.isfinite(ran_s)]
    return {
        "n_tasks": int(here.sum()),
        "mean_wait_s": float(wait_s.mean()) if len(wait_s) else None,
        "run_s": float(ran_s.sum()),
    }
