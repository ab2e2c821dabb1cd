"""Opens workload files of any origin safely: plain or gzip, regular files only, bounded in size and line length."""

from __future__ import annotations

import gzip
import io
import os
import stat
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from qhpcsim.core.errors import WorkloadError, shorten

MAX_BYTES = 2 * 1024**3
"""Longest text that a reader takes, in bytes after decompression."""
MAX_LINE_BYTES = 8 * 1024**2
"""Longest line: longer than any real comment, shorter than a decompression bomb."""
CHUNK_BYTES = 4 * 1024**2
MAX_RATIO = 100
"""Most a .gz may expand once it is past ``RATIO_FROM_BYTES``; real logs stay under 30."""
RATIO_FROM_BYTES = 64 * 1024**2
_GZIP_MAGIC = b"\x1f\x8b"
_BOMS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


class Source:
    """A workload file, read once from front to end; a context manager.

    Whether it is gzip is told by its first two bytes; a file named .gz must be. The name stored inside is ignored.

    Args:
        path: A regular file.
        max_bytes: Limit on the decompressed size.

    Raises:
        WorkloadError: if the path is missing, no regular file, or unreadable.
    """

    def __init__(self, path: str | Path, max_bytes: int = MAX_BYTES) -> None:
        self.path, self.max_bytes, self.n_bytes = Path(path), max_bytes, 0
        self._raw = _open_regular(self.path)
        start = self._raw.read(2)
        self._raw.seek(0)
        packed = start == _GZIP_MAGIC
        if start and not packed and self.path.suffix == ".gz":
            self._raw.close()
            raise self.error("is not gzip, whatever its name says", hint="rename it if it is plain text")
        self._stream: BinaryIO = gzip.GzipFile(fileobj=self._raw, mode="rb") if packed else self._raw  # type: ignore[assignment]
        self._packed = packed

    def __enter__(self) -> Source:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()
        self._raw.close()

    def read(self, n: int = CHUNK_BYTES) -> bytes:
        """Return up to ``n`` decompressed bytes, ``b""`` at the end.

        Raises:
            WorkloadError: on damaged or truncated gzip data, or past the size limit.
        """
        try:
            data = self._stream.read(n)
        except EOFError as error:
            raise self.error("the .gz is cut off before its end", hint="fetch the file again") from error
        except (gzip.BadGzipFile, zlib.error) as error:
            text = f"the .gz is damaged ({shorten(error, 80)})"
            raise self.error(text, allowed="gzip data whose CRC agrees", hint="fetch the file again") from error
        except OSError as error:
            raise self.error(f"cannot be read: {error.strerror or error}") from error
        self.n_bytes += len(data)
        self._check_size()
        return data

    def error(self, message: str, *, allowed: str = "", hint: str = "", line: int | None = None) -> WorkloadError:
        """Return a WorkloadError that names this file and, where known, the line."""
        return WorkloadError(message, where=place(self.path, line), allowed=allowed, hint=hint)

    def _check_size(self) -> None:
        if self.n_bytes > self.max_bytes:
            raise self.error(f"size limit: more than {self.max_bytes} bytes of text", hint="split the file")
        if self._packed and self.n_bytes > RATIO_FROM_BYTES and self.n_bytes > MAX_RATIO * self._raw.tell():
            text = f"size limit: the .gz expands more than {MAX_RATIO} times, like a decompression bomb"
            raise self.error(text, hint="decompress it yourself and read the plain file if you trust it")


def place(path: str | Path, line: int | None = None) -> str:
    """Return ``file`` or ``file:line`` for a message."""
    name = shorten(path, 160)
    return name if line is None else f"{name}:{line}"


def line_blocks(source: Source) -> Iterator[bytes]:
    """Yield the text in blocks of whole lines that end with LF; CRLF, CR-only and a UTF-8 BOM are made plain.

    Raises:
        WorkloadError: on NUL bytes, UTF-16 text, a line over ``MAX_LINE_BYTES``, or damaged gzip data.
    """
    rest, n_lines, first = b"", 0, True
    while data := source.read():
        if first:
            data, first = _without_mark(source, data), False
        data = rest + data
        if b"\0" in data:
            line = n_lines + data.count(b"\n", 0, data.index(b"\0")) + 1
            raise source.error("holds NUL bytes: a binary file, not SWF, CSV or JSON text", line=line)
        # A CR at the very end may be half of a CRLF, so it waits for the next block.
        held = b"\r" if data.endswith(b"\r") else b""
        data = _plain_ends(data[: len(data) - len(held)])
        cut = data.rfind(b"\n") + 1
        block, rest = data[:cut], data[cut:] + held
        n_lines += block.count(b"\n")
        if len(rest) > MAX_LINE_BYTES:
            text = f"size limit: a line longer than {MAX_LINE_BYTES} bytes"
            raise source.error(text, hint="is this a text file with one job a line?", line=n_lines + 1)
        if block:
            yield block
    if rest:
        rest = _plain_ends(rest)
        yield rest if rest.endswith(b"\n") else rest + b"\n"


def text_lines(source: Source) -> Iterator[tuple[int, str]]:
    """Yield (line number from 1, text without its end) for each line; bytes that are not UTF-8 count as Latin-1."""
    number = 0
    for block in line_blocks(source):
        for raw in block.split(b"\n")[:-1]:
            number += 1
            yield number, decoded(raw)


def whole_text(path: str | Path, max_bytes: int) -> str:
    """Return the whole file as text, for formats that cannot be read line by line."""
    with Source(path, max_bytes) as source:
        return decoded(b"".join(line_blocks(source)))


def decoded(raw: bytes) -> str:
    """Return bytes as text: UTF-8, or else Latin-1, which never fails."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def head(path: str | Path, n: int = 65536) -> bytes:
    """Return up to the first ``n`` bytes of text, without a BOM, to tell what a file is."""
    with Source(path) as source:
        return source.read(n).removeprefix(b"\xef\xbb\xbf")


def write_bytes(path: str | Path, data: bytes) -> None:
    """Write a file whole; a name ending in .gz is compressed, without time stamp or stored name."""
    target = Path(path)
    if target.suffix == ".gz":
        packed = io.BytesIO()
        with gzip.GzipFile(filename="", fileobj=packed, mode="wb", compresslevel=6, mtime=0) as stream:
            stream.write(data)
        data = packed.getvalue()
    try:
        target.write_bytes(data)
    except OSError as error:
        raise WorkloadError(f"cannot be written: {error.strerror or error}", where=place(target)) from error


def stem(path: str | Path) -> str:
    """Return the file's name without its format and .gz endings."""
    name = Path(path).name.removesuffix(".gz")
    return Path(name).stem or "workload"


def _open_regular(path: Path) -> BinaryIO:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise WorkloadError("is not a regular file", where=place(path), hint="give a file with one workload")
        # Without blocking, should the path have become a named pipe since.
        stream = os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise WorkloadError(f"cannot be read: {reason}", where=place(path), hint="check the path") from error
    return stream


def _without_mark(source: Source, data: bytes) -> bytes:
    if data.startswith(_GZIP_MAGIC):
        raise source.error("is gzip inside gzip", hint="decompress it once")
    name = _BOMS.get(data[:2])
    if name:
        raise source.error(f"is {name} text", allowed="ASCII, UTF-8 or Latin-1", hint="save it as UTF-8", line=1)
    return data.removeprefix(b"\xef\xbb\xbf")


def _plain_ends(data: bytes) -> bytes:
    return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in data else data
