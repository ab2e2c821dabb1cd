"""Standard Workload Format 2.2, the format of the Parallel Workloads Archive: reader.

Lines end with LF, CRLF or CR; blanks are spaces or tabs; comments and blank lines may stand anywhere; numbers are
decimal, fractions and exponents are read exactly. -1 means unknown. Lines with columns beyond the 18th, all of one
width (some archives add node lists), are taken without them, and their dependency fields are not trusted.
A Ctrl-Z at the end (old DOS files) is an error that says so.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.errors import WorkloadError, shorten
from qhpcsim.core.records import JobTable
from qhpcsim.core.registry import register
from qhpcsim.workloads import swf_rules as rules
from qhpcsim.workloads.clean import find_duplicate, in_submit_order, take
from qhpcsim.workloads.columns import number_categories
from qhpcsim.workloads.dependencies import resolve
from qhpcsim.workloads.files import MAX_BYTES, Source, decoded, line_blocks, place, stem
from qhpcsim.workloads.numeric_rows import NumberRows
from qhpcsim.workloads.swf_header import SwfHeader
from qhpcsim.workloads.swf_writer import write_swf

Rows = dict[str, NDArray[Any]]
MAX_OTHER_LINES = 200_000
"""Most comments and blank lines in one file; real logs have hundreds."""
_NUMBER = re.compile(rb"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_PARTIAL = (2, 3, 4)
"""Status of a line that tells one of several executions of a job; its whole stands on a line of its own."""


def read_swf(path: str | Path, *, max_bytes: int = MAX_BYTES, compiled: bool | None = None) -> JobTable:
    """Return the jobs of an SWF file, plain or .gz.

    Processors are field 8, or else field 5; the requested time is field 9, or else the run time. Jobs without
    processors, run time or submission time are dropped and counted. Fields 15 and 16 become ``qos`` and ``partition``.

    Args:
        path: The file.
        max_bytes: Limit on the decompressed size.
        compiled: Parse by compiled code; None: for large files. The result is the same.

    Raises:
        WorkloadError: naming file, line and field.
    """
    reader = _SwfReader(path, compiled)
    parts: list[Rows] = []
    with Source(path, max_bytes) as source:
        for block in line_blocks(source):
            for batch in reader.numbers.batches(block):
                rules.check_fields(batch, path)
                parts.append(rules.kept_columns(batch))
    if not parts:
        raise WorkloadError("holds no jobs", where=place(path), allowed="SWF: one job a line, 18 fields")
    return _table(_joined(parts), reader, Path(path))


@register(
    "format",
    "swf",
    summary="Standard Workload Format 2.2 of the Parallel Workloads Archive",
    source="https://www.cs.huji.ac.il/labs/parallel/workload/swf.html",
)
class SwfFormat:
    """How the registry reads and writes SWF."""

    suffixes = (".swf",)
    read = staticmethod(read_swf)
    write = staticmethod(write_swf)

    @staticmethod
    def looks_like(line: str) -> bool:
        """Return whether a file's first line is a comment or a job of SWF."""
        words = line.split()
        numbers = all(_NUMBER.fullmatch(word.encode()) for word in words[: len(rules.FIELDS)])
        return line.startswith(";") or (len(words) >= len(rules.FIELDS) and numbers)


class _SwfReader:
    """Takes the lines that are not simply 18 numbers."""

    def __init__(self, path: str | Path, compiled: bool | None) -> None:
        self.path, self.header = path, SwfHeader()
        self.numbers = NumberRows(len(rules.FIELDS), self.other_line, compiled=compiled)
        self.width = len(rules.FIELDS)
        self.n_other_lines = 0

    def other_line(self, line: int, raw: bytes) -> list[float] | None:
        text = raw.strip()
        if not text or text.startswith(b";"):
            self._take_comment(line, text)
            return None
        words = text.split()
        if len(words) > self.width and self.numbers.n_rows == 0:
            self.width, self.numbers.every_line_is_other = len(words), True
        if len(words) != self.width:
            raise self._width_error(line, text, len(words))
        return self._values(line, words[: len(rules.FIELDS)])

    def _take_comment(self, line: int, text: bytes) -> None:
        self.n_other_lines += 1
        if self.n_other_lines > MAX_OTHER_LINES:
            raise WorkloadError(
                f"size limit: more than {MAX_OTHER_LINES} comments and blank lines",
                where=place(self.path, line),
                hint="remove them",
            )
        if text:
            self.header.add(text, place(self.path, line), keep=self.numbers.n_rows == 0)

    def _values(self, line: int, words: Sequence[bytes]) -> list[float]:
        for k, word in enumerate(words):
            if not _NUMBER.fullmatch(word):
                raise self._number_error(line, k, word)
        values = [float(word) for word in words]
        if self.width > len(rules.FIELDS):
            _untrusted(values)
        return values

    def _number_error(self, line: int, k: int, word: bytes) -> WorkloadError:
        return WorkloadError(
            f"field {k + 1} ({rules.FIELDS[k]}) is {shorten(decoded(word), 60)!r}, which is no number",
            where=place(self.path, line),
            allowed="decimal digits such as 30, 30.5 or 3e1; no nan, inf, hex or underscore",
            hint="mend or remove the line; -1 means unknown",
        )

    def _width_error(self, line: int, text: bytes, n: int) -> WorkloadError:
        hint = "is the file cut off, or another format? (qhpcsim list formats)"
        if text.startswith(b"\x1a"):
            hint = "a Ctrl-Z (0x1a), the end mark of old DOS files: remove it"
        elif b"," in text or b"|" in text:
            hint = "this looks like CSV or sacct, not SWF: say format=table or format=sacct"
        return WorkloadError(
            f"{n} field{'s' * (n != 1)}, but a job line of an SWF file has 18 fields",
            where=place(self.path, line),
            allowed="18 numbers separated by blanks, or a comment after ;",
            hint=hint,
        )


