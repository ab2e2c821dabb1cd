"""What every reader does to its jobs: order, clock, dependencies, and the cuts and scalings that users ask for."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.errors import ConfigError, WorkloadError
from qhpcsim.core.records import Categories, FloatArray, IntArray, JobTable, Waits
from qhpcsim.workloads.files import place

MAX_TIME_S = 1e15
"""Latest time and longest duration of a workload: 32 million years, and sums still resolve 1/8 s."""
_ZERO_BITS = 26


def rebase(submit_s: FloatArray) -> tuple[FloatArray, float]:
    """Return submission times on the simulator's clock, and that clock's zero on the file's axis.

    The zero is the first time with its mantissa cut to the top 26 bits, so that the clock starts near 0 even at
    Unix-epoch times (where float64 resolves only 2.4e-7 s) and times scaled by a power of two stay exactly scaled.
    It is 0 where the shift would not be exact for every job.

    Args:
        submit_s: (n,) sorted times on the file's axis, in seconds.
    """
    if not len(submit_s):
        return submit_s, 0.0
    mantissa, exponent = math.frexp(float(submit_s[0]))
    zero_s = math.ldexp(math.trunc(math.ldexp(mantissa, _ZERO_BITS)), exponent - _ZERO_BITS)
    moved = submit_s - zero_s
    if zero_s and np.array_equal(moved + zero_s, submit_s):
        return moved, zero_s
    return submit_s, 0.0


def in_submit_order(table: JobTable) -> JobTable:
    """Return the table sorted by (submission, file line) and rebased; ``submit_s`` is on the file's axis before.

    Jobs that stood after a later one are counted in ``cleaned``.
    """
    late = int(np.count_nonzero(table.submit_s < np.maximum.accumulate(table.submit_s))) if table.n else 0
    if late:
        table = take(table, np.argsort(table.submit_s, kind="stable"))
        table.cleaned["submitted before a job on an earlier line: sorted by submission time"] = late
    table.submit_s, table.zero_s = rebase(table.submit_s)
    return table


def take(table: JobTable, index: NDArray[np.int64]) -> JobTable:
    """Return the jobs ``index`` in that order; a dependency on a job left out is cut, and counted."""
    changes: dict[str, object] = {"cleaned": dict(table.cleaned)}
    for name in (field.name for field in dataclasses.fields(table)):
        column = getattr(table, name)
        if isinstance(column, Categories):
            changes[name] = Categories(column.code[index], column.names)
        elif isinstance(column, np.ndarray) and name != "depends_on":
            changes[name] = column[index]
    if table.array is not None:
        changes["array"] = table.array._replace(code=table.array.code[index])
    result = dataclasses.replace(table, **changes)  # type: ignore[arg-type]
    new_index = np.full(table.n + 1, -1, np.int32)
    new_index[index] = np.arange(len(index), dtype=np.int32)
    if table.waits is not None:
        result.waits, cut = take_waits(table.waits, index, new_index)
        _count(result, "depends on a job left out: dependency cut", cut)
    if table.depends_on is not None:
        old = table.depends_on[index]
        result.depends_on = new_index[old]
        _count(result, "depends on a job left out: dependency cut", (old >= 0) & (result.depends_on < 0))
    return result


def take_waits(waits: Waits, index: NDArray[np.int64], new_index: IntArray) -> tuple[Waits, NDArray[np.bool_]]:
    """Return the dependencies of some jobs, renumbered, and which of these jobs' dependencies were cut.

    Args:
        waits: Dependencies of the old table.
        index: Old index of each job of the new one.
        new_index: New index of each old job, -1 if it was left out.
    """
    counts = np.diff(waits.offset)[index]
    row = np.repeat(np.arange(len(index)), counts)
    first = np.repeat(waits.offset[index] - np.concatenate([[0], np.cumsum(counts)[:-1]]), counts)
    at = (first + np.arange(len(row))).astype(np.int64)
    before = new_index[waits.before[at]]
    kept = before >= 0
    offset = np.concatenate([[0], np.cumsum(np.bincount(row[kept], minlength=len(index)))]).astype(np.int64)
    return Waits(offset, before[kept], waits.ok[at][kept]), ~kept


def first_jobs(table: JobTable, k: int) -> JobTable:
    """Return the first ``k`` jobs.

    Raises:
        ConfigError: if ``k`` is less than 1.
    """
    if k < 1:
        raise ConfigError(f"{k} jobs", where="workload.max_jobs", allowed="an integer ≥ 1")
    return table if k >= table.n else take(table, np.arange(k))


def scaled_load(table: JobTable, factor: float) -> JobTable:
    """Return the jobs with every submission time (on the file's axis) divided by ``factor``.

    Raises:
        ConfigError: if ``factor`` is not a finite number > 0, or the times leave the range of a workload.
    """
    if factor == 1:
        return table
    if not (math.isfinite(factor) and factor > 0):
        raise ConfigError(f"{factor!r}", where="workload.load_scale", allowed="a finite number > 0")
    submit_s = (table.submit_s + table.zero_s) / factor
    if table.n and not submit_s[-1] <= MAX_TIME_S:
        raise ConfigError(f"{factor!r} puts jobs past {MAX_TIME_S:g} s", where="workload.load_scale")
    submit_s, zero_s = rebase(submit_s)
    return dataclasses.replace(table, submit_s=submit_s, zero_s=zero_s)


def find_duplicate(job_id: NDArray[np.generic]) -> int | None:
    """Return the index of the first job whose id stood on an earlier line, or None."""
    if job_id.dtype != object and bool(np.all(job_id[1:] > job_id[:-1])):  # type: ignore[operator]
        return None
    if job_id.dtype == object:
        seen: set[object] = set()
        for k, each in enumerate(job_id.tolist()):
            if each in seen:
                return k
            seen.add(each)
        return None
    _, first = np.unique(job_id, return_index=True)
    if len(first) == len(job_id):
        return None
    again = np.ones(len(job_id), bool)
    again[first] = False
    return int(np.flatnonzero(again)[0])


def find_cycle(depends_on: IntArray) -> int | None:
    """Return the lowest index of a job that, through its predecessors, waits for itself, or None.

    Args:
        depends_on: (n,) index of each job's predecessor, -1 for none.
    """
    n = len(depends_on)
    # Node n stands for "no predecessor"; squaring the map n times over leaves only jobs on or behind a cycle.
    ahead = np.append(np.where(depends_on < 0, n, depends_on), n)
    for _ in range(max(n, 1).bit_length()):
        ahead = ahead[ahead]
    on_cycle = ahead[ahead < n]
    return int(on_cycle.min()) if len(on_cycle) else None


def check_times(path: object, line: int | None, name: str, value: float, *, least: float = 0.0) -> float:
    """Return a time or duration in seconds if it lies in the range of a workload.

    Raises:
        WorkloadError: if it is NaN, infinite, below ``least`` or beyond ``MAX_TIME_S``.
    """
    if not least <= value <= MAX_TIME_S:
        raise WorkloadError(
            f"{name} is {value!r}",
            where=place(str(path), line),
            allowed=f"a number of seconds from {least:g} to {MAX_TIME_S:g}",
        )
    return value


def _count(table: JobTable, rule: str, mask: NDArray[np.bool_]) -> None:
    n = int(np.count_nonzero(mask))
    if n:
        table.cleaned[rule] = table.cleaned.get(rule, 0) + n
