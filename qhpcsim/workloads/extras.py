"""Optional columns of a JobTable by name, as formats that can hold them all store and read them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from qhpcsim.core.records import JobTable
from qhpcsim.workloads.arrays import limit_texts, limits
from qhpcsim.workloads.columns import categories, plain_number, words_of
from qhpcsim.workloads.dependencies import dependency_texts, set_dependencies

WORDS = ("user", "group", "account", "qos", "partition", "feature", "gpu_type")
COUNTS = ("gpus_per_node", "cores_per_node")
NUMBERS = ("memory_per_node_bytes", "think_s")
EXTRAS = (*WORDS, *COUNTS, *NUMBERS, "depends_on", "fails", "array")
"""Every optional column, in the order in which files list them; ``depends_on`` holds a job id or what Slurm's
``--dependency`` takes, ``fails`` 0 or 1, ``array`` what its ``--array`` takes."""


def text_columns(table: JobTable) -> dict[str, list[str]]:
    """Return the optional columns that the table has as text, "" where a job has no value."""
    result = {name: words_of(getattr(table, name), table.n) for name in WORDS if getattr(table, name) is not None}
    for name in COUNTS:
        if getattr(table, name) is not None:
            result[name] = [str(each) for each in getattr(table, name).tolist()]
    for name in NUMBERS:
        if getattr(table, name) is not None:
            result[name] = [plain_number(each) for each in getattr(table, name).tolist()]
    if table.depends_on is not None or table.waits is not None:
        result["depends_on"] = dependency_texts(table)
    if table.fails is not None:
        result["fails"] = [str(int(each)) for each in table.fails.tolist()]
    if table.array is not None:
        result["array"] = limit_texts(table.array)
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
    if "array" in values:
        table.array = limits(table, values["array"], lambda k, text: fail(k, "array", text))
    if "depends_on" in values:
        set_dependencies(table, values["depends_on"], lambda k, text: fail(k, "depends_on", text))
    if "fails" in values:
        table.fails = np.array([_flag(k, each, fail) for k, each in enumerate(values["fails"])], np.bool_)


def _flag(k: int, value: Any, fail: Callable[[int, str, str], Exception]) -> bool:
    if value not in (None, "", 0, 1, "0", "1"):
        raise fail(k, "fails", f"{value!r}, neither 0 nor 1")
    return value in (1, "1")
