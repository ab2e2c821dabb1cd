"""Applications against the tables beside theirs: I21 pilots in ``jobs.csv``, I22 calls in ``qpu.csv``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from qhpcsim.core.qpu_records import QpuJobState
from qhpcsim.core.task_records import TaskState
from qhpcsim.metrics.checks.tables import RELATIVE, Flags, Floats, Integers, Violation
from qhpcsim.metrics.checks.workflow_tables import WorkflowTables
from qhpcsim.metrics.qpu_data import QpuData

_SHARE = 1e-6
"""Shares of a GPU add up to whole ones up to this."""
_STATES = {
    QpuJobState.COMPLETED: TaskState.SUCCESS,
    QpuJobState.FAILED: TaskState.FAILED,
    QpuJobState.REJECTED: TaskState.FAILED,
    QpuJobState.RUNNING: TaskState.RUNNING,
    QpuJobState.QUEUED: TaskState.QUEUED,
}


def check_pilots(tables: WorkflowTables, at_once: bool, own: bool, whole: bool = True) -> Iterator[Violation]:
    """I21: pilots are their application's user's, and come when it does; tasks are on nodes of pilots that are there.

    Args:
        tables: The tables.
        at_once: Whether all pilots are submitted with their application.
        own: Whether applications use nobody else's pilots.
        whole: Whether each pilot is one batch job.
    """
    slack, owner = tables.tolerance_s, tables.pilots.owner
    early_s = tables.pilot_submit_s - np.maximum(tables.submitted_s[owner], 0.0)
    wrong = np.abs(early_s) > slack if at_once else early_s < -slack
    yield from tables.report_pilots("I21", wrong, "is not submitted with its application, or before it")
    others = [tables.user[k] != user for k, user in zip(owner.tolist(), tables.pilot_user, strict=True)]
    yield from tables.report_pilots("I21", np.array(others, dtype=bool), "is of another user than its application")
    named = np.array([word != "" for word in tables.word["pilot"]], dtype=bool)
    yield from tables.report_tasks("I21", named & (tables.pilot < 0), "names a pilot that is not in jobs.csv")
    foreign = np.append(owner, -1)[tables.pilot] != tables.owner
    yield from tables.report_tasks("I21", own & named & foreign, "is on the pilot of another application")
    ran = named & np.isfinite(tables.real["started_s"])
    first, n_nodes = tables.spot[:, 0], tables.spot[:, 1]
    yield from tables.report_tasks(
        "I21", ran & (n_nodes == 0), "ran on a pilot, but its worker is not one of its nodes"
    )
    has_worker = np.array([word != "" for word in tables.word["worker"]], dtype=bool)
    yield from tables.report_tasks("I21", has_worker & (~named | (n_nodes == 0)), "has a worker, but no pilot or node")
    tried = tables.real["attempts"] >= 1
    lacks = tried & named & ~has_worker & ~tables.is_in(TaskState.QUEUED)
    yield from tables.report_tasks("I21", lacks | (has_worker & ~tried), "has a worker and no attempt, or the reverse")
    nodes = np.append(tables.pilots.nodes, 0)[tables.pilot]
    beyond = (tables.pilot >= 0) & ((first >= nodes) | (whole & (n_nodes > nodes)))
    yield from tables.report_tasks("I21", beyond, "is on more nodes, or on another node, than its pilot has")
    needs = tables.is_in(TaskState.SUCCESS, TaskState.RUNNING) & ~named & ~tables.is_step & ~tables.is_call
    yield from tables.report_tasks("I21", needs, "ran without a pilot")
    free = (tables.is_step | tables.is_call) & ((tables.real["n_gpus"] != 0) | named)
    yield from tables.report_tasks("I21", free, "is a QPU call or its application's own work, but has a pilot or GPUs")


def check_lives(tables: WorkflowTables) -> Iterator[Violation]:
    """I21: a task runs while its pilot does."""
    slack, pilot = tables.tolerance_s, tables.pilot
    start_s, end_s = np.append(tables.pilots.start_s, np.nan)[pilot], np.append(tables.pilots.end_s, np.nan)[pilot]
    ran = (pilot >= 0) & np.isfinite(tables.real["started_s"]) & ~tables.is_in(TaskState.QUEUED)
    early = ran & ~(tables.real["started_s"] >= start_s - slack)
    yield from tables.report_tasks("I21", early, "starts before its pilot")
    yield from tables.report_tasks("I21", ran & (tables.real["ended_s"] > end_s + slack), "ends after its pilot")


class Levels(NamedTuple):
    """What was in use on nodes of pilots, step by step; a step lasts until the next one of the same node."""

    node: Integers
    """(e,) node, numbered through all pilots."""
    time_s: Floats
    n_tasks: Integers
    """(e,) tasks from this instant on."""
    n_cores: Floats
    n_gpus: Floats
    row: Integers
    """(e,) the task that came or left."""


def levels(tables: WorkflowTables) -> tuple[Levels, Integers]:
    """Return what was in use on each node but for gangs, and (k + 1,) the first number of each pilot's nodes."""
    first = np.concatenate([[0], np.cumsum(tables.pilots.nodes)])
    rows = tables.on_nodes[tables.spot[tables.on_nodes, 1] == 1]
    node = first[tables.pilot[rows]] + tables.spot[rows, 0]
    times = np.concatenate([tables.real["started_s"][rows], tables.until_s[rows]])
    sign = np.repeat([1, -1], len(rows))
    both, who = np.concatenate([node, node]), np.concatenate([rows, rows])
    order = np.lexsort((sign, times, both))
    both, who, sign = both[order], who[order], sign[order]
    found = Levels(
        both,
        times[order],
        np.cumsum(sign),
        np.cumsum(sign * tables.real["n_cores"][who]),
        np.cumsum(sign * tables.real["n_gpus"][who]),
        who,
    )
    return found, first


