"""The ledger of a study: an SQLite file that records each run once and survives kills, full disks and bit rot."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from qhpcsim.core.errors import StudyError, shorten
from qhpcsim.studies.figures import Figures

FILE, LOCK = "ledger.sqlite", "ledger.lock"
DONE, FAILED = "done", "failed"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS study (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS heads (names TEXT PRIMARY KEY, head INTEGER NOT NULL UNIQUE) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS runs (
    key TEXT PRIMARY KEY, state TEXT NOT NULL, head INTEGER NOT NULL, figures TEXT NOT NULL, digest TEXT NOT NULL,
    error TEXT NOT NULL, seconds REAL NOT NULL, worker TEXT NOT NULL
);
"""
_MOST_SHOWN = 4
_FULL = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)


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


class Ledger:
    """Records runs by their key; use it as a context manager.

    Each run is committed on its own, into a write-ahead log: a process that is killed loses what it was writing and
    nothing else. Every row carries a digest; rows that no longer match theirs are dropped and counted in ``n_damaged``.

    Args:
        folder: Where it lies; made if need be.
        study: What identifies the study; a ledger of another study is refused.

    Raises:
        StudyError: if another process has it open, it belongs to another study, or it cannot be written.
    """

    def __init__(self, folder: Path, study: Mapping[str, Any]) -> None:
        self.folder, self.path = folder, folder / FILE
        self.n_damaged = 0
        """Rows, or whole ledgers, that were found damaged and put aside."""
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = _locked(folder / LOCK)
        try:
            self._db = self._open()
            self._claim({name: json.dumps(value, sort_keys=True) for name, value in study.items()})
        except BaseException:
            os.close(self._lock)
            raise

    def __enter__(self) -> Self:
        """Return the ledger."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the ledger."""
        self.close()

    def close(self) -> None:
        """Fold the log into the file and let others open it."""
        with suppress(sqlite3.Error):
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._db.close()
        os.close(self._lock)

    def entries(self) -> dict[str, Entry]:
        """Return every run that ended; damaged rows are deleted first."""
        found, damaged = {}, []
        heads = {head: names for names, head in self._db.execute("SELECT names, head FROM heads")}
        split = {head: tuple(json.loads(names)) for head, names in heads.items()}
        query = "SELECT key, state, head, figures, digest, error, seconds, worker FROM runs ORDER BY key"
        for key, state, head, figures, digest, error, seconds, worker in self._db.execute(query):
            if digest != _digest(key, state, heads.get(head, ""), figures, error):
                damaged.append((key,))
                continue
            found[key] = Entry(key, state, Figures(split[head], tuple(json.loads(figures))), error, seconds, worker)
        if damaged:
            with self._writing():
                self._db.executemany("DELETE FROM runs WHERE key = ?", damaged)
            self.n_damaged += len(damaged)
        return found

    def record(self, entry: Entry) -> None:
        """Commit one run that ended; an earlier record of it is replaced.

        Raises:
            StudyError: if the disk is full or the file cannot be written.
        """
        names, values = json.dumps(entry.figures.names), json.dumps(entry.figures.values_, allow_nan=False)
        digest = _digest(entry.key, entry.state, names, values, entry.error)
        with self._writing():
            head = self._head(names)
            row = (entry.key, entry.state, head, values, digest, entry.error, entry.seconds, entry.worker)
            self._db.execute("INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)

    def _head(self, names: str) -> int:
        """Return the number of a list of names; runs of one kind share it."""
        found = self._db.execute("SELECT head FROM heads WHERE names = ?", (names,)).fetchone()
        if found is None:
            found = self._db.execute("SELECT COALESCE(MAX(head), 0) + 1 FROM heads").fetchone()
            self._db.execute("INSERT INTO heads VALUES (?, ?)", (names, *found))
        return int(found[0])

    def _open(self) -> sqlite3.Connection:
        """Return the database, a damaged one put aside."""
        for _ in range(2):
            db = sqlite3.connect(self.path, isolation_level=None, timeout=10.0, check_same_thread=False)
            try:
                db.execute("PRAGMA journal_mode=WAL")
                db.execute("PRAGMA synchronous=NORMAL")
                db.executescript(_SCHEMA)
                if db.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok":
                    return db
            except sqlite3.DatabaseError as error:
                if isinstance(error, sqlite3.OperationalError):
                    db.close()
                    raise self._unwritable(error) from error
            db.close()
            self._put_aside()
        raise StudyError("cannot be opened", where=str(self.path), hint="choose another --out")

    def _put_aside(self) -> None:
        number = 1
        while (kept := self.path.with_name(f"ledger.damaged-{number}.sqlite")).exists():
            number += 1
        self.path.rename(kept)
        for suffix in ("-wal", "-shm"):
            Path(f"{self.path}{suffix}").unlink(missing_ok=True)
        self.n_damaged += 1

    def _claim(self, study: dict[str, str]) -> None:
        """Write down what the study is, or check that it is the same."""
        there = dict(self._db.execute("SELECT name, value FROM study"))
        if not there:
            with self._writing():
                self._db.executemany("INSERT INTO study VALUES (?, ?)", sorted(study.items()))
            return
        differences = list(_differences(_read(there), _read(study), ""))
        if differences:
            self._db.close()
            more = f" and {len(differences) - _MOST_SHOWN} more" if len(differences) > _MOST_SHOWN else ""
            raise StudyError(
                f"the folder holds another study: {'; '.join(differences[:_MOST_SHOWN])}{more}",
                where=str(self.folder),
                hint="choose another --out, or ask the same as before to go on with it",
            )

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Make one transaction; says in words why it failed."""
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    with suppress(sqlite3.Error):
                        self._db.execute("ROLLBACK")
                raise
        except sqlite3.OperationalError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: sqlite3.OperationalError) -> StudyError:
        full = getattr(error, "sqlite_errorcode", 0) & 0xFF in _FULL
        hint = (
            "free some space and give the same command again; finished runs are kept"
            if full
            else "choose another --out"
        )
        failure = StudyError(f"cannot be written: {error}", where=str(self.path), hint=hint)
        failure.exit_code = 1
        return failure


def _digest(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:16]


def _read(study: Mapping[str, str]) -> dict[str, Any]:
    return {name: json.loads(value) for name, value in sorted(study.items())}


def _differences(there: Any, here: Any, path: str) -> Iterator[str]:
    """Yield where two studies differ, in words."""
    if isinstance(there, dict) and isinstance(here, dict):
        for name in dict.fromkeys([*there, *here]):
            yield from _differences(there.get(name), here.get(name), f"{path}.{name}" if path else name)
    elif there != here:
        yield f"{path} was {shorten(json.dumps(there), 80)}, now {shorten(json.dumps(here), 80)}"


def _locked(path: Path) -> int:
    """Return the descriptor of a lock that goes with the process, however it ends."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        owner = os.pread(handle, 32, 0).decode("ascii", "replace").strip()
        os.close(handle)
        raise StudyError(
            f"another process{f' ({owner})' if owner else ''} is at work on this study",
            where=str(path.parent),
            hint="wait for it, or choose another --out",
        ) from None
    os.ftruncate(handle, 0)
    os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
    return handle
