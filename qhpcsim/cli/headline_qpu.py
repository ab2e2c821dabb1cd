"""The tables about QPUs that a run prints."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from qhpcsim.cli.output import number, table
from qhpcsim.core.wording import duration, energy

Form = Callable[[float], str]


def _count(n: float) -> str:
    return f"{n:,.0f}"


def _share(x: float) -> str:
    return f"{100 * x:.1f} %"


def _money(x: float) -> str:
    return f"{x:,.2f}"


JOB_ROWS: tuple[tuple[str, str, Form], ...] = (
    ("n_jobs", "QPU jobs", _count),
    ("n_rejected", "rejected", _count),
    ("n_failed", "failed", _count),
    ("n_unfinished", "not finished", _count),
    ("median_wait_s", "median wait", duration),
    ("mean_wait_s", "mean wait", duration),
    ("p95_wait_s", "95 % wait at most", duration),
    ("mean_turnaround_s", "mean turnaround", duration),
    ("mean_service_s", "mean time on the QPU", duration),
    ("mean_fidelity", "mean fidelity", lambda x: f"{x:.3f}"),
    ("billed_s", "billed time", duration),
    ("energy_j", "energy", energy),
)
"""Key of the figures, what the table calls it, how its value is written."""
QPU_COLUMNS: tuple[tuple[str, str, Form], ...] = (
    ("n_jobs", "jobs", _count),
    ("utilisation_frac", "busy", _share),
    ("calibration_frac", "calibrating", _share),
    ("warm_up_frac", "warming up", _share),
    ("outage_frac", "down", _share),
    ("closed_frac", "closed", _share),
    ("reserved_frac", "reserved", _share),
    ("held_idle_frac", "held idle", _share),
    ("mean_queue_length", "mean queue", lambda x: f"{x:,.1f}"),
    ("mean_wait_s", "mean wait", duration),
)
OPTIONAL = frozenset(
    {
        "n_rejected",
        "n_failed",
        "n_unfinished",
        "warm_up_frac",
        "calibration_frac",
        "outage_frac",
        "closed_frac",
        "reserved_frac",
        "held_idle_frac",
    }
)
"""Figures that are left out where they are zero everywhere."""
MISSING = "–"


BRIEF = frozenset({"median_wait_s", "mean_turnaround_s", "billed_s"})
"""Rows that a run of applications leaves out: its own table tells how long they took."""


def qpu_tables(name: str, qpu: Mapping[str, Any], brief: bool = False) -> list[str]:
    """Return the table of the jobs, by mode and beside those of other users, and the table of the QPUs.

    Args:
        name: The scenario's.
        qpu: Key ``qpu`` of the summary.
        brief: Whether applications sent the jobs, whose own table says more.
    """
    return [_jobs(name, qpu, brief), _qpus(qpu["by_qpu"])]


def _jobs(name: str, qpu: Mapping[str, Any], brief: bool) -> str:
    modes = {mode: {**figures, "n_jobs": figures["n"]} for mode, figures in qpu["by_mode"].items() if figures["n"]}
    costs = {f"cost in {word}": amount for word, amount in qpu["cost"].items()}
    columns = {"this workload": {**qpu, **costs}, **(modes if len(modes) > 1 else {})}
    if qpu["n_background"]:
        columns["other users"] = qpu["background"]
    rows = []
    for key, label, form in (*JOB_ROWS, *((key, key, _money) for key in costs)):
        cells = [number(figures, key) for figures in columns.values()]
        if _says_something(key, cells) and not (brief and key in BRIEF):
            rows.append([label, *_written(cells, form)])
    return table(rows, [name, *columns])


def _qpus(by_qpu: Mapping[str, Mapping[str, Any]]) -> str:
    columns = []
    for key, label, form in QPU_COLUMNS:
        cells = [number(figures, key) for figures in by_qpu.values()]
        if _says_something(key, cells):
            columns.append([label, *_written(cells, form)])
    head, *rows = zip(["QPU", *by_qpu], *columns, strict=True)
    return table(rows, head)


def _says_something(key: str, cells: list[float | None]) -> bool:
    return any(cell is not None for cell in cells) and (key not in OPTIONAL or any(cells))


def _written(cells: list[float | None], form: Form) -> list[str]:
    return [MISSING if cell is None else form(cell) for cell in cells]