def check_room(tables: WorkflowTables, slots: Floats, whole_cores: bool) -> Iterator[Violation]:
    """I21: tasks on a node never ask for more cores or GPUs than it has; a gang has its nodes for itself.

    Args:
        tables: The tables.
        slots: (k,) slots for cores on each node of each pilot; NaN: not known.
        whole_cores: Whether tasks ask for whole cores, as the table has them; False: they may ask for up to 1 less.
    """
    found, first = levels(tables)
    home = np.searchsorted(first, found.node, side="right") - 1
    spare = 0.0 if whole_cores else found.n_tasks
    over = found.n_cores - spare > slots[home] + _SHARE
    yield from tables.report_tasks(
        "I21", _rows(tables, found.row[over]), "is where tasks ask for more cores than there are"
    )
    over = found.n_gpus > tables.pilots.gpus_per_node[home] + _SHARE
    yield from tables.report_tasks(
        "I21", _rows(tables, found.row[over]), "is where tasks ask for more GPUs than there are"
    )
    gangs = tables.on_nodes[tables.spot[tables.on_nodes, 1] > 1]
    n_nodes, pilot = tables.spot[gangs, 1], tables.pilot[gangs]
    known = np.isfinite(slots[pilot])
    cores = np.where(known, n_nodes * np.nan_to_num(slots[pilot]), tables.real["n_cores"][gangs])
    bad = np.abs(tables.real["n_cores"][gangs] - np.ceil(cores - RELATIVE)) > _SHARE
    yield from tables.report_tasks("I21", _rows(tables, gangs[bad]), "has not all cores of its whole nodes")
    bad = tables.real["n_gpus"][gangs] > n_nodes * tables.pilots.gpus_per_node[pilot] + _SHARE
    yield from tables.report_tasks("I21", _rows(tables, gangs[bad]), "has more GPUs than its nodes")
    yield from _check_gangs(tables, found, first, gangs)


