"""``qpu.csv`` and ``qpu_intervals.csv`` as arrays, read independently of the code that wrote them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from qhpcsim.core.errors import RunFolderError, nearest
from qhpcsim.core.qpu_records import QpuJobState, QpuMode
from qhpcsim.metrics.checks.tables import Floats
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
    _need(jobs, "qpu.csv", (*_REALS, "job_id", "qpu", "mode", "session", "state", "origin"))
    _need(intervals, "qpu_intervals.csv", ("qpu", "kind", "start_s", "end_s", "session"))
    reals: dict[str, Any] = {column: _floats(jobs, column) for column in _REALS}
    for column in _MAY_BE_EMPTY:
        if not np.isfinite(reals[column]).any():
            reals[column] = None
    return QpuData(
        **reals,
        qpu=_codes(jobs, "qpu.csv", "qpu", names),
        mode=_codes(jobs, "qpu.csv", "mode", [mode.name.lower() for mode in QpuMode]),
        session=_numbers(jobs, "session"),
        state=_codes(jobs, "qpu.csv", "state", [state.name for state in QpuJobState]).astype(np.int8),
        background=_codes(jobs, "qpu.csv", "origin", ORIGINS) == 1,
        qpu_names=names,
        horizon_s=float(summary["horizon_s"]),
        currency=tuple(str(figures.get("currency") or "") for figures in summary["by_qpu"].values()),
        intervals=QpuIntervals(
            qpu=_codes(intervals, "qpu_intervals.csv", "qpu", names),
            kind=_codes(intervals, "qpu_intervals.csv", "kind", KINDS),
            start_s=_floats(intervals, "start_s"),
            end_s=_floats(intervals, "end_s"),
            session=_numbers(intervals, "session"),
        ),
        job_id=jobs["job_id"].to_numpy(dtype=object),
    )


_MAY_BE_EMPTY = ("drawn_s", "shots", "fidelity", "energy_j")
_REALS = ("submitted_s", "queued_s", "started_s", "ended_s", "used_s", "billed_s", "cost", *_MAY_BE_EMPTY)


def _need(table: pd.DataFrame, file: str, columns: Sequence[str]) -> None:
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise RunFolderError(f"no column {', '.join(missing)}", where=file, hint="run the scenario again")


def _floats(table: pd.DataFrame, column: str) -> Floats:
    return np.asarray(table[column].to_numpy(dtype=np.float64, na_value=np.nan))


def _numbers(table: pd.DataFrame, column: str) -> Any:
    return np.nan_to_num(_floats(table, column), nan=-1.0).astype(np.int32)


def _codes(table: pd.DataFrame, file: str, column: str, words: Sequence[str]) -> Any:
    """Return each word's place in ``words``; -1 for an empty cell."""
    place = {word: code for code, word in enumerate(words)}
    texts = ["" if text is None or text != text else str(text) for text in table[column]]
    wrong = next((text for text in texts if text and text not in place), None)
    if wrong is not None:
        raise RunFolderError(
            f"column {column} holds {wrong!r}", where=file, allowed=", ".join(words), suggestion=nearest(wrong, words)
        )
    return np.array([place.get(text, -1) for text in texts], dtype=np.int32)
