"""Calibration cards: numbers with their unit, uncertainty, method, source and date.

A card is a YAML file in ``calibration/``::

    card: what this is about
    method: published            # head: inherited by every entry that does not say otherwise
    source: doi or URL
    date: 2003-11-01
    entries:
      rep_delay: {value: 250, unit: us, uncertainty: 5}

Fields of an entry: ``value`` (a finite number, or a list of them, nested for a matrix), ``unit``,
``uncertainty`` (one standard deviation in the same unit; null: not stated), ``method``, ``source``, ``date``,
and optionally ``range`` (where the value holds), ``script`` (what fitted it), ``licence`` (of the source),
``valid_until`` and ``note``. The head may also name the ``model`` that reads the card, and hold the words of ``WORDS``.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.data import data_dir
from qhpcsim.core.errors import CardError, ConfigError, nearest, shorten

if TYPE_CHECKING:
    from qhpcsim.core.yaml_strict import Document

TIME_UNITS = frozenset({"ns", "us", "ms", "s", "min", "h", "d"})
"""Units of durations; their values cannot be negative."""

INHERITED = ("method", "source", "date", "uncertainty", "script", "licence", "valid_until")
REQUIRED = ("value", "unit", "uncertainty", "method", "source", "date")
ENTRY_FIELDS = (*REQUIRED, "range", "script", "licence", "valid_until", "note")
WORDS = ("topology", "native_gates", "exchange", "cpu_card")
"""Head fields that hold a word, or a list of words, instead of numbers; what a word means is its reader's business."""
HEAD_FIELDS = ("card", "model", "entries", "note", *WORDS, *INHERITED)
_WORD = re.compile(r"[a-z][a-z0-9_]{0,39}", re.ASCII)


