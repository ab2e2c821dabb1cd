"""A CSV file with a header as text cells, checked for shape; every message names file and line."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from qhpcsim.core.errors import WorkloadError, nearest, shorten
from qhpcsim.core.records import FloatArray

MAX_BYTES = 256 * 1024**2
"""Longest file that is read whole: a million rows of 250 bytes."""
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class CsvTable:
    """Cells of a CSV file as they are written, with the line on which each row ends."""

    path: str
    header: list[str]
    header_line: int
    rows: list[list[str]]
    lines: list[int]

    @property
    def where(self) -> str:
        """The path, short enough for a message."""
        return _short(self.path)

    @property
    def top(self) -> str:
        """``file:line`` of the header, for a message."""
        return f"{self.where}:{self.header_line}"

    def place(self, row: int, column: str = "") -> str:
        """Return ``file:line`` or ``file:line: column`` of a row, for a message."""
        return f"{self.where}:{self.lines[row]}" + (f": {column}" if column else "")

    def spelled(self, *names: str) -> str | None:
        """Return the first of the names that is a column, None if none is."""
        return next((name for name in names if name in self.header), None)

    def words(self, name: str) -> list[str]:
        """Return a column as text without the blanks around it."""
        index = self.header.index(name)
        return [cells[index].strip() for cells in self.rows]

    def numbers(self, name: str, rows: Sequence[int] | None = None, empty: float | None = None) -> FloatArray:
        """Return a column as finite numbers.

        Args:
            name: The column.
            rows: Which rows; None: all.
            empty: What an empty cell means; None: it is a mistake.

        Raises:
            WorkloadError: names file, line, column and the offending cell.
        """
        words = self.words(name)
        chosen = range(len(words)) if rows is None else rows
        return np.array([self._number(row, name, words[row], empty) for row in chosen], dtype=np.float64)

    def need(self, names: Iterable[str], allowed: str) -> str:
        """Return the spelling of a column that must be there.

        Raises:
            WorkloadError: if the table has none of the spellings.
        """
        spellings = tuple(names)
        found = self.spelled(*spellings)
        if found is None:
            raise WorkloadError(
                f"no column {' or '.join(spellings)}",
                where=self.top,
                allowed=allowed,
                suggestion=nearest(spellings[0], self.header),
            )
        return found

    def _number(self, row: int, name: str, word: str, empty: float | None) -> float:
        if not word and empty is not None:
            return empty
        if not _NUMBER.fullmatch(word) or not math.isfinite(value := float(word)):
            raise WorkloadError(f"{shorten(word)!r} is not a finite number", where=self.place(row, name))
        return value


def read_csv(path: str | Path, max_bytes: int = MAX_BYTES) -> CsvTable:
    """Return a CSV file with a header; blank lines are skipped.

    Raises:
        WorkloadError: if the file is unreadable, too long, no UTF-8 text or no CSV, has a column twice, has no row, or
            a row has not as many cells as the header.
    """
    where = _short(path)
    reader = csv.reader(io.StringIO(_text(Path(path), where, max_bytes), newline=""), strict=True)
    rows: list[list[str]] = []
    lines: list[int] = []
    try:
        for cells in reader:
            if cells:
                rows.append(cells)
                lines.append(reader.line_num)
    except csv.Error as error:
        raise WorkloadError(f"not CSV: {shorten(error)}", where=f"{where}:{reader.line_num}") from None
    if len(rows) < 2:
        raise WorkloadError("no jobs: a header and at least one row are needed", where=where)
    table = CsvTable(str(path), [name.strip() for name in rows[0]], lines[0], rows[1:], lines[1:])
    _check_shape(table)
    return table


def _short(path: str | Path) -> str:
    return shorten(path, 160)


def _text(path: Path, where: str, max_bytes: int) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise WorkloadError(f"cannot be read: {reason}", where=where, hint="check the path") from None
    if len(data) > max_bytes:
        raise WorkloadError(f"size limit: more than {max_bytes} bytes of text", where=where, hint="split the file")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise WorkloadError("not UTF-8 text", where=f"{where}:{line}", hint="save it as UTF-8") from None


def _check_shape(table: CsvTable) -> None:
    header = table.header
    twice = next((name for k, name in enumerate(header) if name in header[:k]), None)
    if twice is not None:
        raise WorkloadError(f"column {shorten(twice)!r} is there twice", where=table.top)
    for row, cells in enumerate(table.rows):
        if len(cells) != len(header):
            raise WorkloadError(
                f"{len(cells)} cells", where=table.place(row), allowed=f"{len(header)}, as in the header"
            )
