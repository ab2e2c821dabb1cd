"""What the tests of faults share: lives of a command that are ended at any moment, and what they leave behind."""

import multiprocessing
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

POINTS = ["workload=poisson", "facility.nodes=8", "workload.n_jobs=40"]
AXES = ["policy=fcfs,easy", "workload.load=0.5,0.9"]
N_SEEDS = 10
N_RUNS = 4 * N_SEEDS
LEDGER, RESULTS = "ledger.sqlite", "results.csv"
MARKS = ("", "ledger.lock", LEDGER, f"{LEDGER}-wal", "results.csv.part", RESULTS)
"""What a sweep's folder gets, in order; the first is the folder itself."""
TOLD_S = 30.0
"""No answer for so long is a hang."""


def words(folder: Path, *more: str) -> list[str]:
    """Return the arguments of the sweep that is harmed."""
    return ["sweep", "replay", *POINTS, *AXES, "--seeds", str(N_SEEDS), "--out", str(folder), *more]


def command(arguments: list[str], **options) -> subprocess.Popen[str]:
    """Start the real command line in a process group of its own."""
    started = [sys.executable, "-m", "qhpcsim", *arguments]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(started, start_new_session=True, **pipes, **options)


def told(process: subprocess.Popen[str], timeout_s: float = 10 * TOLD_S) -> tuple[int, str, str]:
    """Return exit code, output and errors of a command that ends by itself."""
    output, errors = process.communicate(timeout=timeout_s)
    return process.returncode, output, errors


class Life:
    """One life of a command in a process that was forked with everything imported.

    Args:
        arguments: Of the command.
        gate: What it waits for before it begins, such as a barrier.
    """

    def __init__(self, arguments: list[str], gate=None) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["tests.studies.warm"])
        self._process = context.Process(target=_live, args=(arguments, gate))
        self._process.start()

    def alive(self) -> bool:
        """Return whether it goes on."""
        return self._process.exitcode is None

    def kill(self) -> bool:
        """End it and all its children with SIGKILL; return whether it was still alive."""
        pid = self._process.pid
        for end in (os.killpg, os.kill):  # the second: it has no group of its own yet
            with suppress(ProcessLookupError, PermissionError):
                end(pid, signal.SIGKILL)
        return self.end() == -signal.SIGKILL

    def end(self) -> int:
        """Return its exit code when it has ended."""
        self._process.join(10 * TOLD_S)
        assert self._process.exitcode is not None, "it hangs"
        return self._process.exitcode


def _live(arguments: list[str], gate) -> None:
    os.setsid()
    silence = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(silence, stream)
    from qhpcsim.cli import main

    if gate is not None:
        gate.wait()
    sys.exit(main(arguments))


@dataclass
class Moments:
    """When lives are ended: at any time of a life, or just after something appears in the folder.

    Args:
        rng: Of the test.
        life_s: How long a life takes that is left alone.
        marks: What may appear.
    """

    rng: np.random.Generator
    life_s: float
    marks: tuple[str, ...] = MARKS
    seen: dict[str, int] = field(default_factory=dict)
    """Furthest thing in the folder when a life was ended -> how often."""

    def wait(self, folder: Path, alive) -> None:
        """Return when the life is to be ended, or has ended by itself."""
        began_s = time.monotonic()
        limit_s, mark = float(self.rng.uniform(0.0, self.life_s)), None
        if self.rng.random() < 0.5:
            limit_s, mark = 4.0 * self.life_s, folder / str(self.rng.choice(self.marks))
        more_s = float(self.rng.exponential(0.02 * self.life_s))
        while alive() and time.monotonic() - began_s < limit_s:
            if mark is not None and mark.exists():
                time.sleep(more_s)
                return

    def note(self, folder: Path) -> None:
        """Count how far a life got that was ended."""
        there = [mark or "folder" for mark in self.marks if (folder / mark).exists()]
        furthest = there[-1] if there else "nothing"
        self.seen[furthest] = self.seen.get(furthest, 0) + 1


def recorded(folder: Path) -> dict[str, tuple]:
    """Return what the ledger holds: key -> its row; a key that is there twice is a fault.

    Reads a copy: who opens the ledger itself mends it.
    """
    if not (folder / LEDGER).exists():
        return {}
    with tempfile.TemporaryDirectory() as copy:
        for suffix in ("", "-wal", "-journal"):
            with suppress(FileNotFoundError):
                shutil.copy(folder / f"{LEDGER}{suffix}", copy)
        with closing(sqlite3.connect(Path(copy) / LEDGER)) as db:
            if not db.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0]:
                return {}
            rows = db.execute("SELECT key, state, seconds, worker, figures FROM runs").fetchall()
    assert len({row[0] for row in rows}) == len(rows), "a run is recorded twice"
    return {row[0]: row[1:] for row in rows}


def check_against(folder: Path, gold: Path, before: dict[str, tuple], name: str = RESULTS) -> None:
    """Check that a study that went on ended as the one that was left alone, and kept what it had."""
    after = recorded(folder)
    assert (folder / name).read_bytes() == (gold / name).read_bytes()
    assert set(after) == set(recorded(gold))
    assert {key: after[key] for key in before} == before, "a finished run was run again"
