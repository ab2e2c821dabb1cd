"""``tasks.csv``: one row a task, simulated or executed, under our names and those of Pilot-Quantum's ``metrics.csv``.

Rules: times are seconds on the table's own axis (the simulation's, or Unix time), numbers the shortest decimals that
read back exactly. Cells without a value are empty; columns that nobody filled are empty throughout. ``state`` is the
``TaskState`` in lower case. The last nine columns repeat what is known under Pilot-Quantum's names, so that its
readers work: ``wait_time_secs`` is start less submission, ``execution_secs`` end less start, ``status`` is SUCCESS,
FAILED or RUNNING (QUEUED: never started). Text that a spreadsheet would run is prefixed with ``'``.

Source: Pilot-Quantum, https://github.com/radical-cybertools/pilot-quantum, metrics.csv.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.records import Categories, FloatArray
from qhpcsim.core.task_records import STATUS, TaskState, TaskTable
from qhpcsim.results.csv_text import cell
from qhpcsim.results.text_grid import Block, constant, integers, reals, rows, words

OURS = (
    "task_id", "workflow", "motif", "kind", "device", "device_class", "circuit", "observable", "n_qubits",
    "n_circuits", "shots", "n_cores", "n_gpus", "pilot", "worker", "attempts", "predicted_s", "p5_s", "p95_s",
    "submitted_s", "started_s", "ended_s", "state",
)  # fmt: skip
PILOT_QUANTUM = (
    "submit_time", "pilot_scheduled", "wait_time_secs", "staging_time_secs", "input_staging_data_size_bytes",
    "execution_secs", "completion_time", "status", "error_msg",
)  # fmt: skip
"""Columns of metrics.csv besides ``task_id``."""
COLUMNS = OURS + PILOT_QUANTUM
WORDS = ("workflow", "motif", "kind", "device", "device_class", "circuit", "observable", "pilot", "worker")
TEXT_COLUMNS = ("task_id", *WORDS, "state", "pilot_scheduled", "status", "error_msg")
CHUNK = 8192
_STATES = [state.name.lower().encode() for state in TaskState]
_STATUS = [word.encode() for word in STATUS]


Column = Categories | NDArray[np.generic]


def write_tasks_csv(path: Path, table: TaskTable, more: Mapping[str, Column] | None = None) -> None:
    """Write ``tasks.csv``.

    Args:
        path: Target file.
        table: The tasks; rows keep their order.
        more: Further columns after ours, words or numbers, by name.
    """
    added = dict(more or {})
    with path.open("wb") as file:
        file.write((",".join((*COLUMNS, *added)) + "\n").encode())
        for low in range(0, table.n, CHUNK):
            part = slice(low, min(low + CHUNK, table.n))
            file.write(rows([*_blocks(table, part), *(_either(column, part) for column in added.values())]))


def _blocks(table: TaskTable, part: slice) -> Iterator[Block]:
    m = part.stop - part.start
    named = {name: _words(getattr(table, name), part) for name in WORDS}
    submitted, started, ended = (v[part] for v in (table.submitted_s, table.started_s, table.ended_s))
    yield _ids(table, part)
    yield from (named[name] for name in WORDS[:-2])
    for name in ("n_qubits", "n_circuits", "shots", "n_cores", "n_gpus"):
        yield _numbers(getattr(table, name), part)
    yield named["pilot"]
    yield named["worker"]
    for name in ("attempts", "predicted_s", "p5_s", "p95_s"):
        yield _numbers(getattr(table, name), part)
    yield reals(submitted)
    yield reals(started)
    yield reals(ended)
    yield words(table.state[part], _STATES)
    yield reals(submitted)
    yield named["pilot"]
    yield reals(started - submitted)
    yield constant(b"0", m) if table.staging_s is None else reals(table.staging_s[part])
    yield constant(b"0", m) if table.input_bytes is None else reals(table.input_bytes[part])
    yield reals(ended - started)
    yield reals(ended)
    yield words(table.state[part], _STATUS)
    yield _words(table.error, part)


def _ids(table: TaskTable, part: slice) -> Block:
    ids = table.task_id[part]
    if ids.dtype == object:
        return words(np.arange(len(ids)), [cell(str(each)).encode() for each in ids.tolist()])
    return integers(ids.astype(np.int64))


def _words(column: Categories | None, part: slice) -> Block:
    if column is None:
        return constant(b"", part.stop - part.start)
    codes, used = np.unique(column.code[part], return_inverse=True)
    known = codes >= 0
    names = [cell(column.names[code]).encode() for code in codes[known].tolist()]
    return words(used.astype(np.int64) - int(not known.all()), names)


def _either(column: Column, part: slice) -> Block:
    return _words(column, part) if isinstance(column, Categories) else _numbers(column, part)


def _numbers(column: np.ndarray | None, part: slice) -> Block:
    if column is None:
        return constant(b"", part.stop - part.start)
    values = column[part]
    return reals(_floats(values)) if values.dtype.kind == "f" else integers(values)


def _floats(values: np.ndarray) -> FloatArray:
    """Return finite numbers; infinity, which no reader expects, becomes an empty cell."""
    return np.where(np.isfinite(values), values, np.nan)
