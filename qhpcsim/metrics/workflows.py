"""Figures of applications: how long they took by motif, what they held, used and paid, where their tasks' time went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from qhpcsim.core.records import FloatArray
from qhpcsim.core.task_records import TaskState, TaskTable, word_texts
from qhpcsim.metrics.call_costs import call_costs
from qhpcsim.metrics.pilots import PilotTable, PilotTasks, pilot_tasks, used_gpu_s, used_node_s
from qhpcsim.metrics.qpu_data import BoolArray, QpuData


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


def summarise_use(
    applications: Sequence[ApplicationRow],
    tasks: TaskTable,
    pilots: PilotTable,
    partitions: Sequence[str],
    qpu: QpuData | None,
) -> dict[str, Any]:
    """Return what applications held of nodes and GPUs, what their tasks used, and what their QPU calls cost.

    Args:
        applications: The applications.
        tasks: Their tasks, QPU calls and client steps.
        pilots: Their pilots.
        partitions: Names of the partitions.
        qpu: Jobs of the QPU service; None: there is none.

    Returns:
        The figures of all; under ``by_motif`` those of each motif, and under ``by_partition`` those of the pilots in
        each partition. A pilot counts for the motif of the application that brought it, a task for its own.
    """
    place = {row.name: k for k, row in enumerate(applications)}
    of_task = np.array([place[name] for name in word_texts(tasks.workflow, tasks.n)], dtype=np.int64)
    here, on_qpu = _on_pilots(tasks, pilots), _on_qpu(tasks)
    held, used, calls = _held(pilots, here), _used(tasks, here, on_qpu), _costs(tasks, on_qpu, qpu)
    motif = np.array([row.motif for row in applications], dtype=object)

    def of(pilot_members: np.ndarray, task_members: np.ndarray) -> dict[str, Any]:
        return {
            **_shares(held, pilot_members),
            **{key: float(amount[task_members].sum()) for key, amount in used.items()},
            **({"cost": {key: float(each[task_members].sum()) for key, each in calls.items()}} if calls else {}),
        }

    motifs = {name: motif == name for name in dict.fromkeys(motif.tolist())}
    homes = {name: pilots.partition == k for k, name in enumerate(partitions)}
    return {
        **of(np.ones(len(pilots.name), dtype=bool), np.ones(tasks.n, dtype=bool)),
        "by_motif": {name: of(members[pilots.owner], members[of_task]) for name, members in motifs.items()},
        "by_partition": {name: _shares(held, members) for name, members in homes.items() if members.any()},
    }


def _on_pilots(tasks: TaskTable, pilots: PilotTable) -> PilotTasks:
    return pilot_tasks(
        pilots,
        word_texts(tasks.pilot, tasks.n),
        word_texts(tasks.worker, tasks.n),
        np.zeros(tasks.n) if tasks.n_gpus is None else tasks.n_gpus,
        tasks.started_s,
        tasks.ended_s,
        np.asarray(tasks.state == TaskState.QUEUED),
    )


def _on_qpu(tasks: TaskTable) -> BoolArray:
    return np.array([name == "qpu" for name in word_texts(tasks.device_class, tasks.n)], dtype=bool)


def _held(pilots: PilotTable, here: PilotTasks) -> dict[str, FloatArray]:
    """Return (k,) what was held and used of each pilot."""
    k = len(pilots.name)
    return {
        "held_node_s": pilots.held_node_s,
        "used_node_s": used_node_s(here, k),
        "held_gpu_s": pilots.held_gpu_s,
        "used_gpu_s": used_gpu_s(here, k),
    }


def _shares(amounts: Mapping[str, FloatArray], members: np.ndarray) -> dict[str, Any]:
    """Return the sums of some pilots, and what share of the held time was of use."""
    total = {key: float(amount[members].sum()) for key, amount in amounts.items()}
    return {
        "n_pilots": int(members.sum()),
        **total,
        "held_idle_frac": 1.0 - total["used_node_s"] / total["held_node_s"] if total["held_node_s"] > 0 else None,
        "gpu_duty_frac": total["used_gpu_s"] / total["held_gpu_s"] if total["held_gpu_s"] > 0 else None,
    }


def _used(tasks: TaskTable, here: PilotTasks, on_qpu: BoolArray) -> dict[str, FloatArray]:
    """Return (m,) core time of each task on a pilot, and QPU time of each call that has ended."""
    core_s = np.zeros(tasks.n)
    if tasks.n_cores is not None:
        core_s[here.row] = (here.end_s - here.start_s) * tasks.n_cores[here.row]
    return {"used_core_s": core_s, "qpu_s": np.nan_to_num(tasks.ended_s - tasks.started_s) * on_qpu}


def _costs(tasks: TaskTable, on_qpu: BoolArray, qpu: QpuData | None) -> dict[str, FloatArray]:
    if qpu is None:
        return {}
    return call_costs(qpu, on_qpu, word_texts(tasks.device, tasks.n), tasks.submitted_s, tasks.started_s)
