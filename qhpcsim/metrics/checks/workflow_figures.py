"""I06 and I16 of applications: counts add up, and every figure of key ``workflows`` follows from the tables.

Everything is computed again from the rows, in other words and with exact sums; node and GPU time from ``jobs.csv``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from qhpcsim.core.task_records import TaskState
from qhpcsim.metrics.call_costs import call_costs
from qhpcsim.metrics.checks.figures import exact_mean, exact_percentile
from qhpcsim.metrics.checks.tables import RELATIVE, Flags, Floats, Violation
from qhpcsim.metrics.checks.workflow_held import levels
from qhpcsim.metrics.checks.workflow_tables import WorkflowTables
from qhpcsim.metrics.qpu_data import QpuData

Figures = Mapping[str, Any]
_LOST = (TaskState.FAILED, TaskState.TIMED_OUT, TaskState.LOST_WORKER, TaskState.CANCELLED)


def check_conserved(tables: WorkflowTables) -> Iterator[Violation]:
    """I06: no task is lost: an application's rows are its tasks and calls, and as many were lost as it says."""
    n = len(tables.name)
    rows = np.bincount(tables.owner[~tables.is_step], minlength=n)
    over = np.isfinite(tables.ended_s)
    yield from tables.report("I06", over & (rows != tables.n_tasks), "has n_tasks that are not its rows of tasks.csv")
    yield from tables.report("I06", rows > tables.n_tasks, "has more rows in tasks.csv than n_tasks")
    lost = np.bincount(tables.owner[tables.lost], minlength=n)
    yield from tables.report("I06", lost != tables.n_failed, "has n_failed that are not its lost rows of tasks.csv")


def check_figures(
    tables: WorkflowTables, summary: Figures, partitions: list[str], qpu: QpuData | None
) -> Iterator[Violation]:
    """I16: counts, means, node, GPU and core time, costs follow from the tables, in all and by group."""
    expected = {**_times(tables, np.ones(len(tables.name), dtype=bool)), **_tasks(tables)}
    use = _Use(tables, qpu)
    everyone = np.ones(len(tables.name), dtype=bool)
    expected |= use.of(everyone)
    motif = np.array(tables.motif, dtype=object)
    groups = {name: np.asarray(motif == name, dtype=bool) for name in dict.fromkeys(tables.motif)}
    expected["by_motif"] = {name: {**_times(tables, some), **use.of(some)} for name, some in groups.items()}
    homes = {name: tables.pilots.partition == k for k, name in enumerate(partitions)}
    expected["by_partition"] = {name: use.held(members) for name, members in homes.items() if members.any()}
    stated = {key: value for key, value in summary.items() if key != "zero_s"}
    yield from _compare(tables, "workflows", stated, expected)


def _compare(tables: WorkflowTables, path: str, found: Any, expected: Any) -> Iterator[Violation]:
    """Compare figures key by key, however deep; none may be missing and none be there that is not known."""
    if isinstance(expected, Mapping) and isinstance(found, Mapping):
        for key in dict.fromkeys([*expected, *found]):
            if key not in expected or key not in found:
                where = "the summary" if key in expected else "what the tables tell"
                yield Violation("I16", "", f"{path}.{key} is not in {where}")
            else:
                yield from _compare(tables, f"{path}.{key}", found[key], expected[key])
        return
    if isinstance(found, (int, float)) and isinstance(expected, (int, float)):
        exact = isinstance(expected, int)
        close = (
            found == expected
            if exact
            else math.isclose(found, expected, rel_tol=RELATIVE, abs_tol=_slack(tables, path))
        )
    else:
        close = found is expected
    if not close:
        yield Violation("I16", "", f"{path} is {found}, the tables say {expected}")


def _slack(tables: WorkflowTables, path: str) -> float:
    """Return the allowed difference of a figure that may be close to 0: the rounding of all times that it sums."""
    if not path.endswith(("node_s", "gpu_s", "core_s")):
        return RELATIVE
    return RELATIVE + tables.rounding_s * float(tables.pilots.nodes.sum())


def _times(tables: WorkflowTables, some: Flags) -> dict[str, Any]:
    took_s = (tables.ended_s - tables.submitted_s)[some & np.isfinite(tables.ended_s)]
    return {
        "n_applications": int(some.sum()),
        "n_completed": len(took_s),
        "n_with_lost_tasks": int((tables.n_failed[some] > 0).sum()),
        "mean_time_to_solution_s": exact_mean(took_s),
        "p95_time_to_solution_s": exact_percentile(took_s, 95),
    }


