"""Tables of applications: times by motif, what was held and what it cost, layer by layer, every application."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from qhpcsim.core.records import FloatArray
from qhpcsim.core.wording import duration, number
from qhpcsim.metrics.call_costs import call_costs as charged
from qhpcsim.metrics.qpu_data import BoolArray
from qhpcsim.report.activity import OTHER
from qhpcsim.report.summary_table import money
from qhpcsim.report.tables import Table
from qhpcsim.report.text import percent, plain
from qhpcsim.report.workflow_view import LOOKS, QPU, WorkflowView

_MOST_ROWS = 40
_MOST_MOTIFS = 6
_HOUR_S = 3600.0
_LAYER = ("task", "task", "task", "workflow", "workload", "resource", "resource", "workflow")
"""Layer of the machine that answers for each of ``LOOKS``, and for what is in none."""
_ORDER = (3, 7, 4, 0, 1, 2, 5, 6)
"""Layer by layer, from the workflow down to the resources."""


def motif_table(view: WorkflowView) -> Table:
    """Return counts and times to solution: one row a motif, then all."""
    columns = view.columns
    rows = []
    for name, figures, members in _sides(view):
        row = [name, number(figures["n_applications"]), number(figures["n_completed"])]
        row += [_seconds(figures[key]) for key in ("mean_time_to_solution_s", "p95_time_to_solution_s")]
        if view.baseline:
            beside = view.baseline if name == "all" else view.baseline["by_motif"].get(name, {})
            row.append(_seconds(beside.get("mean_time_to_solution_s")))
        row += [number(int(members[columns.owner].sum())), number(int(columns.n_failed[members].sum()))]
        rows.append(row)
    head = ["motif", "applications", "completed", "mean time", "95 % at most"]
    head += ["mean, baseline"] if view.baseline else []
    return Table([*head, "tasks", "lost"], rows)


def _sides(view: WorkflowView) -> list[tuple[str, Mapping[str, Any], BoolArray]]:
    """Return the name, the figures and the applications of each motif, then of all."""
    motifs = [(plain(motif, 40), view.summary["by_motif"][motif], some) for motif, some in view.motif_rows.items()]
    return [*motifs, ("all", view.summary, np.ones(view.columns.n, dtype=bool))]


_USE = (
    ("held_node_s", "node hours", True),
    ("held_idle_frac", "of them idle", False),
    ("held_gpu_s", "GPU hours", True),
    ("gpu_duty_frac", "of them in use", False),
    ("used_core_s", "core hours in use", True),
    ("qpu_s", "QPU hours", True),
)
"""Figure, words, and whether it is seconds, to be shown in hours."""


def use_table(view: WorkflowView) -> Table:
    """Return what pilots held, what tasks used of it, and what QPU calls cost: one row a motif, then all."""
    shown = [use for use in _USE if view.summary.get(use[0])]
    rows = []
    for name, figures, _ in _sides(view):
        costs = {word: amount for word, amount in (figures.get("cost") or {}).items() if amount}
        rows.append([name, *_use(figures, shown), *([money(costs) if costs else "–"] if view.qpus else [])])
    return Table(["motif", *[words for _, words, _ in shown], *(["QPU cost"] if view.qpus else [])], rows)


def partition_table(view: WorkflowView) -> Table:
    """Return what the pilots in each partition held and what tasks used of it; no row where there was no pilot."""
    homes = view.summary.get("by_partition") or {}
    shown = [use for use in _USE[:4] if any(figures[use[0]] for figures in homes.values())]
    rows = [[plain(name, 30), number(each["n_pilots"]), *_use(each, shown)] for name, each in homes.items()]
    return Table(["partition", "pilots", *[words for _, words, _ in shown]], rows)


def _use(figures: Mapping[str, Any], shown: Sequence[tuple[str, str, bool]]) -> list[str]:
    cells = []
    for key, _, in_hours in shown:
        value = figures.get(key)
        cells.append("–" if value is None else number(value / _HOUR_S) if in_hours else percent(max(0.0, value)))
    return cells


def call_costs(view: WorkflowView) -> dict[str, FloatArray]:
    """Return what each task was charged as a QPU call, (m,) by currency; nothing where nobody states prices."""
    columns = view.columns
    if view.qpus is None:
        return {}
    calls, times = columns.device_class == QPU, (columns.task_submitted_s, columns.task_started_s)
    return charged(view.qpus.data, calls, columns.device, *times)


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
