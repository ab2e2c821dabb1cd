"""The rows of a ledger: what each run that ended left, with a digest that shows whether it is as it was written."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from qhpcsim.core.errors import StudyError
from qhpcsim.studies.figures import Figures

DONE, FAILED = "done", "failed"
_VERSION = 2
"""Of the tables; what another version wrote is left alone."""
_SCHEMA = f"""
BEGIN IMMEDIATE;
CREATE TABLE study (name TEXT NOT NULL, value TEXT NOT NULL, digest TEXT NOT NULL);
CREATE TABLE heads (head INTEGER PRIMARY KEY, names TEXT NOT NULL);
CREATE TABLE runs (
    run INTEGER PRIMARY KEY, key TEXT NOT NULL, state TEXT NOT NULL, head INTEGER NOT NULL, figures TEXT NOT NULL,
    error TEXT NOT NULL, seconds REAL NOT NULL, worker TEXT NOT NULL, digest TEXT NOT NULL
);
PRAGMA user_version = {_VERSION};
COMMIT;
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of a run that ended."""

    key: str
    state: str
    """``done`` or ``failed``."""
    figures: Figures
    error: str = ""
    seconds: float = 0.0
    """Wall time; never part of results."""
    worker: str = ""


class Rows:
    """The rows of an open ledger, all of them held in memory too.

    There is no index: whoever holds the lock knows all keys, so that a row costs the same however many there are, and
    rot has less to bite on.

    Args:
        db: The database; its tables are made if need be.
        where: Its path, for messages.

    Raises:
        sqlite3.DatabaseError: if it is damaged or cannot be read or written.
        StudyError: if another version of qhpcsim wrote it.
    """

    def __init__(self, db: sqlite3.Connection, where: str) -> None:
        self._db = db
        db.text_factory = _text
        if not db.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0]:
            db.executescript(_SCHEMA)
        if db.execute("PRAGMA user_version").fetchone()[0] != _VERSION:
            raise StudyError("another version of qhpcsim wrote it", where=where, hint="choose another --out")
        if (words := db.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
            raise sqlite3.DatabaseError(words)
        self.entries: dict[str, Entry] = {}
        self._places: dict[str, int] = {}
        """Key -> number of its row."""
        heads = _heads(db)
        self._last_head = max(heads, default=0)
        self._heads = {names: (head, text) for head, (text, names) in heads.items()}
        self._damaged: list[tuple[int]] = []
        for place, entry in _read(db, heads):
            if entry is None or entry.key in self.entries:
                self._damaged.append((place,))
            else:
                self.entries[entry.key], self._places[entry.key] = entry, place

    def study(self) -> dict[str, str]:
        """Return what is written of the study, as JSON texts; what does not match its digest is left out."""
        return _study(self._db)

    def write_study(self, study: Mapping[str, str]) -> None:
        """Commit what the study is, as JSON texts."""
        with self._transaction():
            self._db.execute("DELETE FROM study")
            rows = [(name, value, _digest(name, value)) for name, value in sorted(study.items())]
            self._db.executemany("INSERT INTO study VALUES (?, ?, ?)", rows)

    def drop_damaged(self) -> int:
        """Delete the rows that do not match their digest and return how many they were."""
        if self._damaged:
            with self._transaction():
                self._db.executemany("DELETE FROM runs WHERE run = ?", self._damaged)
        return len(self._damaged)

    def write(self, entry: Entry) -> None:
        """Commit one run; an earlier row of it is replaced."""
        head, text = self._head(entry.figures.names)
        values = json.dumps(entry.figures.values_, allow_nan=False)
        row = (entry.key, entry.state, head, values, entry.error, entry.seconds, entry.worker)
        digest = _digest(entry.key, entry.state, text, values, entry.error, repr(entry.seconds), entry.worker)
        place = self._places.get(entry.key)
        with self._transaction():
            statement = "INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
            place = self._db.execute(statement, (place, *row, digest)).lastrowid
        assert place is not None
        self.entries[entry.key], self._places[entry.key] = entry, place

    def _head(self, names: tuple[str, ...]) -> tuple[int, str]:
        """Return the number and the text of a list of names, committed on its own: runs of one kind share it."""
        if names not in self._heads:
            head = self._last_head + 1, json.dumps(names)
            with self._transaction():
                self._db.execute("INSERT INTO heads VALUES (?, ?)", head)
            self._heads[names], self._last_head = head, head[0]
        return self._heads[names]

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                with suppress(sqlite3.Error):
                    self._db.execute("ROLLBACK")
            raise


def salvaged(db: sqlite3.Connection) -> tuple[dict[str, str], list[Entry]]:
    """Return the study and the runs in a damaged database that still match their digests, read from both ends."""
    db.text_factory = _text
    db.execute("PRAGMA writable_schema=ON")  # reads a file that is shorter than its header says
    study: dict[str, str] = {}
    found: dict[str, Entry] = {}
    with suppress(sqlite3.Error, MemoryError):
        study = _study(db)
    for order in ("ASC", "DESC"):
        with suppress(sqlite3.Error, MemoryError):
            for _, entry in _read(db, _heads(db), order):
                if entry is not None:
                    found.setdefault(entry.key, entry)
    return study, list(found.values())


Heads = Mapping[int, tuple[str, tuple[str, ...]]]
"""Number -> text and names."""


def _study(db: sqlite3.Connection) -> dict[str, str]:
    rows = db.execute("SELECT name, value, digest FROM study")
    return {name: value for name, value, digest in rows if digest == _digest(name, value)}


def _heads(db: sqlite3.Connection) -> dict[int, tuple[str, tuple[str, ...]]]:
    found = {}
    for head, text in db.execute("SELECT head, names FROM heads ORDER BY head"):
        try:
            found[head] = text, tuple(map(str, json.loads(text)))
        except (TypeError, ValueError):
            found[head] = "", ()  # its rows match no digest
    return found


def _read(db: sqlite3.Connection, heads: Heads, order: str = "ASC") -> Iterator[tuple[int, Entry | None]]:
    """Yield the rows with their numbers, None for one that does not match its digest."""
    query = f"SELECT run, key, state, head, figures, error, seconds, worker, digest FROM runs ORDER BY run {order}"
    for place, key, state, head, figures, error, seconds, worker, digest in db.execute(query):
        text, names = heads.get(head, ("", ()))
        if digest == _digest(key, state, text, figures, error, repr(seconds), worker):
            yield place, Entry(key, state, Figures(names, tuple(json.loads(figures))), error, seconds, worker)
        else:
            yield place, None


def _digest(*texts: object) -> str:
    return hashlib.sha256("\0".join(map(str, texts)).encode()).hexdigest()[:16]


def _text(raw: bytes) -> str:
    """Return a text of the database; bytes that are none, which only rot leaves, become marks."""
    return raw.decode("utf-8", "replace")
