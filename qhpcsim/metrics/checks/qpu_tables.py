"""``qpu.csv`` and ``qpu_intervals.csv`` as arrays, read independently of the code that wrote them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from qhpcsim.core.qpu_records import QpuJobState, QpuMode
from qhpcsim.metrics.checks.cells import codes, floats, need, numbers
from qhpcsim.metrics.qpu_data import KINDS, QpuData, QpuIntervals

if TYPE_CHECKING:
    import pandas as pd

ORIGINS = ("workload", "background")


def read_tables(jobs: pd.DataFrame, intervals: pd.DataFrame, summary: Mapping[str, Any]) -> QpuData:
    """Return the tables of a run folder as arrays; empty cells are NaN, or -1 in columns of numbers of things.

    Args:
        jobs: The rows of ``qpu.csv``.
        intervals: The rows of ``qpu_intervals.csv``.
        summary: Key ``qpu`` of ``summary.json``: names the QPUs, their currencies and the end of the run.

    Raises:
        RunFolderError: if a column is missing, or a cell holds a word that has no meaning there.
    """
    names = tuple(summary["by_qpu"])
    need(jobs, "qpu.csv", (*_REALS, "job_id", "qpu", "mode", "session", "state", "origin"))
    need(intervals, "qpu_intervals.csv", ("qpu", "kind", "start_s", "end_s", "session"))
    reals: dict[str, Any] = {column: floats(jobs, column) for column in _REALS}
    for column in _MAY_BE_EMPTY:
        if not np.isfinite(reals[column]).any():
            reals[column] = None
    return QpuData(
        **reals,
        qpu=codes(jobs, "qpu.csv", "qpu", names),
        mode=codes(jobs, "qpu.csv", "mode", [mode.name.lower() for mode in QpuMode]),
        session=numbers(jobs, "session"),
        state=codes(jobs, "qpu.csv", "state", [state.name for state in QpuJobState]).astype(np.int8),
        background=codes(jobs, "qpu.csv", "origin", ORIGINS) == 1,
        qpu_names=names,
        horizon_s=float(summary["horizon_s"]),
        currency=tuple(str(figures.get("currency") or "") for figures in summary["by_qpu"].values()),
        intervals=QpuIntervals(
            qpu=codes(intervals, "qpu_intervals.csv", "qpu", names),
            kind=codes(intervals, "qpu_intervals.csv", "kind", KINDS),
            start_s=floats(intervals, "start_s"),
            end_s=floats(intervals, "end_s"),
            session=numbers(intervals, "session"),
        ),
        job_id=jobs["job_id"].to_numpy(dtype=object),
    )


_MAY_BE_EMPTY = ("drawn_s", "shots", "fidelity", "energy_j")
_REALS = ("submitted_s", "queued_s", "started_s", "ended_s", "used_s", "billed_s", "cost", *_MAY_BE_EMPTY)
