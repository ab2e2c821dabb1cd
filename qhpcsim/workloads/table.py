"""The table format: a CSV with one job a line and float seconds taken exactly as written."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from qhpcsim.core.errors import WorkloadError, nearest, shorten
from qhpcsim.core.records import JobTable
from qhpcsim.core.registry import register
from qhpcsim.workloads.arrays import expanded
from qhpcsim.workloads.clean import MAX_TIME_S, find_duplicate, in_submit_order
from qhpcsim.workloads.columns import id_array, narrow, plain_number
from qhpcsim.workloads.extras import COUNTS, EXTRAS, NUMBERS, set_columns, text_columns
from qhpcsim.workloads.files import MAX_BYTES, Source, decoded, line_blocks, place, stem, write_bytes
from qhpcsim.workloads.numeric_rows import NumberRows

REQUIRED = ("job_id", "submit_s", "nodes", "runtime_s", "walltime_s")
COLUMNS = (*REQUIRED, *EXTRAS)
_TIMES = ("submit_s", "runtime_s", "walltime_s", *NUMBERS)
_INTEGERS = ("nodes", *COUNTS)
_MAX_BYTES_OF_MEMORY = 1e18
_MAX_COUNT = 2**31 - 1
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_INTEGER = re.compile(r"\d{1,15}", re.ASCII)


def read_table(path: str | Path, *, max_bytes: int = MAX_BYTES, compiled: bool | None = None) -> JobTable:
    """Return the jobs of a CSV file whose first line names the columns, in any order.

    ``walltime_s`` may be empty or ``inf`` (no limit). Optional columns are those of ``extras.EXTRAS``.

    Args:
        path: The file, plain or .gz.
        max_bytes: Limit on the decompressed size.
        compiled: Parse by compiled code; None: for large files. The result is the same.

    Raises:
        WorkloadError: naming file, line and column.
    """
    try:
        return _read(path, max_bytes, compiled, number_ids=True)
    except _TextIdError:
        return _read(path, max_bytes, compiled, number_ids=False)


def write_table(table: JobTable, path: str | Path) -> tuple[str, ...]:
    """Write jobs as CSV, submission times on the input file's axis.

    Returns:
        Columns of the table that the format cannot hold.
    """
    columns: dict[str, Sequence[Any]] = {
        "job_id": [str(each) for each in table.job_id.tolist()],
        "submit_s": [*map(plain_number, (table.submit_s + table.zero_s).tolist())],
        "nodes": table.nodes.tolist(),
        "runtime_s": [*map(plain_number, table.runtime_s.tolist())],
        "walltime_s": ["" if math.isinf(each) else plain_number(each) for each in table.walltime_s.tolist()],
        **text_columns(table),
    }
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    write_bytes(path, text.getvalue().encode())
    lost = ("status", "unix_start_s", "machine_nodes")
    return tuple(name for name in lost if getattr(table, name) is not None)


@register("format", "table", summary="CSV with job_id, submit_s, nodes, runtime_s, walltime_s and more")
class TableFormat:
    """How the registry reads and writes a table."""

    suffixes = (".csv",)
    read = staticmethod(read_table)
    write = staticmethod(write_table)

    @staticmethod
    def looks_like(line: str) -> bool:
        """Return whether a file's first line names our columns."""
        return {"submit_s", "nodes"} <= {name.strip(' "') for name in line.split(",")}


class _TextIdError(Exception):
    """A job id is a word, so the file has to be read as text."""


def _read(path: str | Path, max_bytes: int, compiled: bool | None, *, number_ids: bool) -> JobTable:
    with Source(path, max_bytes) as source:
        blocks = line_blocks(source)
        names, rest, line = _header(next(blocks, b""), path)
        reader = _TableReader(path, names, line, compiled, number_ids)
        for block in chain([rest], blocks):
            reader.take(block)
    return reader.table()


