"""Strict YAML: what a user's file may hold, with the line of every key; nothing in it is ever evaluated.

Scalars follow the YAML 1.2 core schema, so ``no``, ``on`` and ``1:30`` stay text and ``1e6`` is a number.
"""

from __future__ import annotations

import math
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import yaml

from qhpcsim.core.errors import ConfigError, shorten

MAX_BYTES = 1 << 20
"""Largest file that is read."""
MAX_NODES = 20_000
"""Most values in one file, counted after aliases are expanded."""
MAX_DEPTH = 32
MAX_DIGITS = 40

FORBIDDEN_KEYS = frozenset(
    {
        "_target_",
        "_partial_",
        "_recursive_",
        "_convert_",
        "_args_",
        "hydra",
        "_global_",
        "_group_",
        "_here_",
        "defaults",
        "<<",
    }
)
"""Keys that mean "import", "call" or "compose" to other tools; here they mean a mistake or an attack."""

_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]*)", re.ASCII)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_LEADING_ZERO = re.compile(r"[-+]?0[0-9]+", re.ASCII)
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|nan)", re.ASCII | re.IGNORECASE)
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Document:
    """A YAML mapping and where its keys stand.

    Args:
        path: The file, as the user named it.
        data: Nested dicts, lists and scalars.
        lines: Line number of each key path; a list item's key is its index as text.
        text: As it was read.
    """

    path: str
    data: dict[str, Any]
    lines: dict[tuple[str, ...], int] = field(default_factory=dict)
    text: str = ""

    def where(self, key: tuple[str, ...] = ()) -> str:
        """Return ``file:line`` of a key path, or of its closest known parent."""
        while key and key not in self.lines:
            key = key[:-1]
        return f"{self.path}:{self.lines[key]}" if key else self.path


def load(path: str | os.PathLike[str]) -> Document:
    """Return the mapping that a YAML file holds.

    Raises:
        ConfigError: if the file cannot be read, is no regular file, is too large, or breaks a rule below.
    """
    return parse(_read(path), str(path))


def parse(raw: bytes, path: str = "<text>") -> Document:
    """Return the mapping in one YAML document.

    Raises:
        ConfigError: on bad syntax, a key given twice, tags, merge keys, interpolation, keys of other tools
            (``_target_`` …), not-a-number or infinite values, too many values or levels, or no root mapping.
    """
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigError("not UTF-8 text", where=f"{path}:{line}", hint="save the file as UTF-8") from None
    try:
        return replace(_Reader(text, path).document(), text=text)
    except yaml.YAMLError as error:
        raise _syntax_error(error, path) from None


def _read(path: str | os.PathLike[str]) -> bytes:
    """Return the bytes of a regular file of at most ``MAX_BYTES``."""
    where = str(path)
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError:
        raise ConfigError("no such file", where=where, hint="qhpcsim list scenarios") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(f"cannot be read: {reason}", where=where) from None
    mode = os.fstat(handle).st_mode
    if not stat.S_ISREG(mode):
        os.close(handle)
        kind = "a folder" if stat.S_ISDIR(mode) else "not a regular file"
        raise ConfigError(f"is {kind}", where=where, allowed="a YAML file")
    with os.fdopen(handle, "rb") as file:
        raw = file.read(MAX_BYTES + 1)
    if len(raw) > MAX_BYTES:
        raise ConfigError("is too large for a scenario", where=where, allowed=f"at most {MAX_BYTES:,} bytes")
    return raw


def _syntax_error(error: yaml.YAMLError, path: str) -> ConfigError:
    mark = getattr(error, "problem_mark", None)
    where = f"{path}:{mark.line + 1}" if mark is not None else path
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "cannot be parsed"
    return ConfigError(f"not valid YAML: {shorten(problem)}", where=where)


