"""Lines of numbers from text, exactly: plain Python for small files, a compiled byte parser for large ones.

Both paths give the same values, bit for bit. The compiled one takes only lines whose every number it can convert
exactly by one multiplication or division (at most 15 digits, power of ten within 22) or hand to Python's ``float``;
any other line (comments, blanks, mistakes) goes through the same Python function as on the plain path.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.compiled import compile_kernel
from qhpcsim.core.errors import WorkloadError
from qhpcsim.workloads.files import CHUNK_BYTES

NUMBER_BYTES = b"0123456789+-.eE"
"""Bytes of a decimal number; text of only these that ``float`` accepts is no nan, inf, hex or 3_0."""
_POWERS = 10.0 ** np.arange(23)
_CAPACITY = 65_536
_LINES_WORTH_COMPILING = 20_000
_PYTHON_NEEDED, _FULL = 1, 2

OtherLine = Callable[[int, bytes], "list[float] | None"]
Batch = tuple[NDArray[np.float64], NDArray[np.int64]]


class NumberRows:
    """Turns blocks of whole lines into batches of columns.

    Args:
        width: Numbers on a line.
        other_line: Called with (line number, bytes) of each line that is not simply ``width`` numbers; returns the
            numbers, None to skip the line, or raises WorkloadError.
        comma: Numbers are separated by commas instead of blanks.
        compiled: Use the compiled parser; None: for large files.
    """

    def __init__(self, width: int, other_line: OtherLine, *, comma: bool = False, compiled: bool | None = None) -> None:
        self.width, self.comma, self.compiled = width, comma, compiled
        self.other_line = other_line
        self.line = 1
        """Number of the next line."""
        self.n_rows = 0
        """Rows delivered or pending so far."""
        self.every_line_is_other = False
        """Set by ``other_line`` when the file turns out to be a dialect of its own."""
        self._kernel: Any = None

    def batches(self, block: bytes) -> Iterator[Batch]:
        """Yield (columns (width, m), line numbers (m,)) of one block; valid until the next one is asked for.

        The rows before a faulty line are yielded before its error is raised, so that a check of the
        values finds the first mistake of the file.
        """
        if self.compiled is None:
            large = len(block) > CHUNK_BYTES * 7 // 8
            self.compiled = large and block.count(b"\n") >= _LINES_WORTH_COMPILING
        if self.compiled and not self.every_line_is_other:
            yield from self._by_kernel(block)
        else:
            yield from self._by_python(block)

    def _by_python(self, block: bytes) -> Iterator[Batch]:
        found: list[list[float]] = []
        lines: list[int] = []
        try:
            for raw in block.split(b"\n")[:-1]:
                values = None if self.every_line_is_other else self._plain(raw)
                if values is None:
                    values = self.other_line(self.line, raw)
                if values is not None:
                    found.append(values)
                    lines.append(self.line)
                    self.n_rows += 1
                self.line += 1
        except WorkloadError:
            yield from _batch(found, lines)
            raise
        yield from _batch(found, lines)

    def _plain(self, raw: bytes) -> list[float] | None:
        """Return the numbers of a line of exactly ``width`` numbers, else None."""
        if raw.translate(None, NUMBER_BYTES + (b", " if self.comma else b" \t")):
            return None
        try:
            values = [*map(float, raw.split(b",") if self.comma else raw.split())]
        except ValueError:
            return None
        return values if len(values) == self.width else None

    def _by_kernel(self, block: bytes) -> Iterator[Batch]:
        if self._kernel is None:
            self._kernel = compile_kernel(parse_rows)
        text = np.frombuffer(block, np.uint8)
        columns = np.empty((self.width, _CAPACITY))
        lines = np.empty(_CAPACITY, np.int64)
        slow = np.empty((_CAPACITY, 4), np.int64)
        position = row = 0
        while position < len(block):
            position, self.line, new, n_slow, why = self._kernel(
                text, position, self.line, self.comma, columns, lines, row, slow, _POWERS
            )
            self.n_rows += new - row
            row = new
            if n_slow:
                spans = zip(slow[:n_slow, 2].tolist(), slow[:n_slow, 3].tolist(), strict=True)
                found = [float(block[start:end]) for start, end in spans]
                columns[slow[:n_slow, 1], slow[:n_slow, 0]] = found
            if why == _FULL:
                yield columns[:, :row], lines[:row]
                row = 0
            elif why == _PYTHON_NEEDED:
                end = block.index(b"\n", position)
                try:
                    values = self._plain(block[position:end]) or self.other_line(self.line, block[position:end])
                except WorkloadError:
                    if row:
                        yield columns[:, :row], lines[:row]
                    raise
                if values is not None:
                    columns[:, row], lines[row] = values, self.line
                    row, self.n_rows = row + 1, self.n_rows + 1
                position, self.line = end + 1, self.line + 1
                if self.every_line_is_other:
                    yield columns[:, :row], lines[:row]
                    yield from self._by_python(block[position:])
                    return
        if row:
            yield columns[:, :row], lines[:row]


def parse_rows(
    text: Any,
    position: int,
    line: int,
    comma: bool,
    columns: Any,
    lines: Any,
    row: int,
    slow: Any,
    powers: Any,
) -> tuple[int, int, int, int, int]:
    """Fill ``columns`` from the lines of ``text``, which ends with LF, until one needs Python; to be compiled.

    Numbers that take more than one exact operation are listed in ``slow`` as (row, column, start, end).

    Returns:
        Next position, its line number, next row, length of ``slow``, and why it stopped (0: end of text).
    """
    width, capacity = columns.shape
    n_slow = 0
    while position < len(text):
        if row == capacity or n_slow + width > len(slow):
            return position, line, row, n_slow, 2
        start, slow_before, column, fits = position, n_slow, 0, True
        while True:
            while text[position] == 32 or (text[position] == 9 and not comma):
                position += 1
            if text[position] == 10 and not comma:
                break
            if column == width:
                fits = False
                break
            token = position
            negative = text[position] == 45
            if negative or text[position] == 43:
                position += 1
            mantissa, digits, seen, power = 0, 0, 0, 0
            while 48 <= text[position] <= 57:
                seen += 1
                if digits or text[position] != 48:
                    digits += 1
                    if digits <= 15:
                        mantissa = mantissa * 10 + (text[position] - 48)
                position += 1
            if text[position] == 46:
                position += 1
                while 48 <= text[position] <= 57:
                    seen += 1
                    power -= 1
                    if digits or text[position] != 48:
                        digits += 1
                        if digits <= 15:
                            mantissa = mantissa * 10 + (text[position] - 48)
                    position += 1
            if seen == 0:
                fits = False
                break
            exact = digits <= 15
            if text[position] == 101 or text[position] == 69:
                position += 1
                below = text[position] == 45
                if below or text[position] == 43:
                    position += 1
                exponent, places = 0, 0
                while 48 <= text[position] <= 57:
                    places += 1
                    if places <= 3:
                        exponent = exponent * 10 + (text[position] - 48)
                    position += 1
                if places == 0:
                    fits = False
                    break
                exact = exact and places <= 3
                power += -exponent if below else exponent
            value = 0.0
            if not exact or (mantissa != 0 and not -22 <= power <= 22):
                slow[n_slow, 0] = row
                slow[n_slow, 1] = column
                slow[n_slow, 2] = token
                slow[n_slow, 3] = position
                n_slow += 1
            elif mantissa != 0:
                value = mantissa / powers[-power] if power < 0 else mantissa * powers[power]
            columns[column, row] = -value if negative else value
            column += 1
            last = text[position]
            if comma:
                if last == 10:
                    break
                if last != 44:
                    fits = False
                    break
                position += 1
            elif last != 32 and last != 9 and last != 10:
                fits = False
                break
        if not fits or column != width:
            return start, line, row, slow_before, 1
        lines[row] = line
        row += 1
        line += 1
        position += 1
    return position, line, row, n_slow, 0


def _batch(found: list[list[float]], lines: list[int]) -> Iterator[Batch]:
    if found:
        yield np.array(found, np.float64).T, np.array(lines, np.int64)