def _fields(raw: bytes, where: str) -> list[str]:
    """Return the fields of one CSV line."""
    try:
        return [word.strip() for word in next(csv.reader([decoded(raw)]), [])]
    except csv.Error as error:
        raise WorkloadError(f"is no CSV: {shorten(error, 80)}", where=where, hint="mend the line") from error


def _header(block: bytes, path: str | Path) -> tuple[tuple[str, ...], bytes, int]:
    """Return the column names, the text after them and its line number."""
    line = 1
    while block:
        raw, _, block = block.partition(b"\n")
        if raw.strip():
            names = tuple(_fields(raw, place(path, line)))
            _check_names(names, place(path, line))
            return names, block, line + 1
        line += 1
    raise WorkloadError("holds no jobs", where=place(path), allowed=f"CSV with the columns {', '.join(REQUIRED)}")


def _check_names(names: tuple[str, ...], where: str) -> None:
    for k, name in enumerate(names):
        if name not in COLUMNS or name in names[:k]:
            text = "twice" if name in names[:k] else "unknown"
            raise WorkloadError(
                f"column {shorten(name, 60)!r} is {text}",
                where=where,
                allowed=", ".join(COLUMNS),
                suggestion=nearest(name, COLUMNS) if name not in COLUMNS else None,
                hint="rename or remove the column",
            )
    missing = [name for name in REQUIRED if name not in names]
    if missing:
        hint = "name the columns in the first line"
        raise WorkloadError(f"no column {', '.join(missing)}", where=where, allowed=", ".join(COLUMNS), hint=hint)


