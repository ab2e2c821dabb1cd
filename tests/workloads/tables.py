"""Comparison of job tables, and SWF texts to read."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from qhpcsim.core.errors import WorkloadError
from qhpcsim.core.records import Categories, JobTable
from qhpcsim.workloads.swf import read_swf

ABOUT_THE_FILE = ("workload_name", "header", "cleaned")


def difference(a: JobTable, b: JobTable, ignore: tuple[str, ...] = ABOUT_THE_FILE) -> str:
    """Return the name of the first column in which two tables differ, "" if they are equal bit for bit."""
    for name in (field.name for field in dataclasses.fields(JobTable)):
        if name not in ignore and not _same(getattr(a, name), getattr(b, name)):
            return f"{name}: {getattr(a, name)!r} != {getattr(b, name)!r}"
    return ""


def _same(x: object, y: object) -> bool:
    if isinstance(x, Categories) and isinstance(y, Categories):
        return x.names == y.names and _same(x.code, y.code)
    if isinstance(x, np.ndarray) and isinstance(y, np.ndarray):
        return x.dtype == y.dtype and np.array_equal(x, y)
    return type(x) is type(y) and x == y


def outcome(path: Path, compiled: bool) -> JobTable | str:
    """Return the table of an SWF file, or the message by which it is refused."""
    try:
        return read_swf(path, compiled=compiled)
    except WorkloadError as error:
        return str(error)


def swf_line(
    job: int, submit: object = 0, run: object = 10, procs: object = 1, asked: object = 60, **more: object
) -> str:
    """Return one SWF job line."""
    fields = [job, submit, -1, run, procs, -1, -1, procs, asked, -1, 1, 1, 1, 1, 1, 1, -1, -1]
    for name, value in more.items():
        fields[int(name.removeprefix("f")) - 1] = value
    return " ".join(map(str, fields))
