"""Reads ``tasks.csv`` back, and tables of tasks that people write by hand with some of its columns."""

from __future__ import annotations

import csv
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.errors import WorkloadError, nearest, shorten
from qhpcsim.core.records import Categories, FloatArray
from qhpcsim.core.task_records import STATUS, TaskState, TaskTable
from qhpcsim.results.tasks_csv import COLUMNS, WORDS

if TYPE_CHECKING:
    import pandas as pd

_WHOLE: dict[str, Any] = {
    "n_qubits": np.int32,
    "n_circuits": np.int32,
    "shots": np.int64,
    "n_cores": np.int32,
    "attempts": np.int32,
}
_REAL = ("n_gpus", "predicted_s", "p5_s", "p95_s")
_TIMES = ("submitted_s", "started_s", "ended_s")
_DEFAULTS = {"n_circuits": 1.0, "n_cores": 1.0, "attempts": 1.0}
"""What an empty cell means; 0 elsewhere."""


def read_tasks_csv(path: str | Path) -> TaskTable:
    """Return the tasks in a CSV file; columns that it lacks are None, times NaN.

    Raises:
        WorkloadError: if it is missing, no CSV, has no task, an unknown column that looks like one of ours, an id
            twice, or a cell that is not the number it must be; names the line.
    """
    frame = _frame(Path(path))
    where = str(path)
    _check_header(list(frame.columns), where)
    values: dict[str, Any] = {"task_id": _ids(frame, where), "state": _states(frame, where)}
    values |= {name: _numbers(frame, name, where, np.nan) for name in _TIMES}
    values |= {name: _words(frame, name) for name in WORDS if name in frame}
    values |= {name: _numbers(frame, name, where, np.nan) for name in _REAL if name in frame}
    values |= {name: _whole(frame, name, where) for name in _WHOLE if name in frame}
    other = {"error": "error_msg", "staging_s": "staging_time_secs", "input_bytes": "input_staging_data_size_bytes"}
    if other["error"] in frame:
        values["error"] = _words(frame, other["error"])
    values |= {k: _numbers(frame, v, where, 0.0) for k, v in other.items() if k != "error" and v in frame}
    table: Any = {each.name: values.get(each.name) for each in fields(TaskTable)}
    return TaskTable(**table)


def _frame(path: Path) -> pd.DataFrame:
    import pandas as pd

    try:
        _check_shape(path)
        frame: pd.DataFrame = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (OSError, ValueError, csv.Error) as error:
        hint = "qhpcsim run SCENARIO writes tasks.csv where its workload has tasks"
        raise WorkloadError(f"not a table of tasks: {shorten(error, 200)}", where=str(path), hint=hint) from error
    frame.columns = [str(name).strip() for name in frame.columns]
    if frame.empty:
        raise WorkloadError("no tasks: a header and at least one row are needed", where=str(path))
    return frame


def _check_shape(path: Path) -> None:
    """Check that every row is as long as the header: pandas would fill up short ones and shift long ones."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)
        n_cells = len(next(reader, []))
        for cells in reader:
            if cells and len(cells) != n_cells:
                raise WorkloadError(
                    f"{len(cells)} cells", where=f"{path}:{reader.line_num}", allowed=f"{n_cells}, as in the header"
                )


def _check_header(header: list[str], where: str) -> None:
    for name in header:
        meant = None if name in COLUMNS else nearest(name, COLUMNS)
        if meant is not None and meant not in header:
            raise WorkloadError(
                f"unknown column {shorten(name)!r}", where=f"{where}:1", allowed=", ".join(COLUMNS), suggestion=meant
            )


def _ids(frame: pd.DataFrame, where: str) -> NDArray[np.generic]:
    if "task_id" not in frame:
        return np.arange(len(frame), dtype=np.int64)
    ids = frame["task_id"]
    twice = np.flatnonzero(ids.duplicated().to_numpy())
    if twice.size:
        row = int(twice[0])
        raise WorkloadError(f"task {shorten(ids.iloc[row])!r} is there twice", where=_place(where, row))
    if ids.str.fullmatch(r"\d{1,18}").all():
        return ids.astype(np.int64).to_numpy()
    return ids.to_numpy(dtype=object)


def _states(frame: pd.DataFrame, where: str) -> NDArray[np.int8]:
    """Return the states by ``state``, else by Pilot-Quantum's ``status``; without both, all are queued."""
    column = next((name for name in ("state", "status") if name in frame), None)
    if column is None:
        return np.full(len(frame), TaskState.QUEUED, np.int8)
    known = {state.name: int(state) for state in TaskState}
    known |= {word: STATUS.index(word) for word in STATUS}
    codes = frame[column].str.strip().str.upper().map(known)
    wrong = np.flatnonzero(codes.isna().to_numpy())
    if wrong.size:
        row = int(wrong[0])
        raise WorkloadError(
            f"unknown {column} {shorten(frame[column].iloc[row])!r}",
            where=_place(where, row),
            allowed=", ".join(state.name.lower() for state in TaskState),
        )
    return np.asarray(codes, dtype=np.int8)


def _words(frame: pd.DataFrame, name: str) -> Categories:
    column = frame[name].str.strip()
    codes, names = column.where(column != "").factorize()
    return Categories(codes.astype(np.int32), tuple(str(each) for each in names))


def _whole(frame: pd.DataFrame, name: str, where: str) -> NDArray[np.integer]:
    values = _numbers(frame, name, where, _DEFAULTS.get(name, 0.0))
    wrong = np.flatnonzero((values < 0) | (values != np.floor(values)) | (values > np.iinfo(_WHOLE[name]).max))
    if wrong.size:
        row = int(wrong[0])
        raise WorkloadError(
            f"{name} is {shorten(frame[name].iloc[row])}", where=_place(where, row), allowed="a whole number ≥ 0"
        )
    return values.astype(_WHOLE[name])


def _numbers(frame: pd.DataFrame, name: str, where: str, empty: float) -> FloatArray:
    """Return a column as numbers, exactly; a missing column is all ``empty``."""
    if name not in frame:
        return np.full(len(frame), empty)
    texts = frame[name].str.strip()
    blank = (texts == "").to_numpy()
    try:
        values = np.array([float(text) if text else empty for text in texts], dtype=np.float64)
    except ValueError:
        values = np.full(len(frame), np.nan)
    if blank.all() or (np.isfinite(values[~blank]).all() and not texts.str.contains("_").any()):
        return values
    row = next(k for k, text in enumerate(texts) if text and not _is_number(text))
    raise WorkloadError(
        f"{name} is {shorten(texts.iloc[row])!r}", where=_place(where, row), allowed="a finite number, or nothing"
    )


def _is_number(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text))) and "_" not in text
    except ValueError:
        return False


def _place(where: str, row: int) -> str:
    return f"{where}:{row + 2}"
