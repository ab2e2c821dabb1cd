"""Tables of the QPU side: QPUs, access modes, what it all cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from qhpcsim.core.qpu_records import QpuMode
from qhpcsim.core.wording import duration, energy, number
from qhpcsim.metrics.qpu import job_figures
from qhpcsim.report.qpu_view import QpuView
from qhpcsim.report.summary_table import money
from qhpcsim.report.tables import Table
from qhpcsim.report.text import percent, plain

_SHARES = (
    ("utilisation_frac", "busy"),
    ("calibration_frac", "calibration"),
    ("warm_up_frac", "warm-up"),
    ("outage_frac", "outage"),
    ("closed_frac", "closed"),
    ("reserved_frac", "reserved"),
    ("held_idle_frac", "held idle"),
)
_USED = (
    ("n_jobs", "jobs", number),
    ("n_completed", "completed", number),
    ("n_failed", "failed", number),
    ("n_rejected", "rejected", number),
    ("n_unfinished", "not finished", number),
    ("mean_wait_s", "mean wait", duration),
    ("median_wait_s", "median wait", duration),
    ("p95_wait_s", "95th percentile of wait", duration),
    ("max_wait_s", "longest wait", duration),
    ("mean_turnaround_s", "mean turnaround", duration),
    ("qpu_s", "QPU time", duration),
    ("billed_s", "charged time", duration),
    ("shots", "shots", number),
    ("mean_fidelity", "mean fidelity", number),
    ("energy_j", "energy", energy),
)
"""Key of ``job_figures``, heading, how it is written."""
_NEVER_LEFT_OUT = ("n_jobs", "mean_wait_s", "median_wait_s", "p95_wait_s", "utilisation_frac")


def qpu_table(qpus: QpuView) -> Table:
    """Return the QPUs, one a row; columns that say nothing are left out."""
    did: list[Mapping[str, Any]] = [qpus.summary["by_qpu"][name] for name in qpus.names]
    own = np.bincount(qpus.data.qpu[qpus.own & (qpus.data.qpu >= 0)], minlength=len(qpus.names))
    others = [figures["n_jobs"] - n for figures, n in zip(did, own.tolist(), strict=True)]
    columns = [
        ("card", [plain(card, 40) for card in qpus.cards] or [""] * len(did)),
        ("jobs of users" if qpus.has_others else "jobs", [number(n) for n in own.tolist()]),
        ("jobs of others", [number(n) for n in others] if any(others) else [""] * len(did)),
    ]
    bills = [{} if figures.get("cost") is None else {figures["currency"]: figures["cost"]} for figures in did]
    columns.append(("cost", [money(bill) if bill else "" for bill in bills]))
    for key, words in _SHARES:
        cells = [figures.get(key) for figures in did]
        if any(cells) or key in _NEVER_LEFT_OUT:
            columns.append((words, ["" if cell is None else percent(cell) for cell in cells]))
    columns.append(("mean queue (jobs)", [_cell(figures.get("mean_queue_length"), number) for figures in did]))
    columns.append(("mean wait", [_cell(figures.get("mean_wait_s"), duration) for figures in did]))
    kept = [(title, cells) for title, cells in columns if any(cells)]
    rows = [[plain(name), *[cells[k] or "–" for _, cells in kept]] for k, name in enumerate(qpus.names)]
    return Table(["QPU", *[title for title, _ in kept]], rows)


def mode_table(qpus: QpuView) -> Table:
    """Return counts, waits, QPU time and money: a column for each access mode, all user jobs and other users."""
    data = qpus.data
    modes = {mode.name.lower(): qpus.own & (data.mode == mode) for mode in QpuMode}
    did: dict[str, Mapping[str, Any]] = {
        name: job_figures(data, members) for name, members in modes.items() if members.any()
    }
    if len(did) != 1:
        did["all"] = qpus.summary
    if qpus.has_others:
        did["other users"] = qpus.summary["background"]
    rows = []
    for key, words, shape in _USED:
        cells = [figures.get(key) for figures in did.values()]
        if key in _NEVER_LEFT_OUT or any(cells):
            rows.append([words, *[_cell(cell, shape) or "–" for cell in cells]])
    bills = [{word: amount for word, amount in figures["cost"].items() if amount} for figures in did.values()]
    if any(bills):
        rows.append(["cost", *[money(bill) if bill else "–" for bill in bills]])
    return Table(["", *did], rows)


def _cell(value: Any, shape: Any) -> str:
    return "" if value is None else str(shape(float(value)))
