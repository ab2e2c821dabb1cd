"""Job arrays: one line of a table that stands for many tasks (Slurm ``--array=0-9%4``)."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.errors import shorten
from qhpcsim.core.records import ArrayTasks, JobTable

MAX_TASK = 4_000_000
"""Slurm's largest ``MaxArraySize`` is 4,000,001: the highest task number."""
MAX_TASKS = 1_000_000
"""Most tasks that one line may stand for."""
_PART = re.compile(r"(\d{1,7})(?:-(\d{1,7})(?::(\d{1,7}))?)?", re.ASCII)
_LIMIT = re.compile(r"(.*?)(?:%(\d{1,7}))?", re.ASCII | re.DOTALL)
_TASK = re.compile(r"(.+)_\d+", re.ASCII)
Fail = Callable[[int, str], Exception]


def expanded(
    ids: Sequence[Any], texts: Sequence[str], fail: Fail
) -> tuple[NDArray[np.int64], list[Any], list[str]] | None:
    """Return the lines of a table with one line a task, or None if no line is an array.

    Args:
        ids: Job ids.
        texts: What ``--array`` takes: ``0-9``, ``1,3,5``, ``0-8:2``, each also with ``%4`` behind it; "" for a plain
            job, and ``%4`` alone for a task that already has a line of its own.
        fail: Makes the error from (line, what is wrong).

    Returns:
        For each line of the result the line it comes from, its id (``12_0`` for task 0 of array 12) and its ``%4``.
    """
    if not any(text and not text.startswith("%") for text in texts):
        return None
    rows: list[int] = []
    names: list[Any] = []
    limit: list[str] = []
    for k, (each, text) in enumerate(zip(ids, texts, strict=True)):
        tasks, most = _parsed(k, text, fail)
        rows += [k] * (len(tasks) or 1)
        names += [f"{each}_{task}" for task in tasks] or [each]
        limit += [f"%{most}" if most else ""] * (len(tasks) or 1)
    return np.array(rows, np.int64), names, limit


def _parsed(k: int, text: str, fail: Fail) -> tuple[list[int], int]:
    """Return the task numbers of an array, ascending, and the limit on how many run, 0 for none."""
    found = _LIMIT.fullmatch(text.strip())
    assert found is not None
    tasks: set[int] = set()
    for part in filter(None, found[1].split(",")):
        numbers = _PART.fullmatch(part.strip())
        if numbers is None:
            raise fail(k, f"{shorten(text, 60)!r}, not as in 0-9, 1,3,5, 0-8:2 or 0-9%4")
        low = int(numbers[1])
        high, step = int(numbers[2] or low), int(numbers[3] or 1)
        if not (low <= high <= MAX_TASK and step) or (high - low) // step >= MAX_TASKS:
            raise fail(k, f"{shorten(text, 60)!r}: tasks from {low} to {high} by {step}")
        tasks |= set(range(low, high + 1, step))
    if found[2] is not None and not int(found[2]):
        raise fail(k, f"{shorten(text, 60)!r}, which lets no task run")
    if len(tasks) > MAX_TASKS or (text.strip() and not tasks and not found[2]):
        raise fail(k, f"{shorten(text, 60)!r}, which is {len(tasks):,} tasks")
    return sorted(tasks), int(found[2] or 0)


def limits(table: JobTable, texts: Sequence[str | None], fail: Fail) -> ArrayTasks | None:
    """Return the arrays with a limit among the tasks of a table in file order; None if there are none.

    Args:
        table: Tasks with ids such as ``12_0``.
        texts: ``%4`` for each task of an array with that limit, else "" or None.
        fail: Makes the error from (job index, what is wrong).
    """
    known: dict[str, int] = {}
    most: list[int] = []
    code = np.full(table.n, -1, np.int32)
    for k, (each, text) in enumerate(zip(table.job_id.tolist(), texts, strict=True)):
        tasks, limit = _parsed(k, text, fail) if text else ([], 0)
        if tasks:
            raise fail(k, f"{shorten(text or '', 60)!r}: only lines of a table stand for several tasks")
        found = _TASK.fullmatch(str(each))
        if not limit:
            continue
        if found is None:
            raise fail(k, f"{shorten(text or '', 60)!r}, but the job is no task of an array: its id is not as in 12_0")
        array = known.setdefault(found[1], len(most))
        if array == len(most):
            most.append(limit)
        if most[array] != limit:
            raise fail(k, f"{shorten(text or '', 60)!r}, and an earlier task of array {found[1]} says %{most[array]}")
        code[k] = array
    return ArrayTasks(code, tuple(known), tuple(most)) if most else None


def limit_texts(array: ArrayTasks) -> list[str]:
    """Return ``%4`` for each task of an array with that limit, "" for all other jobs."""
    return [f"%{array.limit[code]}" if code >= 0 else "" for code in array.code.tolist()]
