"""The ledger of a study: an SQLite file that records each run once and survives kills, full disks and bit rot."""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Self

from qhpcsim.core.errors import StudyError, shorten
from qhpcsim.studies.ledger_rows import DONE, FAILED, Entry, Rows, salvaged

__all__ = ["DONE", "FAILED", "FILE", "LOCK", "Entry", "Ledger"]

FILE, LOCK = "ledger.sqlite", "ledger.lock"
_MOST_SHOWN = 4
_FULL = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)
_NOT_OF_THE_FILE = (
    *_FULL, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH, sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_INTERRUPT,
)  # fmt: skip
"""Errors of SQLite that say nothing of what is in the file."""


class Ledger:
    """Records runs by their key; use it as a context manager.

    Each run is committed on its own, into a write-ahead log: a process that is killed loses what it was writing and
    nothing else. Every row carries a digest; rows that no longer match theirs are dropped. A file that SQLite cannot
    read is put aside, and what still matches its digest there is taken over. ``n_damaged`` counts both.

    Args:
        folder: Where it lies; made if need be.
        study: What identifies the study; a ledger of another study is refused.

    Raises:
        StudyError: if another process has it open, it belongs to another study, or it cannot be written.
    """

    def __init__(self, folder: Path, study: Mapping[str, Any]) -> None:
        self.folder, self.path = folder, folder / FILE
        self.n_damaged = 0
        """Rows that were found damaged and dropped, and whole ledgers that were put aside."""
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = _locked(folder / LOCK)
        try:
            self._db, self._rows = self._open()
            try:
                self._claim({name: json.dumps(value, sort_keys=True) for name, value in study.items()})
            except BaseException:
                self._db.close()
                raise
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

    def entries(self) -> Mapping[str, Entry]:
        """Return every run that ended, by its key; what is recorded later joins it."""
        return self._rows.entries

    def record(self, entry: Entry) -> None:
        """Commit one run that ended; an earlier record of it is replaced.

        Raises:
            StudyError: if the disk is full or the file cannot be written.
        """
        with self._explained():
            self._rows.write(entry)

    def _open(self) -> tuple[sqlite3.Connection, Rows]:
        """Return the database and its rows; a damaged one is put aside and made anew."""
        kept: Path | None = None
        for _ in range(2):
            with self._explained():
                db = sqlite3.connect(self.path, isolation_level=None, timeout=10.0, check_same_thread=False)
                try:
                    db.execute("PRAGMA journal_mode=WAL")
                    db.execute("PRAGMA synchronous=NORMAL")
                    rows = Rows(db, str(self.path))
                    self.n_damaged += rows.drop_damaged()
                    if kept is not None:
                        _take_over(kept, rows)
                    return db, rows
                except sqlite3.DatabaseError as error:
                    db.close()
                    if not self._is_damage(error):
                        raise
                except BaseException:
                    db.close()
                    raise
            kept = self._put_aside()
        raise StudyError("cannot be opened", where=str(self.path), hint="choose another --out")

    def _is_damage(self, error: sqlite3.DatabaseError) -> bool:
        """Return whether an error comes from what is in the file."""
        code = _code(error)
        if code == sqlite3.SQLITE_READONLY:  # a damaged header can look so
            return os.access(self.path, os.W_OK) and os.access(self.folder, os.W_OK)
        return code not in _NOT_OF_THE_FILE

    def _put_aside(self) -> Path:
        number = 1
        while (kept := self.path.with_name(f"ledger.damaged-{number}.sqlite")).exists():
            number += 1
        self.path.rename(kept)
        Path(f"{self.path}-shm").unlink(missing_ok=True)
        for suffix in ("-wal", "-journal"):
            if (log := Path(f"{self.path}{suffix}")).exists():
                log.rename(f"{kept}{suffix}")
        self.n_damaged += 1
        return kept

    def _claim(self, study: dict[str, str]) -> None:
        """Write down what the study is, or check that it is the same."""
        there = self._rows.study()
        here = {name: value for name, value in study.items() if name in there}  # the others have rotted away
        differences = list(_differences(_read(there), _read(here), ""))
        if differences:
            more = f" and {len(differences) - _MOST_SHOWN} more" if len(differences) > _MOST_SHOWN else ""
            raise StudyError(
                f"the folder holds another study: {'; '.join(differences[:_MOST_SHOWN])}{more}",
                where=str(self.folder),
                hint="choose another --out, or ask the same as before to go on with it",
            )
        if there != study:
            with self._explained():
                self._rows.write_study(study)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Say in words why the ledger cannot be read or written."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            hint = "choose another --out"
            if _code(error) in _FULL:
                hint = "free some space and give the same command again; finished runs are kept"
            elif self._is_damage(error):
                hint = "give the same command again; what is not damaged is kept"
            failure = StudyError(f"cannot be written: {error}", where=str(self.path), hint=hint)
            failure.exit_code = 1
            raise failure from error


def _take_over(kept: Path, rows: Rows) -> None:
    """Copy what still matches its digest from a damaged ledger."""
    study: dict[str, str] = {}
    entries: list[Entry] = []
    with suppress(sqlite3.Error), closing(sqlite3.connect(kept)) as damaged:
        study, entries = salvaged(damaged)
    if study:
        rows.write_study(study)
    for entry in entries:
        rows.write(entry)


def _code(error: sqlite3.DatabaseError) -> int:
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


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
    except BlockingIOError:
        owner = os.pread(handle, 32, 0).decode("ascii", "replace").strip()
        os.close(handle)
        raise StudyError(
            f"another process{f' ({owner})' if owner else ''} is at work on this study",
            where=str(path.parent),
            hint="wait for it, or choose another --out",
        ) from None
    except OSError as error:
        os.close(handle)
        raise StudyError(
            f"the file system has no locks: {error.strerror}", where=str(path), hint="choose --out on a local disk"
        ) from error
    with suppress(OSError):  # who it is helps others; a full disk is told when there is something to keep
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
    return handle
