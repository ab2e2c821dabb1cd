"""Puts QPU jobs as rows into the table of batch jobs, in order of submission."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.errors import WorkloadError, shorten
from qhpcsim.core.qpu_records import QpuJobTable
from qhpcsim.core.records import Categories, FloatArray, IntArray, JobTable
from qhpcsim.workloads.clean import take_waits

PREFIX = "qpu-"
"""In front of the ids of QPU jobs where there are batch jobs beside them."""
_BLANK = {"gpus_per_node": 0, "cores_per_node": 0, "memory_per_node_bytes": 0, "status": -1, "fails": False}
"""Columns of batch jobs that QPU jobs do not have, and what stands there."""


@dataclass(slots=True)
class QpuRows:
    """QPU jobs as the batch system is to see them."""

    jobs: QpuJobTable
    sent: NDArray[np.int64]
    """(k,) the jobs that are submitted, ascending; the columns below are of all n jobs."""
    runtime_s: FloatArray
    walltime_s: FloatArray
    partition: str
    feature: Categories | None = None
    """Node feature that each job asks for, code -1 for none; None: no job does."""


def merged(table: JobTable, home: Categories, rows: QpuRows) -> tuple[JobTable, QpuJobTable, IntArray]:
    """Return the combined table, the QPU jobs under their ids in it, and (n,) the row of each, -1 if it is not sent.

    Equal submission times: batch jobs first. Where there are batch jobs, all ids are texts and those of QPU jobs begin
    with ``PREFIX``.

    Args:
        table: Batch jobs.
        home: (n,) their partitions.
        rows: QPU jobs.

    Raises:
        WorkloadError: if an id stands for two jobs.
    """
    jobs, sent = rows.jobs, rows.sent
    order = np.argsort(np.concatenate([table.submit_s, jobs.submit_s[sent]]), kind="stable")
    place = np.empty(len(order), np.int32)
    place[order] = np.arange(len(order), dtype=np.int32)
    row = np.full(jobs.n, -1, np.int32)
    row[sent] = place[table.n :]

    columns = _numbers(table, rows) | _words(table, home, rows)
    combined = dataclasses.replace(table, **{name: _sorted(column, order) for name, column in columns.items()})
    batch_ids, qpu_ids = _ids(table, jobs)
    combined.job_id = np.concatenate([batch_ids, qpu_ids[sent]])[order]
    combined.depends_on = _dependencies(table, rows, place, row, order)
    if table.waits is not None:
        padded = np.append(table.waits.offset, np.full(len(sent), table.waits.offset[-1]))
        combined.waits, _ = take_waits(table.waits._replace(offset=padded), order, place)
    if table.array is not None:
        combined.array = table.array._replace(code=np.append(table.array.code, _minus_ones(len(sent)))[order])
    _check_ids(combined)
    return combined, dataclasses.replace(jobs, job_id=qpu_ids), row


def _numbers(table: JobTable, rows: QpuRows) -> dict[str, Any]:
    """Return the columns of numbers, batch jobs first; None for those that nobody gives."""
    jobs, sent = rows.jobs, rows.sent
    given = {
        "submit_s": jobs.submit_s[sent],
        "runtime_s": rows.runtime_s[sent],
        "walltime_s": rows.walltime_s[sent],
        "nodes": np.ones(len(sent), np.int32),
    }
    found: dict[str, Any] = {name: np.concatenate([getattr(table, name), column]) for name, column in given.items()}
    for name, blank in _BLANK.items():
        ours = getattr(table, name)
        found[name] = None if ours is None else np.append(ours, np.full(len(sent), blank, ours.dtype))
    if table.think_s is not None or jobs.think_s is not None:
        ours = np.zeros(table.n) if table.think_s is None else table.think_s
        theirs = np.zeros(jobs.n) if jobs.think_s is None else jobs.think_s
        found["think_s"] = np.concatenate([ours, theirs[sent]])
    return found


def _words(table: JobTable, home: Categories, rows: QpuRows) -> dict[str, Any]:
    """Return the columns of words, batch jobs first; None for those that nobody gives."""
    jobs, sent = rows.jobs, rows.sent
    ours = {name: getattr(table, name) for name in ("user", "group", "account", "qos", "gpu_type", "feature")}
    theirs = {"user": jobs.user, "group": jobs.group, "feature": rows.feature}
    found = {name: _joined(column, _of(theirs.get(name), sent), table.n, len(sent)) for name, column in ours.items()}
    owned = Categories(np.zeros(len(sent), np.int32), (rows.partition,))
    return found | {"partition": _joined(home, owned, table.n, len(sent))}


def _sorted(column: Any, order: NDArray[np.intp]) -> Any:
    if column is None:
        return None
    return Categories(column.code[order], column.names) if isinstance(column, Categories) else column[order]


def _ids(table: JobTable, jobs: QpuJobTable) -> tuple[NDArray[Any], NDArray[Any]]:
    ids = np.arange(jobs.n) if jobs.job_id is None else jobs.job_id
    if not table.n:
        return np.empty(0, ids.dtype), ids
    texts = [f"{PREFIX}{name}" for name in ids.tolist()]
    return np.array([str(name) for name in table.job_id.tolist()], dtype=object), np.array(texts, dtype=object)


def _check_ids(table: JobTable) -> None:
    found, count = np.unique(table.job_id.astype(str), return_counts=True)
    if found.size < table.n:
        raise WorkloadError(f"id {shorten(found[np.argmax(count)])!r} stands for two jobs", where="qpu_workload")


def _of(column: Categories | None, jobs: NDArray[np.int64]) -> Categories | None:
    return None if column is None else Categories(column.code[jobs], column.names)


def _joined(ours: Categories | None, theirs: Categories | None, n: int, k: int) -> Categories | None:
    """Return a column of words for n batch jobs and k QPU jobs, None if neither gives one."""
    if ours is None and theirs is None:
        return None
    ours = ours or Categories(np.full(n, -1, np.int32), ())
    theirs = theirs or Categories(np.full(k, -1, np.int32), ())
    names = (*ours.names, *(name for name in theirs.names if name not in ours.names))
    place = np.array([*(names.index(name) for name in theirs.names), -1], dtype=np.int32)
    return Categories(np.concatenate([ours.code, place[theirs.code]]).astype(np.int32), names)


def _dependencies(
    table: JobTable, rows: QpuRows, place: IntArray, row: IntArray, order: NDArray[np.intp]
) -> IntArray | None:
    """Return the row that each job waits for; a QPU job does not wait for one that was not sent."""
    if table.depends_on is None and rows.jobs.depends_on is None:
        return None
    ours = _minus_ones(table.n) if table.depends_on is None else table.depends_on
    theirs = _minus_ones(rows.jobs.n) if rows.jobs.depends_on is None else rows.jobs.depends_on
    theirs = theirs[rows.sent]
    found = [np.append(at, -1)[np.where(before >= 0, before, -1)] for at, before in ((place, ours), (row, theirs))]
    return np.concatenate(found)[order].astype(np.int32)


def _minus_ones(n: int) -> IntArray:
    return np.full(n, -1, np.int32)