def _untrusted(values: list[float]) -> None:
    """Blank what archives with extra columns are known to hold instead of run, preceding job and think time."""
    if values[rules.AT["run_time"]] < 0:
        values[rules.AT["run_time"]] = -1.0
    values[rules.AT["preceding_job"]] = values[rules.AT["think_time"]] = -1.0


def _joined(parts: list[Rows]) -> Rows:
    """Return the columns end to end, freeing the parts on the way."""
    return {name: np.concatenate([part.pop(name) for part in parts]) for name in list(parts[0])}


def _table(rows: Rows, reader: _SwfReader, path: Path) -> JobTable:
    counts: dict[str, int] = {}
    rows = _without_partial(rows, counts)
    job_id = rows.pop("job_number").astype(np.int64)
    again = find_duplicate(job_id)
    if again is not None:
        raise WorkloadError(
            f"field 1 (job_number) is {job_id[again]}, which an earlier line has already",
            where=place(path, int(rows["line"][again])),
            allowed="a number of its own for each job",
            hint="renumber or remove one of them",
        )
    extra = reader.width - len(rules.FIELDS)
    if extra:
        counts[f"{extra} columns beyond the 18 of SWF: ignored, with preceding_job and think_time"] = len(job_id)
    depends_on = resolve(job_id, rows["preceding_job"], rows["line"], path, counts)
    nodes = rules.processors(rows, counts)
    keep = rules.replayable(rows, nodes, counts)
    table = JobTable(
        job_id=job_id,
        submit_s=rows.pop("submit_time"),
        runtime_s=rows["run_time"],
        walltime_s=rules.requested_times(rows, {}),
        nodes=nodes,
        workload_name=stem(path),
        machine_nodes=reader.header.machine_nodes,
        unix_start_s=reader.header.unix_start_s,
        depends_on=depends_on,
        think_s=None if depends_on is None else np.maximum(rows["think_time"], 0).astype(np.float64),
        header=tuple(reader.header.comments),
        cleaned=counts,
    )
    if not keep.any():
        dropped = "; ".join(f"{rule} ({n})" for rule, n in counts.items() if rule in rules.DROP_RULES)
        raise WorkloadError("holds no jobs that can be replayed", where=place(path), hint=dropped)
    return _kept(table, rows, keep)


def _kept(table: JobTable, rows: Rows, keep: NDArray[np.bool_]) -> JobTable:
    """Return the table of the jobs to keep, with their words and counts."""
    if not keep.all():
        table = take(table, np.flatnonzero(keep))
        rows = {name: column[keep] for name, column in rows.items()}
    rules.requested_times(rows, table.cleaned)
    zero_length = int(np.count_nonzero(table.runtime_s == 0))
    if zero_length:
        table.cleaned["run_time 0: kept as a job of zero length"] = zero_length
    table.user = number_categories(rows["user_id"])
    table.group = number_categories(rows["group_id"])
    table.qos = number_categories(rows["queue_number"])
    table.partition = number_categories(rows["partition_number"])
    if rows["status"].max() >= 0:
        table.status = rows["status"].astype(np.int32)
    return in_submit_order(table)


def _without_partial(rows: Rows, counts: dict[str, int]) -> Rows:
    """Return the rows without partial executions of jobs whose whole has a line too."""
    partial = np.isin(rows["status"], _PARTIAL)
    if not partial.any():
        return rows
    extra = partial & np.isin(rows["job_number"], rows["job_number"][~partial])
    n = int(np.count_nonzero(extra))
    if not n:
        return rows
    counts["status 2, 3 or 4 (part of a job told on another line): dropped"] = n
    return {name: column[~extra] for name, column in rows.items()}