def _tasks(tables: WorkflowTables) -> dict[str, Any]:
    classes = tables.word["device_class"]
    words = sorted({word for word in classes if word})
    return {
        "n_tasks": tables.m,
        "n_tasks_lost": int(tables.is_in(*_LOST).sum()),
        "by_device_class": {word: _class(tables, np.array([each == word for each in classes])) for word in words},
    }


def _class(tables: WorkflowTables, here: Flags) -> dict[str, Any]:
    wait_s = (tables.real["started_s"] - tables.real["submitted_s"])[here]
    ran_s = (tables.real["ended_s"] - tables.real["started_s"])[here]
    return {
        "n_tasks": int(here.sum()),
        "mean_wait_s": exact_mean(wait_s[np.isfinite(wait_s)]),
        "run_s": _sum(ran_s[np.isfinite(ran_s)]),
    }


def _sum(values: Floats) -> float:
    return math.fsum(values.tolist())


class _Use:
    """What pilots held, and what tasks used and cost, ready to be added up by group."""

    def __init__(self, tables: WorkflowTables, qpu: QpuData | None) -> None:
        self._tables = tables
        pilots, rows = tables.pilots, tables.on_nodes
        length_s = np.maximum(tables.until_s - tables.real["started_s"], 0.0)
        self._pilot_of, self._gpu_s = tables.pilot[rows], (length_s * tables.real["n_gpus"])[rows]
        self._held_s = np.nan_to_num(pilots.end_s - pilots.start_s) * pilots.nodes
        self._busy_of, self._busy_s = _busy(tables, length_s)
        self._core_s = np.zeros(tables.m)
        self._core_s[rows] = (length_s * tables.real["n_cores"])[rows]
        ran_s = np.nan_to_num(tables.real["ended_s"] - tables.real["started_s"])
        self._qpu_s = np.where(tables.is_call, ran_s, 0.0)
        times = (tables.real["submitted_s"], tables.real["started_s"])
        self._cost = {} if qpu is None else call_costs(qpu, tables.is_call, tables.word["device"], *times)

    def held(self, members: Flags) -> dict[str, Any]:
        """Return the figures of some pilots."""
        held_s, gpus = self._held_s[members], self._tables.pilots.gpus_per_node[members]
        held, held_gpu = _sum(held_s), _sum(held_s * gpus)
        used = _sum(self._busy_s[members[self._busy_of]])
        used_gpu = _sum(self._gpu_s[members[self._pilot_of]])
        return {
            "n_pilots": int(members.sum()),
            "held_node_s": held,
            "used_node_s": used,
            "held_gpu_s": held_gpu,
            "used_gpu_s": used_gpu,
            "held_idle_frac": 1.0 - used / held if held > 0 else None,
            "gpu_duty_frac": used_gpu / held_gpu if held_gpu > 0 else None,
        }

    def of(self, some: Flags) -> dict[str, Any]:
        """Return the figures of some applications."""
        tasks = some[self._tables.owner]
        costs = {word: _sum(each[tasks]) for word, each in self._cost.items()}
        return {
            **self.held(some[self._tables.pilots.owner]),
            "used_core_s": _sum(self._core_s[tasks]),
            "qpu_s": _sum(self._qpu_s[tasks]),
            **({"cost": costs} if costs else {}),
        }


def _busy(tables: WorkflowTables, length_s: Floats) -> tuple[np.ndarray, Floats]:
    """Return pilots, and node time with at least one task: step by step on each node, and all of a gang's nodes."""
    found, first = levels(tables)
    last = np.concatenate([found.node[1:] != found.node[:-1], [True]])[: len(found.node)]
    until_s = np.where(last, found.time_s, np.append(found.time_s[1:], 0.0)[: len(found.node)])
    busy_s = np.where(found.n_tasks > 0, until_s - found.time_s, 0.0)
    gangs = tables.on_nodes[tables.spot[tables.on_nodes, 1] > 1]
    pilot = np.concatenate([np.searchsorted(first, found.node, side="right") - 1, tables.pilot[gangs]])
    return pilot.astype(np.int64), np.concatenate([busy_s, length_s[gangs] * tables.spot[gangs, 1]])
