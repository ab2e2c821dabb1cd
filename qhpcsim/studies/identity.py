"""What makes one run the same as another: the resolved scenario with its seed, the files it reads, and the code."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from qhpcsim.core.data import data_dir
from qhpcsim.scenario import Scenario

_PACKAGE = Path(__file__).resolve().parent.parent
_MOST_CHARS = 4096
"""Longest path."""


@dataclass(frozen=True, slots=True)
class Part:
    """One field of a scenario, such as its facility, that many scenarios can share."""

    value: Any
    digest: str
    files: tuple[str, ...]
    """Paths of the files that it names."""


class Parts:
    """The parts of scenarios, each looked at once: the points of a sweep share most of theirs."""

    def __init__(self) -> None:
        self._by_id: dict[int, Part] = {}
        """Of parts that are held, so that no other object gets their id."""
        self._by_digest: dict[str, Part] = {}
        self._hashes: dict[str, str] = {}
        """Path -> SHA-256 of the file when it was first met."""

    def of(self, scenario: Scenario) -> Iterator[tuple[str, Part]]:
        """Yield the fields of a scenario that are records of their own, with their names."""
        for field in dataclasses.fields(scenario):
            value = getattr(scenario, field.name)
            if dataclasses.is_dataclass(value):
                yield field.name, self._part(value)

    def shared(self, scenario: Scenario) -> Scenario:
        """Return the scenario made of the parts of earlier ones where they are equal: less memory, the same value."""
        return dataclasses.replace(scenario, **{name: part.value for name, part in self.of(scenario)})

    def inputs(self, scenario: Scenario) -> dict[str, str]:
        """Return the SHA-256 of every file that a scenario names, as it was when first asked: path -> digest."""
        paths = [path for _, part in self.of(scenario) for path in part.files]
        for path in paths:
            if path not in self._hashes:
                self._hashes[path] = file_hash(path)
        return {path: self._hashes[path] for path in paths}

    def _part(self, value: Any) -> Part:
        if (known := self._by_id.get(id(value))) is not None:
            return known
        values = plain(value)
        digest = hashlib.sha256(json.dumps(values).encode()).hexdigest()  # unsorted: node ids follow their order
        part = self._by_digest.get(digest)
        if part is None:
            part = self._by_digest[digest] = Part(value, digest, tuple(dict.fromkeys(_files_in(values))))
            self._by_id[id(value)] = part
        return part


def run_key(scenario: Scenario, parts: Parts, code: str, steady: bool = False) -> str:
    """Return the name of one run in a ledger, 32 hexadecimal digits.

    Args:
        scenario: Resolved, its seed included.
        parts: Remembers what was made of other scenarios.
        code: What ``code_version`` gave.
        steady: Whether figures of the steady state are among its figures.
    """
    own = {field.name: getattr(scenario, field.name) for field in dataclasses.fields(scenario)}
    own |= {name: part.digest for name, part in parts.of(scenario)}
    text = json.dumps([plain(own), sorted(parts.inputs(scenario).items()), code, steady])
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def plain(value: Any) -> Any:
    """Return a scenario, or a part of it, as JSON can hold it; dataclasses carry their class."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        kind = type(value)
        held = {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return {"": f"{kind.__module__}.{kind.__qualname__}", **held}
    if isinstance(value, Mapping):
        return {str(key): plain(held) for key, held in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value


def file_hash(path: str) -> str:
    """Return the SHA-256 of a file; one that did not change since the last call is not read again."""
    seen = os.stat(path)  # noqa: PTH116
    return _hash_of(path, seen.st_ino, seen.st_size, seen.st_mtime_ns)


@lru_cache(maxsize=4096)
def _hash_of(path: str, _inode: int, _n_bytes: int, _changed_ns: int) -> str:
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _files_in(values: Any) -> Iterator[str]:
    """Yield the paths of files among the texts of plain values, as in ``mine.yaml`` or ``gpu:mine.yaml|qpu``."""
    if isinstance(values, Mapping):
        values = list(values.values())
    if isinstance(values, list):
        for each in values:
            yield from _files_in(each)
    elif isinstance(values, str) and "." in values and len(values) <= _MOST_CHARS:
        for text in dict.fromkeys([values, *re.split("[:|+,]", values)]):
            with suppress(OSError, ValueError):
                if Path(text).suffix and Path(text).is_file():
                    yield text


def code_version(plugins: Iterable[str] = ()) -> str:
    """Return a hash of qhpcsim's code, its cards and the users' plug-ins: what else a run depends on."""
    digest = hashlib.sha256(_own_code().encode())
    for path in plugins:
        digest.update(Path(path).read_bytes())
    return digest.hexdigest()[:16]


@cache
def _own_code() -> str:
    digest = hashlib.sha256(f"numpy {version('numpy')}".encode())  # its random streams may change between versions
    for root, pattern in ((_PACKAGE, "*.py"), (data_dir("calibration"), "*.yaml")):
        for path in sorted(root.rglob(pattern)):
            if "_data" not in path.relative_to(root).parts:
                digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
