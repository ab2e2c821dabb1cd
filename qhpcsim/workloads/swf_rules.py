"""The 18 fields of SWF 2.2: what each may hold, and which jobs can be replayed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.errors import WorkloadError
from qhpcsim.workloads.clean import MAX_TIME_S
from qhpcsim.workloads.columns import narrow, plain_number
from qhpcsim.workloads.files import place
from qhpcsim.workloads.numeric_rows import Batch

FIELDS = (
    "job_number",
    "submit_time",
    "wait_time",
    "run_time",
    "used_procs",
    "avg_cpu_time",
    "used_memory",
    "requested_procs",
    "requested_time",
    "requested_memory",
    "status",
    "user_id",
    "group_id",
    "executable",
    "queue_number",
    "partition_number",
    "preceding_job",
    "think_time",
)
"""Names of the fields in their order; field k of the standard is ``FIELDS[k - 1]``."""
AT = {name: column for column, name in enumerate(FIELDS)}
UNUSED = ("wait_time", "avg_cpu_time", "used_memory", "requested_memory", "executable")
"""Fields that a replay does not need: any finite number will do."""
TIMES = ("submit_time", "run_time", "requested_time", "think_time")
INTEGERS = tuple(name for name in FIELDS if name not in UNUSED and name not in TIMES)
KEPT = ("job_number", *TIMES[:3], *INTEGERS[1:], "think_time")
_MAX_INT32 = float(2**31 - 1)
_LIMITS = {
    "used_procs": _MAX_INT32,
    "requested_procs": _MAX_INT32,
    "status": _MAX_INT32,
}

DROP_RULES = (
    "submit_time -1 (unknown): dropped",
    "run_time -1 (unknown): dropped",
    "no processors in requested_procs or used_procs: dropped",
)


def check_fields(batch: Batch, path: object) -> None:
    """Raise on the first line that holds an impossible value, naming line and field.

    Raises:
        WorkloadError: if a value is too large, negative other than -1, or no whole number where one must be.
    """
    columns, lines = batch
    faulty = [(int(np.argmax(wrong)), k) for k in range(len(FIELDS)) if (wrong := _wrong(k, columns[k])) is not None]
    if faulty:
        row, k = min(faulty)
        raise field_error(path, int(lines[row]), k, float(columns[k, row]))


def field_error(path: object, line: int, k: int, value: float) -> WorkloadError:
    """Return the error for an impossible value of the field in column ``k``."""
    name = FIELDS[k]
    whole = "an integer" if name in INTEGERS else "a number"
    least = "-1 (unknown) or " if name != "job_number" else ""
    return WorkloadError(
        f"field {k + 1} ({name}) is {plain_number(value)}",
        where=place(str(path), line),
        allowed=f"{least}{whole} from 0 to {_LIMITS.get(name, MAX_TIME_S):.10g}",
        hint="mend or remove the line",
    )


def kept_columns(batch: Batch) -> dict[str, NDArray[Any]]:
    """Return copies of the columns that a replay needs, integers in the smallest type that holds them."""
    columns, lines = batch
    result = {name: columns[AT[name]].copy() for name in TIMES[:3]}
    for name in (*INTEGERS, "think_time"):
        column = columns[AT[name]]
        result[name] = column.copy() if name == "think_time" and column.max() >= 0 else narrow(column)
    result["line"] = narrow(lines)
    return result


def processors(rows: dict[str, NDArray[Any]], counts: dict[str, int]) -> NDArray[np.int32]:
    """Return the processors of each job: field 8, or else field 5; 0 where both are unknown."""
    asked, used = rows["requested_procs"].astype(np.int32), rows["used_procs"].astype(np.int32)
    other = (asked <= 0) & (used > 0)
    _note(counts, "requested_procs unknown: used_procs taken", other)
    _note(counts, "used_procs unknown: requested_procs taken", (used < 0) & (asked > 0))
    return np.where(other, used, np.maximum(asked, 0)).astype(np.int32)


def requested_times(rows: dict[str, NDArray[Any]], counts: dict[str, int]) -> NDArray[np.float64]:
    """Return the requested time of each job in seconds: field 9, or else the run time; 1 s if both are 0."""
    asked, ran = rows["requested_time"], rows["run_time"]
    missing = asked <= 0
    _note(counts, "requested_time unknown: run_time taken", missing)
    result = np.where(missing, ran, asked)
    _note(counts, "requested_time unknown and run_time 0: 1 s requested", result <= 0)
    return np.where(result <= 0, 1.0, result)


def replayable(rows: dict[str, NDArray[Any]], nodes: NDArray[np.int32], counts: dict[str, int]) -> NDArray[np.bool_]:
    """Return which jobs can be replayed; the others are counted under the first rule that drops them."""
    keep = np.ones(len(nodes), bool)
    for rule, wrong in zip(DROP_RULES, (rows["submit_time"] < 0, rows["run_time"] < 0, nodes <= 0), strict=True):
        _note(counts, rule, keep & wrong)
        keep &= ~wrong
    return keep


def _wrong(k: int, column: NDArray[np.float64]) -> NDArray[np.bool_] | None:
    """Return which values of field ``k + 1`` are impossible, or None if all are fine."""
    name = FIELDS[k]
    low, high = float(column.min()), float(column.max())
    limit = _LIMITS.get(name, MAX_TIME_S)
    if name in UNUSED:
        return None if low >= -MAX_TIME_S and high <= MAX_TIME_S else ~(np.abs(column) <= MAX_TIME_S)
    if low == high == -1 and name != "job_number":
        return None
    wrong = ~((column >= 0) & (column <= limit))
    if low < 0 and name != "job_number":
        wrong &= column != -1
    if name in INTEGERS:
        wrong |= np.floor(column) != column
    return wrong if wrong.any() else None


def _note(counts: dict[str, int], rule: str, mask: NDArray[np.bool_]) -> None:
    n = int(np.count_nonzero(mask))
    if n:
        counts[rule] = counts.get(rule, 0) + n
