"""One door to every workload file: the format by name, by suffix or by what the file holds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from qhpcsim.core.errors import WorkloadError
from qhpcsim.core.records import JobTable
from qhpcsim.core.registry import entries, lookup
from qhpcsim.workloads.files import decoded, head, place

AUTO = "auto"
_COMMON_SUFFIXES = (".csv", ".txt", ".log", ".out", "")
"""Endings that say little, so that the content decides."""


class Format(Protocol):
    """What a registered ``format`` offers."""

    suffixes: tuple[str, ...]
    """File endings, ``.gz`` left out."""
    read: Callable[..., JobTable]
    write: Callable[..., tuple[str, ...]] | None
    """Writes (table, path) and returns the columns that the format cannot hold; None: read only."""

    def looks_like(self, line: str) -> bool:
        """Return whether a file whose first line is this may be of the format."""


def read_workload(path: str | Path, format: str = AUTO, **options: Any) -> JobTable:
    """Return the jobs of a workload file, plain or .gz.

    Args:
        path: The file.
        format: ``auto`` or a name from ``qhpcsim list formats``.
        **options: Passed to the reader, such as ``max_bytes`` (all) or ``salt`` (sacct).

    Raises:
        UnknownNameError: if there is no such format.
        WorkloadError: if the file cannot be read as what it is.
    """
    name = detect_format(path) if format == AUTO else format
    return _format(name).read(path, **options)


def write_workload(table: JobTable, path: str | Path, format: str = AUTO) -> tuple[str, ...]:
    """Write jobs to a file; a name that ends in .gz is compressed.

    Args:
        table: The jobs.
        path: Target.
        format: A name from ``qhpcsim list formats``; ``auto``: by the file's ending.

    Returns:
        Columns that the format cannot hold, so that a user can be told.

    Raises:
        UnknownNameError: if there is no such format.
        WorkloadError: if the ending says no format, or the format cannot be written.
    """
    name = format
    if format == AUTO:
        named = _by_suffix(path)
        if named is None:
            raise _unclear(path, f"the ending {_suffix(path)!r} says no format")
        name = named
    write = _format(name).write
    if write is None:
        raise WorkloadError(f"format {name} can only be read", where=place(path), allowed=_writable())
    return write(table, path)


def detect_format(path: str | Path) -> str:
    """Return the name of a file's format, by its ending and, where that says little, by its first line.

    Raises:
        WorkloadError: if it looks like none of them.
    """
    named = _by_suffix(path)
    if named is not None and _suffix(path) not in _COMMON_SUFFIXES:
        return named
    line = _first_line(path)
    seen = [name for name, entry in entries("format").items() if line and entry.target.looks_like(line)]
    if seen:
        return seen[0]
    if named is None:
        raise _unclear(path, "looks like no workload format" if line else "holds no jobs")
    return named


def _format(name: str) -> Format:
    target: Format = lookup("format", name, "workload.format").target
    return target


def _by_suffix(path: str | Path) -> str | None:
    suffix = _suffix(path)
    for name, entry in entries("format").items():
        if suffix in entry.target.suffixes:
            return name
    return None


def _suffix(path: str | Path) -> str:
    return Path(Path(path).name.lower().removesuffix(".gz")).suffix


def _first_line(path: str | Path) -> str:
    """Return the first line that is not blank, "" if there is none."""
    for raw in head(path).splitlines():
        if raw.strip():
            return decoded(raw.strip())
    return ""


def _unclear(path: str | Path, text: str) -> WorkloadError:
    names = ", ".join(entries("format"))
    return WorkloadError(text, where=place(path), allowed=f"a format: {names}", hint="say workload.format=…")


def _writable() -> str:
    return ", ".join(name for name, entry in entries("format").items() if entry.target.write is not None)
