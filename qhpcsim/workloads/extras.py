"""Optional columns of a JobTable by name, as formats that can hold them all store and read them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from qhpcsim.core.records import JobTable
from qhpcsim.workloads.clean import find_cycle
from qhpcsim.workloads.columns import categories, plain_number, words_of

WORDS = ("user", "group", "account", "qos", "partition", "feature", "gpu_type")
COUNTS = ("gpus_per_node", "cores_per_node")
NUMBERS = ("memory_per_node_bytes", "think_s")
EXTRAS = (*WORDS, *COUNTS, *NUMBERS, "depends_on")
"""Every optional column, in the order in which files list them; ``depends_on`` holds a job id."""


def text_columns(table: JobTable) -> dict[str, list[str]]:
    """Return the optional columns that the table has as text, "" where a job has no value."""
    result = {name: words_of(getattr(table, name), table.n) for name in WORDS if getattr(table, name) is not None}
    for name in COUNTS:
        if getattr(table, name) is not None:
            result[name] = [str(each) for each in getattr(table, name).tolist()]
    for name in NUMBERS:
        if getattr(table, name) is not None:
            result[name] = [plain_number(each) for each in getattr(table, name).tolist()]
    if table.depends_on is not None:
        ids = [str(each) for each in table.job_id.tolist()]
        result["depends_on"] = [ids[k] if k >= 0 else "" for k in table.depends_on.tolist()]
    return result


def set_columns(
    table: JobTable, values: Mapping[str, Sequence[Any]], fail: Callable[[int, str, str], Exception]
) -> None:
    """Fill the table's optional columns from lists in its job order (before sorting).

    Args:
        table: Table in file order.
        values: Column name -> per job a word, a number or (``depends_on``) an id as text; None where not given.
        fail: Makes the error from (job index, column, what is wrong).
    """
    for name in WORDS:
        if name in values:
            setattr(table, name, categories(values[name]))
    for name, kind in (*((name, np.int32) for name in COUNTS), *((name, np.float64) for name in NUMBERS)):
        if name in values:
            given = values[name]
            column = given if isinstance(given, np.ndarray) else np.array([each or 0 for each in given])
            setattr(table, name, column.astype(kind))
    if "depends_on" in values:
        table.depends_on = _predecessors(table, values["depends_on"], fail)


def _predecessors(
    table: JobTable, before: Sequence[str | None], fail: Callable[[int, str, str], Exception]
) -> np.ndarray[Any, np.dtype[np.int32]]:
    index = {str(each): k for k, each in enumerate(table.job_id.tolist())}
    result = np.full(table.n, -1, np.int32)
    for k, each in enumerate(before):
        if each:
            if each not in index:
                raise fail(k, "depends_on", f"{each!r}, and no job has that id")
            result[k] = index[each]
    first = find_cycle(result)
    if first is not None:
        raise fail(first, "depends_on", f"{before[first]!r}, which closes a cycle: the job waits for itself")
    return result
