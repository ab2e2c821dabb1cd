"""The table of everything that came to a QPU service: the workload's jobs, then those of its QPUs' other users."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np

from qhpcsim.core.qpu_records import QpuJobTable, QpuMode
from qhpcsim.core.records import Categories, FloatArray
from qhpcsim.facility.qpu_jobs import QpuJobs

_NEUTRAL: dict[str, Any] = {
    "mode": int(QpuMode.JOB),
    "session": -1,
    "closes_session": False,
    "priority": 0,
    "depends_on": -1,
    "think_s": 0.0,
    "circuits": 0,
    "shots": 0,
    "fidelity": np.nan,
    "hqc": 0.0,
    "min_fidelity": np.nan,
}
"""What a job of another user has in columns that the workload gives and the background law does not."""


def with_background(table: QpuJobTable, jobs: QpuJobs) -> QpuJobTable:
    """Return the workload's table with the background jobs of a service behind it; the table itself if there are none.

    Background jobs have no circuits or shots, and no fidelity (NaN). Where the table has a column for each QPU, they
    take infinitely long on all others than theirs. Their numbers follow the largest of the workload; where its jobs
    have names, theirs are ``background-0``, ``background-1``, …

    Args:
        table: The workload, n jobs.
        jobs: All jobs of the service, those of the table first, background jobs behind them.
    """
    n, n_more = table.n, len(jobs.ticket) - table.n
    if n_more == 0:
        return table
    where = np.array(jobs.named[n:], dtype=np.int32)
    by_qpu = np.array([column[n:] for column in jobs.drawn_s])
    drawn_s = by_qpu[where, np.arange(n_more)]
    columns: dict[str, Any] = {
        "submit_s": np.concatenate([table.submit_s, jobs.submitted_s[n:]]),
        "drawn_s": _times(table.drawn_s, drawn_s, where),
        "predicted_s": None if table.predicted_s is None else _times(table.predicted_s, drawn_s, where),
        "job_id": None if table.job_id is None else _ids(table.job_id, n_more),
        "user": Categories(np.array(jobs.user, dtype=np.int32), tuple(jobs.user_names)),
        "qpu": np.concatenate([np.full(n, -1, np.int32) if table.qpu is None else table.qpu, where]),
        "background": np.arange(n + n_more) >= n,
    }
    if table.group is not None:
        columns["group"] = Categories(np.array(jobs.group, dtype=np.int32), tuple(jobs.group_names))
    for column in fields(table):
        values = getattr(table, column.name)
        if column.name in _NEUTRAL and values is not None:
            more = np.full((n_more, *values.shape[1:]), _NEUTRAL[column.name], dtype=values.dtype)
            columns[column.name] = np.concatenate([values, more])
    return replace(table, **columns)


def _times(values: FloatArray, drawn_s: FloatArray, where: np.ndarray) -> FloatArray:
    """Return times of the workload's jobs followed by those of others, on their own QPU if QPUs differ."""
    if values.ndim == 1:
        return np.concatenate([values, drawn_s])
    rows = np.full((len(drawn_s), values.shape[1]), np.inf)
    rows[np.arange(len(drawn_s)), where] = drawn_s
    return np.concatenate([values, rows])


def _ids(ids: np.ndarray, n_more: int) -> np.ndarray:
    """Return unique ids for the workload's jobs and so many others."""
    if np.issubdtype(ids.dtype, np.integer):
        first = int(ids.max()) + 1 if len(ids) else 0
        return np.concatenate([ids, np.arange(first, first + n_more, dtype=ids.dtype)])
    names = np.array([f"background-{k}" for k in range(n_more)], dtype=object)
    return np.concatenate([ids.astype(object), names])
