"""Tables of applications: by motif with what each cost, layer by layer, by class of device, every application."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from qhpcsim.core.records import FloatArray
from qhpcsim.core.wording import duration, number
from qhpcsim.metrics.qpu_data import BoolArray
from qhpcsim.report.activity import OTHER
from qhpcsim.report.summary_table import money
from qhpcsim.report.tables import Table
from qhpcsim.report.text import percent, plain
from qhpcsim.report.workflow_view import LOOKS, QPU, WorkflowView, total

_MOST_ROWS = 40
_MOST_MOTIFS = 6
_HOUR_S = 3600.0
_LAYER = ("task", "task", "task", "workflow", "workload", "resource", "resource", "workflow")
"""Layer of the machine that answers for each of ``LOOKS``, and for what is in none."""
_ORDER = (3, 7, 4, 0, 1, 2, 5, 6)
"""Layer by layer, from the workflow down to the resources."""


def motif_table(view: WorkflowView) -> Table:
    """Return counts, times to solution, what was used and what it cost: one row a motif, then all."""
    columns = view.columns
    bills = call_costs(view)
    hours = _hours(view)
    rows = []
    sides = [(plain(motif, 40), view.summary["by_motif"][motif], members) for motif, members in view.motif_rows.items()]
    for name, figures, members in [*sides, ("all", view.summary, np.ones(columns.n, dtype=bool))]:
        row = [name, number(figures["n_applications"]), number(figures["n_completed"])]
        row += [_seconds(figures[key]) for key in ("mean_time_to_solution_s", "p95_time_to_solution_s")]
        if view.baseline:
            beside = view.baseline if name == "all" else view.baseline["by_motif"].get(name, {})
            row.append(_seconds(beside.get("mean_time_to_solution_s")))
        row += [number(int(members[columns.owner].sum())), number(int(columns.n_failed[members].sum()))]
        row += [number(float(each[members].sum())) for each in hours.values()]
        rows.append([*row, *([_bill(bills, members[columns.owner])] if view.qpus else [])])
    head = ["motif", "applications", "completed", "mean time", "95 % at most"]
    head += ["mean, baseline"] if view.baseline else []
    return Table([*head, "tasks", "lost", *hours, *(["QPU cost"] if view.qpus else [])], rows)


def _hours(view: WorkflowView) -> dict[str, FloatArray]:
    """Return what each application used, in hours, by name; what nobody used is left out."""
    columns = view.columns
    ran_s = np.nan_to_num(columns.task_ended_s - columns.task_started_s)
    on_pilot = np.array([bool(name) for name in columns.pilot], dtype=bool)
    on_qpu = columns.device_class == QPU
    found = {
        "node hours": view.activity.held_node_s,
        "core hours": total(columns.owner, ran_s * columns.n_cores * on_pilot, columns.n),
        "GPU hours": total(columns.owner, ran_s * columns.n_gpus * on_pilot, columns.n),
        "QPU hours": total(columns.owner, ran_s * on_qpu, columns.n),
    }
    return {name: amount / _HOUR_S for name, amount in found.items() if amount.any()}


def call_costs(view: WorkflowView) -> dict[str, FloatArray]:
    """Return what each task was charged as a QPU call, (m,) by currency; nothing where nobody states prices.

    A call is the job of ``qpu.csv`` on the same QPU with the same times.
    """
    qpus, columns = view.qpus, view.columns
    if qpus is None or not any(qpus.data.currency):
        return {}
    data, cost = qpus.data, qpus.data.cost
    if cost is None:
        return {}
    place = {name: k for k, name in enumerate(data.qpu_names)}
    calls = np.flatnonzero(columns.device_class == QPU)
    home = np.array([place.get(columns.device[k], -1) for k in calls.tolist()], dtype=np.float64)
    asked = np.column_stack([home, columns.task_submitted_s[calls], columns.task_started_s[calls]])
    rows = matched(asked, np.column_stack([data.qpu.astype(np.float64), data.submitted_s, data.started_s]))
    found: dict[str, FloatArray] = {}
    for currency in dict.fromkeys(word for word in data.currency if word):
        priced = [k for k, word in enumerate(data.currency) if word == currency]
        amount = np.zeros(len(columns.owner))
        here = (rows >= 0) & np.isin(data.qpu[rows], priced)
        amount[calls[here]] = np.nan_to_num(cost[rows[here]])
        found[currency] = amount
    return found


def matched(asked: FloatArray, known: FloatArray) -> np.ndarray:
    """Return (k,) the row of ``known`` that equals each row of ``asked``; -1: none, or a cell is NaN."""
    both = np.concatenate([known, asked])
    _, code = np.unique(both, axis=0, return_inverse=True)
    code = code.reshape(-1)
    row = np.full(int(code.max(initial=-1)) + 1, -1)
    row[code[: len(known)]] = np.arange(len(known))
    found = row[code[len(known) :]]
    return np.where(np.isfinite(asked).all(axis=1), found, -1)


def _bill(bills: Mapping[str, FloatArray], tasks: BoolArray) -> str:
    """Return what some tasks cost together, in words."""
    totals = {word: float(amount[tasks].sum()) for word, amount in bills.items()}
    paid = {word: amount for word, amount in totals.items() if amount}
    return money(paid) if paid else "–"


def layers_table(view: WorkflowView) -> Table:
    """Return the mean time of completed applications in each phase, layer by layer, in all and for each motif."""
    jobs = view.activity
    groups = {"all": jobs.done}
    if 1 < len(view.motif_rows) <= _MOST_MOTIFS:
        groups |= {plain(motif, 40): jobs.done & members for motif, members in view.motif_rows.items()}
    means = {name: jobs.spent_s[some].mean(axis=0) for name, some in groups.items() if some.any()}
    labels = [look.label for look in (*LOOKS, OTHER)]
    rows = []
    for k in [k for k in _ORDER if any(each[k] > 0 for each in means.values())]:
        share = percent(float(means["all"][k] / means["all"].sum()))
        cells = [duration(float(each[k])) if each[k] > 0 else "–" for each in means.values()]
        rows.append([f"{_LAYER[k]}: {labels[k]}", cells[0], share, *cells[1:]])
    return Table(["layer", "all", "share", *[name.replace("_", " ") for name in list(means)[1:]]], rows)


def class_table(view: WorkflowView) -> Table:
    """Return tasks by class of device: number, mean wait, run time."""
    rows = [
        [plain(name), number(each["n_tasks"]), _seconds(each["mean_wait_s"]), duration(each["run_s"])]
        for name, each in view.summary["by_device_class"].items()
    ]
    return Table(["tasks on", "tasks", "mean wait", "run time of all"], rows)


def application_table(view: WorkflowView) -> tuple[str, Table]:
    """Return what the table is of, and the applications, one a row; the longest where there are many."""
    columns, jobs = view.columns, view.activity
    chosen, title = np.arange(columns.n), "Every application"
    if columns.n > _MOST_ROWS:
        chosen = np.argsort(-np.nan_to_num(jobs.took_s, nan=np.inf), kind="stable")[:_MOST_ROWS]
        title = f"The {_MOST_ROWS} applications that took longest, of {columns.n:,}"
    bills = call_costs(view)
    rows = []
    for job in chosen.tolist():
        held_h, used_h = float(jobs.held_node_s[job]) / _HOUR_S, float(jobs.used_node_s[job]) / _HOUR_S
        cells = [plain(columns.name[job], 30), plain(columns.motif[job], 30), plain(columns.state[job].lower(), 20)]
        cells += [duration(float(columns.submitted_s[job])), _seconds(float(jobs.took_s[job]))]
        cells += [number(int(columns.n_tasks[job])), number(int(columns.n_failed[job])), number(held_h)]
        cells += [percent(max(0.0, 1.0 - used_h / held_h)) if held_h > 0 else "–"]
        rows.append([*cells, *([_bill(bills, columns.owner == job)] if view.qpus else [])])
    head = ["application", "motif", "state", "submitted at", "time to solution", "tasks", "lost", "node hours held"]
    return title, Table([*head, "of them idle", *(["QPU cost"] if view.qpus else [])], rows)


def _seconds(value: Any) -> str:
    return "–" if value is None or not np.isfinite(value) else duration(float(value))