class _TableReader:
    """Gathers rows: as numbers where every column is one, else as text."""

    def __init__(
        self, path: str | Path, names: tuple[str, ...], line: int, compiled: bool | None, number_ids: bool
    ) -> None:
        self.path, self.names = path, names
        self.parts: list[dict[str, Any]] = []
        self.text: dict[str, list[str]] = {name: [] for name in names}
        self.lines: list[int] = []
        numeric = number_ids and all(name in (*_TIMES, *_INTEGERS, "job_id") for name in names)
        self.numbers = NumberRows(len(names), self._other_line, comma=True, compiled=compiled) if numeric else None
        self.line = line
        if self.numbers is not None:
            self.numbers.line = line

    def take(self, block: bytes) -> None:
        """Take a block of whole lines."""
        if self.numbers is None:
            self._take_text(block)
            return
        for columns, lines in self.numbers.batches(block):
            self._check(columns, lines)
            part = {name: columns[k].copy() for k, name in enumerate(self.names)}
            self.parts.append({**part, "line": narrow(lines)})

    def table(self) -> JobTable:
        """Return the jobs read so far as a table in submission order."""
        values = self._with_tasks(self._joined())
        n = len(values["line"])
        if not n:
            allowed = f"CSV with the columns {', '.join(REQUIRED)}"
            raise WorkloadError("holds no jobs", where=place(self.path), allowed=allowed)
        job_id = values["job_id"]
        again = find_duplicate(job_id)
        if again is not None:
            raise self._error(values["line"][again], "job_id", f"{job_id[again]}, which an earlier line has already")
        table = JobTable(
            job_id=job_id,
            submit_s=values["submit_s"],
            runtime_s=values["runtime_s"],
            walltime_s=values["walltime_s"],
            nodes=values["nodes"].astype(np.int32),
            workload_name=stem(self.path),
        )
        extras = {name: values[name] for name in EXTRAS if name in values}
        set_columns(table, extras, lambda k, name, text: self._error(values["line"][k], name, text))
        zero_length = int(np.count_nonzero(table.runtime_s == 0))
        if zero_length:
            table.cleaned["runtime_s 0: kept as a job of zero length"] = zero_length
        return in_submit_order(table)

    def _with_tasks(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return the columns with a line for each task of a job array."""
        if "array" not in values:
            return values
        ids, line = values["job_id"].tolist(), values["line"]
        found = expanded(ids, values["array"], lambda k, text: self._error(line[k], "array", text))
        if found is None:
            return values
        rows, names, limit = found
        made = {
            name: column[rows] if isinstance(column, np.ndarray) else [column[k] for k in rows.tolist()]
            for name, column in values.items()
        }
        return {**made, "job_id": id_array(names), "array": limit}

    def _joined(self) -> dict[str, Any]:
        if self.numbers is None:
            return {"line": self.lines, **{name: self._from_text(name) for name in self.names}}
        if not self.parts:
            return {"line": []}
        joined = {name: np.concatenate([part.pop(name) for part in self.parts]) for name in list(self.parts[0])}
        joined["job_id"] = joined["job_id"].astype(np.int64)
        return joined

    def _other_line(self, line: int, raw: bytes) -> list[float] | None:
        if not raw.strip():
            return None
        return [self._number(line, name, word) for name, word in zip(self.names, self._words(line, raw), strict=True)]

    def _words(self, line: int, raw: bytes) -> list[str]:
        words = _fields(raw, place(self.path, line))
        if len(words) != len(self.names):
            raise WorkloadError(
                f"{len(words)} columns, but the first line names {len(self.names)}",
                where=place(self.path, line),
                allowed=",".join(self.names),
                hint="is the file cut off, or is a text with a comma not quoted?",
            )
        return words

    def _take_text(self, block: bytes) -> None:
        for raw in block.split(b"\n")[:-1]:
            if raw.strip():
                for name, word in zip(self.names, self._words(self.line, raw), strict=True):
                    self.text[name].append(word)
                self.lines.append(self.line)
            self.line += 1

    def _from_text(self, name: str) -> Any:
        words = self.text[name]
        if name == "job_id":
            for line, word in zip(self.lines, words, strict=True):
                if not word:
                    raise self._error(line, name, "empty")
            return id_array([int(word) if _INTEGER.fullmatch(word) else word for word in words])
        if name in _TIMES or name in _INTEGERS:
            return np.array([self._number(line, name, w) for line, w in zip(self.lines, words, strict=True)])
        return words

    def _number(self, line: int, name: str, word: str) -> float:
        if name == "walltime_s" and word.lower() in ("", "inf"):
            return math.inf
        if name not in REQUIRED and word == "":
            return 0.0
        if name == "job_id" and word and not _INTEGER.fullmatch(word):
            raise _TextIdError
        if not _NUMBER.fullmatch(word):
            raise self._error(line, name, f"{shorten(word, 60)!r}, which is no number")
        value = float(word)
        if not self._possible(name, value):
            raise self._error(line, name, shorten(word, 60))
        return value

    def _check(self, columns: Any, lines: Any) -> None:
        """Raise on the first impossible value of a batch, in line order."""
        faulty = []
        for k, name in enumerate(self.names):
            wrong = ~self._possible(name, columns[k])
            if wrong.any():
                faulty.append((int(np.argmax(wrong)), k))
        if faulty:
            row, k = min(faulty)
            raise self._error(int(lines[row]), self.names[k], plain_number(columns[k, row]))

    def _possible(self, name: str, value: Any) -> Any:
        if name in _INTEGERS:
            return (value >= (name == "nodes")) & (value <= _MAX_COUNT) & (np.floor(value) == value)
        if name == "job_id":
            return (value >= 0) & (value < 1e15) & (np.floor(value) == value)
        if name == "walltime_s":
            return (value > 0) & ((value <= MAX_TIME_S) | (value == math.inf))
        return (value >= 0) & (value <= (_MAX_BYTES_OF_MEMORY if name == "memory_per_node_bytes" else MAX_TIME_S))

    def _error(self, line: int, name: str, text: str) -> WorkloadError:
        allowed = {"nodes": "an integer ≥ 1", "walltime_s": "seconds > 0, or empty for no limit"}
        usual = "an integer ≥ 0" if name in _INTEGERS else f"a number from 0 to {MAX_TIME_S:g}"
        return WorkloadError(
            f"column {name} is {text}",
            where=place(self.path, line),
            allowed=allowed.get(name, usual if name in (*_TIMES, *_INTEGERS) else ""),
            hint="mend or remove the line",
        )
