"""Which job waits for which: job numbers resolved to indices, impossible ones refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.errors import WorkloadError, shorten
from qhpcsim.core.records import IntArray, JobTable, Waits
from qhpcsim.workloads.clean import find_cycle
from qhpcsim.workloads.files import place

KINDS = {"afterany": False, "afterok": True}
"""Slurm's kinds of dependency -> whether the other job must succeed."""
_CLAUSE = re.compile(r"(after\w*|singleton)(?::(.+))?", re.ASCII)
_KNOWN = f"{', '.join(f'{kind}:ID' for kind in KINDS)}, with ; between"
_TASK = re.compile(r"(.+)_\d+", re.ASCII)
Fail = Callable[[int, str], Exception]


def set_dependencies(table: JobTable, texts: Sequence[str | None], fail: Fail) -> None:
    """Fill ``depends_on`` or, where a job names several others or wants their success, ``waits``.

    A text is the id of a job (it must end, however), or clauses such as ``afterok:12:13;afterany:14``, between which a
    comma may stand too: all must be met. The id of a job array stands for all its tasks.

    Args:
        table: Table in file order.
        texts: Per job; None and "" where it waits for nobody.
        fail: Makes the error from (job index, what is wrong).
    """
    index = {str(each): [k] for k, each in enumerate(table.job_id.tolist())}
    tasks: dict[str, list[int]] = {}
    for each, (k,) in index.items():
        if found := _TASK.fullmatch(each):
            tasks.setdefault(found[1], []).append(k)
    index = {**tasks, **index}
    pairs = [_parsed(k, text, index, fail) if text else [] for k, text in enumerate(texts)]
    offset = np.concatenate([[0], np.cumsum([len(each) for each in pairs], dtype=np.int64)])
    before = np.array([job for each in pairs for job, _ in each], np.int32)
    ok = np.array([ok for each in pairs for _, ok in each], np.bool_)
    first = first_in_cycle(offset, before)
    if first is not None:
        raise fail(first, f"{texts[first]!r}, which closes a cycle: the job waits for itself")
    if ok.any() or (np.diff(offset) > 1).any():
        table.waits = Waits(offset, before, ok)
        return
    table.depends_on = np.full(table.n, -1, np.int32)
    table.depends_on[np.diff(offset) == 1] = before


def _parsed(k: int, text: str, index: dict[str, list[int]], fail: Fail) -> list[tuple[int, bool]]:
    """Return (job, whether it must succeed) of each dependency in a text, each job once."""
    if text in index:
        return [(job, False) for job in index[text]]
    found: dict[int, bool] = {}
    for clause in re.split("[;,]", text):
        match = _CLAUSE.fullmatch(clause.strip())
        if match is None and ":" not in clause:
            raise fail(k, f"{shorten(clause.strip(), 60)!r}, and no job has that id")
        if match is None or match[1] not in KINDS or not match[2] or "?" in clause:
            raise fail(k, f"{shorten(text, 60)!r}: known are {_KNOWN}")
        for name in match[2].split(":"):
            if name not in index:
                raise fail(k, f"{shorten(name, 60)!r}, and no job has that id")
            for job in index[name]:
                found[job] = found.get(job, False) or KINDS[match[1]]
    return list(found.items())


def dependency_texts(table: JobTable) -> list[str]:
    """Return what ``set_dependencies`` reads back, "" where a job waits for nobody."""
    ids = [str(each) for each in table.job_id.tolist()]
    if table.waits is None:
        assert table.depends_on is not None
        return [ids[k] if k >= 0 else "" for k in table.depends_on.tolist()]
    offset, before, ok = table.waits
    result = []
    for j in range(table.n):
        part = slice(int(offset[j]), int(offset[j + 1]))
        clauses: dict[str, list[str]] = {}
        if table.depends_on is not None and table.depends_on[j] >= 0:
            clauses["afterany"] = [ids[table.depends_on[j]]]
        for k, must in zip(before[part].tolist(), ok[part].tolist(), strict=True):
            clauses.setdefault("afterok" if must else "afterany", []).append(ids[k])
        result.append(";".join(":".join([kind, *names]) for kind, names in clauses.items()))
    return result


def first_in_cycle(offset: NDArray[np.int64], before: IntArray) -> int | None:
    """Return the lowest index of a job that, through its predecessors, waits for itself, or None.

    Args:
        offset: (n + 1,) as in ``Waits``.
        before: As there.
    """
    n = len(offset) - 1
    left = np.diff(offset).tolist()
    after: dict[int, list[int]] = {}
    for job, each in zip(np.repeat(np.arange(n), left).tolist(), before.tolist(), strict=True):
        after.setdefault(each, []).append(job)
    ready = [job for job in range(n) if not left[job]]
    while ready:
        for job in after.get(ready.pop(), ()):
            left[job] -= 1
            if not left[job]:
                ready.append(job)
    return next((job for job in range(n) if left[job] and _reaches(job, offset, before)), None)


def _reaches(job: int, offset: NDArray[np.int64], before: IntArray) -> bool:
    """Return whether a job is among its own predecessors, theirs included."""
    seen: set[int] = set()
    pending = before[offset[job] : offset[job + 1]].tolist()
    while pending:
        each = pending.pop()
        if each == job:
            return True
        if each not in seen:
            seen.add(each)
            pending += before[offset[each] : offset[each + 1]].tolist()
    return False


def resolve(
    job_id: NDArray[np.int64],
    preceding: NDArray[Any],
    lines: NDArray[Any],
    path: object,
    counts: dict[str, int],
    field: str = "preceding_job",
) -> IntArray | None:
    """Return the index of each job's predecessor, -1 for none; None where no job has one.

    Args:
        job_id: (n,) unique numbers.
        preceding: (n,) number of the job that must end first, -1 for none.
        lines: (n,) line numbers, for messages.
        path: File, for messages.
        counts: Takes note of 0 used for "none", as some converters do.
        field: Name of the column, for messages.

    Raises:
        WorkloadError: if a predecessor does not exist, or jobs wait for each other in a cycle.
    """
    given = preceding >= 0
    if not given.any():
        return None
    order = np.argsort(job_id, kind="stable")
    at = np.minimum(np.searchsorted(job_id[order], preceding), len(job_id) - 1)
    index = np.where(given, order[at], -1).astype(np.int32)
    unknown = given & (job_id[index] != preceding)
    none = unknown & (preceding == 0)
    if none.any():
        index[none] = -1
        counts[f"{field} 0, and no job 0: none taken"] = int(np.count_nonzero(none))
        unknown &= ~none
    if unknown.any():
        k = int(np.argmax(unknown))
        raise WorkloadError(
            f"{field} is {int(preceding[k])}, and no job has that number",
            where=place(str(path), int(lines[k])),
            allowed="the number of a job in this file, or -1 for none",
            hint="mend the line, or add the job",
        )
    first = find_cycle(index)
    if first is not None:
        raise WorkloadError(
            f"{field} {int(preceding[first])} of job {int(job_id[first])} closes a cycle: it waits for itself",
            where=place(str(path), int(lines[first])),
            allowed="jobs that wait for earlier ones",
            hint="set it to -1",
        )
    return index if (index >= 0).any() else None
