"""Lines of a ``sacct --parsable2`` export as records: columns by name, and what they say about one job."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from qhpcsim.core.errors import WorkloadError, nearest, shorten
from qhpcsim.workloads import sacct_fields as fields
from qhpcsim.workloads.clean import MAX_TIME_S
from qhpcsim.workloads.files import place

Value = TypeVar("Value")
_MAX_COUNT = 2**31 - 1
_NEEDED = (
    ("JobIDRaw", "JobID"),
    ("Submit",),
    ("Start",),
    ("ElapsedRaw", "Elapsed", "End"),
    ("AllocNodes", "NNodes", "AllocTRES", "ReqTRES"),
)
"""At least one column of each group must be there."""
KNOWN = (
    *(name for group in _NEEDED for name in group),
    *("User", "Account", "Group", "Partition", "QOS", "TimelimitRaw", "Timelimit", "State", "NodeList"),
    *("AllocCPUS", "NCPUS", "ReqCPUS", "ReqGRES", "AllocGRES", "ReqMem", "Constraints"),
)


class Record:
    """One line: its columns by name."""

    __slots__ = ("line", "path", "values")

    def __init__(self, path: str | Path, line: int, values: dict[str, str]) -> None:
        self.path, self.line, self.values = path, line, values

    def first(self, *names: str) -> tuple[str, str]:
        """Return (name, value) of the first of these columns that has a value, ("", "") if none has."""
        for name in names:
            value = self.values.get(name, "")
            if value not in fields.UNKNOWN:
                return name, value
        return "", ""

    def parsed(self, name: str, read: Callable[[str], Value]) -> Value:
        """Return what ``read`` makes of one column, turning its ValueError into one that names the line."""
        try:
            return read(self.values.get(name, ""))
        except (ValueError, OverflowError) as error:
            raise self.error(name, repr(shorten(self.values[name], 60))) from error

    def error(self, name: str, text: str, allowed: str = "a value as sacct prints it") -> WorkloadError:
        """Return the error for a value of one column."""
        where = place(self.path, self.line)
        return WorkloadError(f"column {name} is {text}", where=where, allowed=allowed, hint="mend or remove the line")


def records(lines: Iterable[tuple[int, str]], path: str | Path) -> Iterable[Record]:
    """Yield the records of numbered lines, the first of which names the columns.

    Raises:
        WorkloadError: if a needed column is missing, or a line has too many or too few.
    """
    names: list[str] | None = None
    for line, text in lines:
        if not text.strip():
            continue
        words = text.split("|")
        if names is None:
            names = _names(words, place(path, line))
            continue
        if len(words) == len(names) + 1 and not words[-1]:
            words.pop()
        if len(words) != len(names):
            raise WorkloadError(
                f"{len(words)} columns, but the header names {len(names)}",
                where=place(path, line),
                hint="is the file cut off, or was it written with another --format?",
            )
        yield Record(path, line, dict(zip(names, map(str.strip, words), strict=True)))
    if names is None:
        raise WorkloadError("holds no jobs", where=place(path), allowed="the output of sacct --parsable2")


def _names(words: list[str], where: str) -> list[str]:
    """Return the column names in Slurm's own spelling; a trailing bar (``--parsable``) is dropped."""
    spelling = {name.lower(): name for name in KNOWN}
    names = [spelling.get(word.strip().lower(), word.strip()) for word in words]
    if names[-1] == "":
        names.pop()
    for group in _NEEDED:
        if not any(name in names for name in group):
            raise WorkloadError(
                f"no column {' or '.join(group)} in the first line",
                where=where,
                allowed=", ".join(KNOWN),
                suggestion=nearest(group[0], names),
                hint="export with sacct --parsable2 and the header line (no --noheader)",
            )
    return names


def never_started(job: Record) -> bool:
    """Return whether the job never got nodes."""
    if job.parsed("Start", fields.stamp_s) is None:
        return True
    state = job.values.get("State", "").split(" ")[0]
    if state == "PENDING":
        return True
    # Slurm sets Start to the moment of the cancellation for jobs cancelled in the queue.
    unplaced = job.values.get("NodeList") == "None assigned" or job.values.get("AllocTRES") == ""
    unplaced |= job.values.get("AllocNodes") == "0"
    return state.startswith("CANCELLED") and unplaced


def runtime_s(job: Record) -> float | None:
    """Return the time on the nodes in seconds, None if the job still runs."""
    state = job.values.get("State", "").split(" ")[0]
    unfinished = "End" in job.values and job.parsed("End", fields.stamp_s) is None
    if unfinished or state in ("RUNNING", "SUSPENDED", "COMPLETING", "CONFIGURING", "RESIZING"):
        return None
    name = job.first("ElapsedRaw", "Elapsed")[0]
    if name == "ElapsedRaw":
        value = float(count_of(job, name))
    elif name:
        value = job.parsed(name, fields.duration_s)
    else:
        start, end = job.parsed("Start", fields.stamp_s), job.parsed("End", fields.stamp_s)
        if start is None or end is None:
            return None
        value = end - start
    if not 0 <= value <= MAX_TIME_S:
        raise job.error(name or "End", f"{value:g} s after the start", f"a duration from 0 to {MAX_TIME_S:g} s")
    return value


def count_of(job: Record, *names: str) -> int:
    """Return the first of these columns that has a value as an integer ≥ 0, 0 if none has."""
    name, text = job.first(*names)
    return _integer(job, name, text) if name else 0


def count_in_tres(job: Record, entry: str) -> int:
    """Return the value of one entry of AllocTRES, or else ReqTRES, 0 if absent."""
    name, text = job.first("AllocTRES", "ReqTRES")
    value = fields.tres(text, entry)
    return _integer(job, name, value) if value else 0


def _integer(job: Record, name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and int(text) <= _MAX_COUNT):
        raise job.error(name, repr(shorten(text, 60)), f"an integer from 0 to {_MAX_COUNT}")
    return int(text)
