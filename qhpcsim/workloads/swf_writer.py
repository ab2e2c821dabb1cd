"""Standard Workload Format 2.2: writer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.records import Categories, FloatArray, IntArray, JobTable
from qhpcsim.workloads.columns import plain_number
from qhpcsim.workloads.files import write_bytes

_UNKNOWN = "-1"
_NOT_IN_SWF = (
    *("account", "feature", "gpu_type", "gpus_per_node", "cores_per_node", "memory_per_node_bytes"),
    *("waits", "array", "fails"),
)


def write_swf(
    table: JobTable,
    path: str | Path,
    *,
    wait_s: FloatArray | None = None,
    ran_s: FloatArray | None = None,
    status: IntArray | None = None,
) -> tuple[str, ...]:
    """Write jobs as SWF, on the input file's time axis, under the header that was read with them.

    ``qos`` goes to the queue number and ``partition`` to the partition number; words become numbers that
    the header explains. A job without a limit gets the requested time -1.

    Args:
        table: The jobs.
        path: Target; a name ending in .gz is compressed.
        wait_s: (n,) simulated waits in seconds, NaN where the job never started; None: unknown.
        ran_s: (n,) simulated times on the nodes, NaN as above; None: the true run times.
        status: (n,) SWF status after the simulation; None: as read.

    Returns:
        Columns of the table that SWF cannot hold, so that a user can be told.
    """
    lost = [name for name in _NOT_IN_SWF if getattr(table, name) is not None]
    numbers, renumbered = _job_numbers(table)
    if renumbered:
        lost.append("job_id (renumbered)")
    if np.isinf(table.walltime_s).any():
        lost.append("walltime_s (no limit becomes unknown)")
    nodes = _whole(table.nodes)
    before, after = _preceding(table, numbers)
    columns = [
        numbers,
        _times(table.submit_s + table.zero_s),
        _times(wait_s, table.n),
        _times(table.runtime_s if ran_s is None else ran_s),
        nodes,
        [_UNKNOWN] * table.n,
        [_UNKNOWN] * table.n,
        nodes,
        _times(table.walltime_s),
        [_UNKNOWN] * table.n,
        _whole(table.status if status is None else status, table.n),
        _labels(table.user, table.n),
        _labels(table.group, table.n),
        [_UNKNOWN] * table.n,
        _labels(table.qos, table.n),
        _labels(table.partition, table.n),
        before,
        after,
    ]
    rows = [" ".join(row) for row in zip(*columns, strict=True)]
    text = "\n".join([*(f";{line}" for line in _header(table)), *rows, ""])
    write_bytes(path, text.encode())
    return tuple(lost)


def _header(table: JobTable) -> list[str]:
    """Return the header lines that were read, or else the least that a reader needs."""
    lines = list(table.header)
    if not lines:
        lines = [" Version: 2.2", f" MaxJobs: {table.n}"]
        if table.unix_start_s is not None:
            lines.append(f" UnixStartTime: {plain_number(table.unix_start_s)}")
        if table.machine_nodes is not None:
            lines += [f" MaxNodes: {table.machine_nodes}", f" MaxProcs: {table.machine_nodes}"]
    explained = set(lines)
    for word, column in (("Queue", table.qos), ("Partition", table.partition)):
        if column is not None and not _all_numbers(column):
            new = [f" {word}: {k} {' '.join(name.split())}" for k, name in enumerate(column.names, 1)]
            lines += [line for line in new if line not in explained]
    return lines


def _job_numbers(table: JobTable) -> tuple[list[str], bool]:
    if table.job_id.dtype != object and (not table.n or int(table.job_id.min()) >= 0):
        return [str(each) for each in table.job_id.tolist()], False
    return [str(k) for k in range(1, table.n + 1)], True


def _preceding(table: JobTable, numbers: list[str]) -> tuple[list[str], list[str]]:
    if table.depends_on is None:
        return [_UNKNOWN] * table.n, [_UNKNOWN] * table.n
    index = table.depends_on.tolist()
    think = np.zeros(table.n) if table.think_s is None else table.think_s
    before = [numbers[k] if k >= 0 else _UNKNOWN for k in index]
    return before, [text if k >= 0 else _UNKNOWN for k, text in zip(index, _times(think), strict=True)]


def _times(values: FloatArray | None, n: int = 0) -> list[str]:
    """Return seconds as text that reads back exactly; -1 where NaN or infinite."""
    if values is None:
        return [_UNKNOWN] * n
    return _texts(np.where(np.isfinite(values), values, -1.0), plain_number)


def _whole(values: NDArray[np.integer] | None, n: int = 0) -> list[str]:
    return [_UNKNOWN] * n if values is None else [str(each) for each in values.tolist()]


def _texts(values: FloatArray, text: Callable[[float], str]) -> list[str]:
    whole = bool(np.all((values == np.floor(values)) & (np.abs(values) < 2**53)))
    return [str(each) for each in values.astype(np.int64).tolist()] if whole else [*map(text, values.tolist())]


def _all_numbers(column: Categories) -> bool:
    return all(name.isascii() and name.isdigit() and str(int(name)) == name for name in column.names)


def _labels(column: Categories | None, n: int) -> list[str]:
    """Return a column of words as numbers: the words themselves where all are, else their rank from 1."""
    if column is None:
        return [_UNKNOWN] * n
    names = column.names if _all_numbers(column) else tuple(map(str, range(1, len(column.names) + 1)))
    table = (*names, _UNKNOWN)
    return [table[code] for code in column.code.tolist()]
