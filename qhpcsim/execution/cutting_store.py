"""Keeps the counts of a cut's circuits in a folder as they come, so that an interrupted run goes on where it was."""

from __future__ import annotations

import fcntl
import hashlib
import logging
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import numpy as np

from qhpcsim.core.errors import RunFolderError
from qhpcsim.execution.cutting_estimate import Counts
from qhpcsim.execution.cutting_work import Planned, Ran

log = logging.getLogger(__name__)
FILE = "cut_counts.sqlite"
_TABLES = (
    "CREATE TABLE IF NOT EXISTS run (digest TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS counts (name TEXT PRIMARY KEY, keys BLOB NOT NULL, numbers BLOB NOT NULL, "
    "check_sum BLOB NOT NULL, seconds REAL NOT NULL, cpu_s REAL NOT NULL)",
)


class Store:
    """The finished circuits of one run, by name."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def finished(self, planned: Sequence[Planned]) -> dict[str, Ran]:
        """Return what is there; a damaged row is left out, with a warning, and its circuit runs again."""
        shots = {each.name: each.shots for each in planned}
        found = {}
        for name, keys, numbers, check_sum, seconds, cpu_s in self._connection.execute("SELECT * FROM counts"):
            if name not in shots or check_sum != _check_sum(name, keys, numbers):
                log.warning("the counts of %s are damaged; it runs again", name)
                continue
            counts = Counts(np.frombuffer(keys, "<u8"), np.frombuffer(numbers, "<f8"), shots[name])
            found[name] = Ran(name, counts, seconds, cpu_s)
        return found

    def keep(self, ran: Sequence[Ran]) -> None:
        """Write finished circuits; once this returns, a killed run has them."""
        rows = []
        for each in ran:
            keys = each.counts.keys.astype("<u8").tobytes()
            numbers = each.counts.numbers.astype("<f8").tobytes()
            rows.append((each.name, keys, numbers, _check_sum(each.name, keys, numbers), each.seconds, each.cpu_s))
        with self._connection:
            self._connection.executemany("INSERT OR REPLACE INTO counts VALUES (?, ?, ?, ?, ?, ?)", rows)


@contextmanager
def open_store(folder: Path, planned: Sequence[Planned]) -> Iterator[Store]:
    """Open the counts in a folder, made if need be, for one run at a time.

    Raises:
        RunFolderError: if another run has the folder open, or it holds another cut's counts or something else.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / f"{FILE}.lock").open("w")
    except OSError as error:
        raise RunFolderError(f"cannot be used: {error.strerror}", where=str(folder)) from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise RunFolderError("another run is using it", where=str(folder), hint="choose another folder") from None
        connection = sqlite3.connect(folder / FILE)
        try:
            _claim(connection, _digest(planned), folder)
            yield Store(connection)
        except sqlite3.DatabaseError as error:
            hint = "delete the file or choose another folder"
            raise RunFolderError(f"the counts cannot be used: {error}", where=str(folder / FILE), hint=hint) from None
        finally:
            connection.close()


def _claim(connection: sqlite3.Connection, digest: str, folder: Path) -> None:
    with connection:
        for table in _TABLES:
            connection.execute(table)
        row = connection.execute("SELECT digest FROM run").fetchone()
        if row is None:
            connection.execute("INSERT INTO run VALUES (?)", (digest,))
        elif row[0] != digest:
            words = "holds the counts of other circuits, shots, seeds or versions"
            raise RunFolderError(words, where=str(folder), hint="choose another folder, or repeat with the same ones")


def _digest(planned: Sequence[Planned]) -> str:
    """Return a digest of all that decides the counts."""
    found = hashlib.sha256(f"{version('qiskit')} {version('qiskit-aer')}".encode())
    for each in planned:
        found.update(f"{each.name} {each.shots} {each.seed} {each.masks} {len(each.qpy)} ".encode())
        found.update(each.qpy)
    return found.hexdigest()


def _check_sum(name: str, keys: bytes, numbers: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\0" + keys + b"\0" + numbers).digest()