def _check_gangs(tables: WorkflowTables, found: Levels, first: Integers, gangs: Integers) -> Iterator[Violation]:
    """I21: nodes with tasks and nodes of gangs are together no more than the pilot has, at every instant."""
    fresh = np.concatenate([[True], found.node[1:] != found.node[:-1]])[: len(found.node)]
    before = np.where(fresh, 0, np.concatenate([[0], found.n_tasks[:-1]])[: len(found.node)])
    change = (found.n_tasks > 0).astype(np.int64) - (before > 0)
    pilot = np.searchsorted(first, found.node, side="right") - 1
    width = tables.spot[gangs, 1]
    owner = np.concatenate([pilot, tables.pilot[gangs], tables.pilot[gangs]])
    time_s = np.concatenate([found.time_s, tables.real["started_s"][gangs], tables.until_s[gangs]])
    step = np.concatenate([change, width, -width])
    who = np.concatenate([found.row, gangs, gangs])
    order = np.lexsort((step, time_s, owner))
    level = np.cumsum(step[order])
    over = level > tables.pilots.nodes[owner[order]]
    yield from tables.report_tasks(
        "I21", _rows(tables, who[order][over]), "is where tasks take more nodes than there are"
    )


def _rows(tables: WorkflowTables, chosen: Integers) -> Flags:
    flags = np.zeros(tables.m, dtype=bool)
    flags[chosen] = True
    return flags


class QpuJobs(NamedTuple):
    """What ``qpu.csv`` says beyond ``QpuData``, for all of its rows."""

    user: list[str]
    predicted_s: Floats


def check_calls(tables: WorkflowTables, qpu: QpuData, more: QpuJobs) -> Iterator[Violation]:
    """I22: QPU calls are the jobs of the QPU service, one for one: QPU, user, times, prediction, state."""
    calls, own = np.flatnonzero(tables.is_call), np.flatnonzero(~qpu.background)
    place = {name: k for k, name in enumerate(qpu.qpu_names)}
    callers = [tables.user[k] or tables.name[k] for k in tables.owner[calls].tolist()]
    users = {name: k for k, name in enumerate(dict.fromkeys([*callers, *more.user]))}
    mine = [
        np.array([place.get(tables.word["device"][k], -1) for k in calls.tolist()]),
        np.array([users[name] for name in callers]),
        *(tables.real[each][calls] for each in ("submitted_s", "started_s", "ended_s", "predicted_s")),
        tables.task_state[calls],
    ]
    theirs = [
        qpu.qpu[own],
        np.array([users[more.user[k]] for k in own.tolist()]),
        *(each[own] for each in (qpu.submitted_s, qpu.started_s, qpu.ended_s, more.predicted_s)),
        np.array([_STATES[QpuJobState(code)] for code in qpu.state[own].tolist()]),
    ]
    found = _one_for_one(
        *(np.nan_to_num(np.column_stack(side).astype(np.float64), nan=-1.0) for side in (mine, theirs))
    )
    yield from tables.report_tasks(
        "I22", _rows(tables, calls[found < 0]), "is a QPU call, but no job of qpu.csv is that"
    )
    if len(own) != len(calls):
        yield Violation("I22", "", f"tasks.csv has {len(calls)} QPU calls, qpu.csv {len(own)} jobs of the workload")


def _one_for_one(mine: Floats, theirs: Floats) -> Integers:
    """Return the row of ``theirs`` that each row of ``mine`` equals, each at most once; -1: none is left."""
    both = np.concatenate([theirs, mine])
    _, code = np.unique(both, axis=0, return_inverse=True)
    code = code.reshape(-1)
    found = np.full(len(mine), -1, dtype=np.int64)
    free: dict[int, list[int]] = {}
    for row in range(len(theirs) - 1, -1, -1):
        free.setdefault(int(code[row]), []).append(row)
    for k, each in enumerate(code[len(theirs) :].tolist()):
        if free.get(each):
            found[k] = free[each].pop()
    return found