@dataclass(frozen=True, slots=True)
class CardEntry:
    """One number (or array) of a card and where it comes from."""

    value: Any
    unit: str
    uncertainty: float | tuple[float, ...] | None
    """Standard deviation in ``unit``; None: the source states none."""
    method: str
    source: str
    date: dt.date
    range: Any = None
    script: str = ""
    licence: str = ""
    valid_until: dt.date | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """A read and checked card."""

    path: str
    about: str
    entries: dict[str, CardEntry]
    model: str = ""
    """Registered name of the model that reads it; empty: the reader knows."""
    words: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Head fields of ``WORDS`` that the card has."""

    def entry(self, name: str) -> CardEntry:
        """Return the entry called ``name``.

        Raises:
            CardError: if the card has no such entry; names the nearest one.
        """
        found = self.entries.get(name)
        if found is None:
            raise CardError(
                f"the card has no entry {shorten(name)!r}",
                where=self.path,
                allowed=", ".join(self.entries),
                suggestion=nearest(name, self.entries),
            )
        return found

    def value(self, name: str) -> float:
        """Return one number, in the unit that its entry states."""
        value = self.entry(name).value
        if isinstance(value, list):
            raise CardError(f"{name} is a list, not one number", where=self.path)
        return float(value)

    def array(self, name: str) -> NDArray[np.float64]:
        """Return a list (or matrix) of numbers as an array of float64."""
        return np.asarray(self.entry(name).value, dtype=np.float64)


def card(path: str | Path, today: dt.date | None = None) -> Card:
    """Return the card in a file.

    Args:
        path: A file, or a path under ``calibration/`` with or without ``.yaml``.
        today: Day on which ``valid_until`` is judged; None: the computer's date.

    Raises:
        CardError: if the file is missing, or an entry lacks a field, has an unknown one, holds an impossible
            value or has expired.
    """
    found = _read(_find(path), today or dt.date.today())
    for readers in _listening:
        readers[found.path] = found
    return found


_listening: list[dict[str, Card]] = []


@contextmanager
def cards_read() -> Iterator[dict[str, Card]]:
    """Yield a mapping that gets every card that is read meanwhile in this process: path -> card, in order."""
    found: dict[str, Card] = {}
    _listening.append(found)
    try:
        yield found
    finally:
        _listening[:] = [each for each in _listening if each is not found]


def check(document: Document, today: dt.date) -> Card:
    """Return the card that a parsed YAML document holds; raises ``CardError`` as ``card`` does."""
    head = _fields(document.data, HEAD_FIELDS, document.path)
    entries = head.get("entries")
    if not isinstance(entries, dict) or not entries:
        raise CardError("a card needs a mapping called 'entries'", where=document.path)
    inherited = {k: head[k] for k in INHERITED if k in head}
    read = {k: _entry(v, inherited, f"{document.where(('entries', k))}: {k}", today) for k, v in entries.items()}
    words = {k: _words(head[k], f"{document.where((k,))}: {k}") for k in WORDS if k in head}
    return Card(document.path, str(head.get("card", "")), read, str(head.get("model") or ""), words)


@lru_cache(maxsize=64)
def _read(path: Path, today: dt.date) -> Card:
    from qhpcsim.core import yaml_strict

    try:
        document = yaml_strict.load(path)
    except ConfigError as error:
        raise CardError(error.message, where=error.where, allowed=error.allowed, hint=error.hint) from None
    return check(document, today)


def _find(path: str | Path) -> Path:
    given = Path(path)
    for found in (given, data_dir("calibration") / given, data_dir("calibration") / f"{given}.yaml"):
        if found.is_file():
            return found
    raise CardError(f"no calibration card {shorten(path)!r}", where=str(data_dir("calibration")))


def _fields(tree: object, allowed: tuple[str, ...], where: str) -> dict[str, Any]:
    """Return a mapping after checking that its keys are among ``allowed``."""
    if not isinstance(tree, dict):
        raise CardError(f"expected fields, got {shorten(tree)!r}", where=where, allowed=", ".join(allowed))
    for name in tree:
        if name not in allowed:
            raise CardError(
                f"unknown field {shorten(name)!r}",
                where=where,
                allowed=", ".join(allowed),
                suggestion=nearest(name, allowed),
            )
    return tree


def _entry(tree: object, inherited: dict[str, Any], where: str, today: dt.date) -> CardEntry:
    fields = inherited | _fields(tree, ENTRY_FIELDS, where)
    missing = [name for name in REQUIRED if name not in fields]
    if missing:
        raise CardError(f"missing {', '.join(missing)}", where=where, hint='unit "1" for a number without one')
    unit = fields["unit"] = str(fields["unit"] if fields["unit"] is not None else "").strip()
    if not unit:
        raise CardError("the unit is empty", where=where, hint='unit "1" for a number without one')
    for name in ("method", "source"):
        if not isinstance(fields[name], str) or not fields[name].strip():
            raise CardError(f"{name} must say something in words, got {shorten(fields[name])!r}", where=where)
    _numbers(fields["value"], unit, where)
    fields["uncertainty"] = _uncertainty(fields["uncertainty"], where)
    fields["date"] = _date(fields["date"], where)
    until = fields.get("valid_until")
    fields["valid_until"] = until = None if until is None else _date(until, where)
    if until is not None and until < today:
        raise CardError(f"expired on {until}", where=where, hint="calibrate again, or extend valid_until and say why")
    return CardEntry(**fields)


def _words(value: object, where: str) -> tuple[str, ...]:
    """Return the words of a head field, each once."""
    found = value if isinstance(value, list) else [value]
    bad = next((word for word in found if not isinstance(word, str) or not _WORD.fullmatch(word)), None)
    if bad is not None or not found:
        raise CardError(
            f"{shorten(bad)!r} is not a word", where=where, allowed="a-z, 0-9 and _, beginning with a letter"
        )
    if len(set(found)) < len(found):
        raise CardError("a word stands twice", where=where)
    return tuple(found)


def _numbers(value: object, unit: str, where: str) -> None:
    """Check that a value is finite numbers all through, and not negative where it is a time."""
    if isinstance(value, list) and value:
        for part in value:
            _numbers(part, unit, where)
        return
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise CardError(f"value must be finite numbers, got {shorten(value)!r}", where=where)
    if unit in TIME_UNITS and value < 0:
        raise CardError(f"a time cannot be negative, got {value} {unit}", where=where)


def _uncertainty(value: Any, where: str) -> float | tuple[float, ...] | None:
    if value is None:
        return None
    parts = value if isinstance(value, list) else [value]
    for part in parts:
        if isinstance(part, bool) or not isinstance(part, (int, float)) or not 0 <= part < math.inf:
            raise CardError(f"uncertainty must be null or numbers ≥ 0, got {shorten(part)!r}", where=where)
    return tuple(float(p) for p in value) if isinstance(value, list) else float(value)


def _date(value: object, where: str) -> dt.date:
    try:
        return value if isinstance(value, dt.date) else dt.date.fromisoformat(str(value))
    except ValueError:
        raise CardError(f"{shorten(value)!r} is not a date", where=where, allowed="YYYY-MM-DD") from None