class _Reader:
    """Builds plain values from YAML events, counting as it goes."""

    def __init__(self, text: str, path: str) -> None:
        self.path = path
        self.events: Iterator[Any] = iter(yaml.parse(text, Loader=_LOADER))
        self.lines: dict[tuple[str, ...], int] = {}
        self.anchors: dict[str, tuple[Any, int] | None] = {}
        self.n_nodes = 0

    def document(self) -> Document:
        next(self.events)  # stream start
        if isinstance(next(self.events), yaml.StreamEndEvent):
            raise ConfigError("the file is empty", where=self.path, allowed="a mapping of keys to values")
        data = self.value(next(self.events), ())
        next(self.events)  # document end
        after = next(self.events)
        if not isinstance(after, yaml.StreamEndEvent):
            raise self.error("a second YAML document starts here", after, allowed="one document")
        if not isinstance(data, dict):
            raise ConfigError(
                f"holds {shorten(repr(data), 40)}, not a mapping",
                where=f"{self.path}:1",
                allowed="keys and values, such as 'policy: easy'",
            )
        return Document(self.path, data, self.lines)

    def error(self, message: str, event: Any, **more: Any) -> ConfigError:
        return ConfigError(message, where=f"{self.path}:{event.start_mark.line + 1}", **more)

    def count(self, n: int, event: Any) -> None:
        self.n_nodes += n
        if self.n_nodes > MAX_NODES:
            raise self.error(
                "too many values (aliases count each time they are used)",
                event,
                allowed=f"at most {MAX_NODES:,}",
            )

    def value(self, event: Any, key: tuple[str, ...]) -> Any:
        """Return the value that starts with ``event``."""
        if isinstance(event, yaml.AliasEvent):
            return self.alias(event)
        if event.tag not in (None, "!"):
            raise self.error(f"tag {shorten(event.tag)!r} is not allowed", event, allowed="plain values")
        if len(key) > MAX_DEPTH:
            raise self.error("nested too deeply", event, allowed=f"at most {MAX_DEPTH} levels")
        before = self.n_nodes
        self.count(1, event)
        if event.anchor is not None:
            self.anchors[event.anchor] = None
        if isinstance(event, yaml.ScalarEvent):
            result = self.scalar(event)
        elif isinstance(event, yaml.MappingStartEvent):
            result = self.mapping(key)
        else:
            result = self.sequence(key)
        if event.anchor is not None:
            self.anchors[event.anchor] = (result, self.n_nodes - before)
        return result

    def alias(self, event: Any) -> Any:
        known = self.anchors.get(event.anchor)
        if known is None:
            raise self.error(f"alias *{shorten(event.anchor, 40)} does not point at a finished value above it", event)
        self.count(known[1], event)
        return known[0]

    def mapping(self, key: tuple[str, ...]) -> dict[str, Any]:
        result: dict[str, Any] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            name = self.key(event)
            inner = (*key, name)
            if name in result:
                raise self.error(
                    f"key {'.'.join(inner)!r} is given twice (first on line {self.lines[inner]})",
                    event,
                    hint="keep one of the two",
                )
            self.lines.setdefault(inner, event.start_mark.line + 1)
            result[name] = self.value(next(self.events), inner)
        return result

    def key(self, event: Any) -> str:
        if not isinstance(event, yaml.ScalarEvent) or event.tag not in (None, "!"):
            raise self.error("a key must be plain text", event)
        name: str = event.value
        self.count(1, event)
        if name in FORBIDDEN_KEYS or (name.startswith("_") and name.endswith("_")):
            raise self.error(
                f"key {shorten(name)!r} is not allowed in a scenario file",
                event,
                hint=_FORBIDDEN_HINTS.get(name, "nothing in a scenario is imported or called; name a registered thing"),
            )
        self.no_interpolation(name, event)
        return name

    def sequence(self, key: tuple[str, ...]) -> list[Any]:
        result: list[Any] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            inner = (*key, str(len(result)))
            self.lines.setdefault(inner, event.start_mark.line + 1)
            result.append(self.value(event, inner))
        return result

    def no_interpolation(self, text: str, event: Any) -> None:
        if "${" in text:
            raise self.error(
                f"interpolation {shorten(text)!r} is not allowed",
                event,
                hint="write the value itself; ${…} is never resolved",
            )

    def scalar(self, event: Any) -> Any:
        text: str = event.value
        self.no_interpolation(text, event)
        if not event.implicit[0]:
            return text
        try:
            return resolve(text)
        except ValueError as error:
            raise self.error(str(error), event) from None


_FORBIDDEN_HINTS = {
    "defaults": "choose by plain keys: 'base: replay', 'policy: easy', 'workload: lublin'",
    "<<": "merge keys are not supported; write the keys out, or start from 'base: NAME'",
}


def resolve(text: str) -> Any:
    """Return an unquoted scalar as null, bool, int, float or text by the YAML 1.2 core schema (decimal only).

    Integers with leading zeros stay text, so that nobody's 010 becomes 8 or 10 unasked.

    Raises:
        ValueError: if it is not a number, infinite, or has more than ``MAX_DIGITS`` digits.
    """
    if text in _WORDS:
        return _WORDS[text]
    if _NOT_FINITE.fullmatch(text):
        raise ValueError(f"{text!r} is not a finite number")
    if _LEADING_ZERO.fullmatch(text) or not _FLOAT.fullmatch(text):
        return text
    if len(text) > MAX_DIGITS:
        raise ValueError(f"number {shorten(text, 30)!r} has too many digits")
    if _INT.fullmatch(text):
        return int(text)
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text!r} is not a finite number")
    return number
