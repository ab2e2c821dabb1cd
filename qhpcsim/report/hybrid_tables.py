"""Tables of hybrid jobs: where their time went layer by layer, and every job."""

from __future__ import annotations

import numpy as np

from qhpcsim.core.wording import duration, number
from qhpcsim.report.activity import OTHER
from qhpcsim.report.hybrid_view import LOOKS, HybridView, mean_times
from qhpcsim.report.tables import Table
from qhpcsim.report.text import percent, plain

_MOST_ROWS = 40
_WORDS = {
    "queue": "waits for nodes",
    "launch": "launches a piece",
    "resize": "resizes",
    "cpu": "classical phase",
    "qpu_wait": "waits for a QPU",
    "qpu": "on a QPU",
    "rest": "results on their way",
}
_LAYERS = (
    ("workflow", ("rest",)),
    ("workload", ("launch", "resize")),
    ("task", ("cpu", "qpu")),
    ("resource", ("queue", "qpu_wait")),
)
"""Layers of a hybrid facility and the kinds of phase that each answers for; the rest is in no phase."""
_STATES = {
    "COMPLETED": "completed",
    "WALLTIME": "stopped at its walltime",
    "FAILED": "failed",
    "QUEUED": "never began",
    "RUNNING": "not finished",
}


def layer_table(view: HybridView) -> Table:
    """Return the mean seconds of all hybrid jobs in each kind of phase, layer by layer, the baseline beside them."""
    mine = mean_times(view.summary)
    other = mean_times(view.baseline) if view.baseline else None
    total_s = sum(mine.values())
    rows = []
    for layer, kind in [(layer, kind) for layer, kinds in _LAYERS for kind in kinds]:
        if kind not in mine and kind not in (other or {}):
            continue
        mean_s = mine.get(kind, 0.0)
        row = [f"{layer}: {_WORDS[kind]}", duration(mean_s), percent(mean_s / total_s) if total_s > 0 else "–"]
        rows.append([*row, *([] if other is None else [duration(other.get(kind, 0.0))])])
    return Table(["layer", "mean time of a job", "share", *([] if other is None else ["baseline"])], rows)


def job_table(view: HybridView) -> tuple[str, Table]:
    """Return what the table is of, and the hybrid jobs, one a row; the longest where there are many."""
    data = view.data
    took_s = data.time_to_solution_s
    chosen = np.arange(data.n)
    title = "Every hybrid job"
    if data.n > _MOST_ROWS:
        chosen = np.argsort(-np.nan_to_num(took_s, nan=np.inf), kind="stable")[:_MOST_ROWS]
        title = f"The {_MOST_ROWS} hybrid jobs that took longest, of {data.n:,}"
    spent_s = view.activity.spent_s
    shown = [k for k in range(spent_s.shape[1]) if (np.nan_to_num(spent_s[:, k]) > 0).any()]
    head = ["job", "state", "nodes", "submitted at", "time to solution", "QPU calls"]
    head += [phase.label for k, phase in enumerate((*LOOKS, OTHER)) if k in shown]
    head += ["node hours held", "of them idle"]
    rows = []
    for job in chosen.tolist():
        held_h, used_h = float(data.held_node_s[job]) / 3600.0, float(data.used_node_s[job]) / 3600.0
        idle = percent(max(0.0, 1.0 - used_h / held_h)) if held_h > 0 else "–"
        rows.append(
            [
                plain(data.name[job], 30),
                _STATES[str(data.state[job])],
                number(int(data.nodes[job])),
                duration(float(data.submitted_s[job])),
                duration(float(took_s[job])) if np.isfinite(took_s[job]) else "–",
                number(int(data.n_calls[job])),
                *[duration(float(spent_s[job, k])) if np.isfinite(spent_s[job, k]) else "–" for k in shown],
                number(held_h),
                idle,
            ]
        )
    return title, Table(head, rows)
