"""A progress bar for anything that takes longer than two seconds, on standard error."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

DELAY_S = 2.0


@contextmanager
def progress_bar(label: str, wanted: bool = True) -> Iterator[Callable[[float], None] | None]:
    """Yield a function that takes the fraction done, or None where nobody would see the bar."""
    with _bar(label, wanted) as bar:
        yield None if bar is None else bar.update


@contextmanager
def runs_bar(label: str, wanted: bool = True) -> Iterator[Callable[[int, int], None] | None]:
    """Yield a function that takes how many of how many runs ended; the bar shows their rate and the time left."""
    with _bar(label, wanted) as bar:
        yield None if bar is None else bar.count


@contextmanager
def _bar(label: str, wanted: bool) -> Iterator[_Bar | None]:
    if not wanted or not sys.stderr.isatty():
        yield None
        return
    bar = _Bar(label)
    try:
        yield bar
    finally:
        bar.close()


def show_notices() -> None:
    """Let qhpcsim's own log messages, such as a wait for the compiler, appear on standard error."""
    log = logging.getLogger("qhpcsim")
    if not log.handlers:
        log.addHandler(logging.StreamHandler())
    log.setLevel(logging.INFO)


class _Bar:
    """Draws nothing, and imports nothing, before ``DELAY_S``."""

    def __init__(self, label: str) -> None:
        self.label, self.began_s = label, time.monotonic()
        self.bar: Any = None
        self.task: Any = None

    def update(self, fraction: float, words: str = "") -> None:
        if self.bar is None:
            if time.monotonic() - self.began_s < DELAY_S:
                return
            from rich.console import Console
            from rich.progress import Progress, TextColumn

            columns = (*Progress.get_default_columns(), TextColumn("{task.fields[words]}"))
            self.bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self.bar.start()
            self.task = self.bar.add_task(self.label, total=1.0, words="")
        self.bar.update(self.task, completed=min(max(fraction, 0.0), 1.0), words=words)

    def count(self, n_done: int, n_all: int) -> None:
        elapsed_s = time.monotonic() - self.began_s
        self.update(n_done / n_all if n_all else 1.0, f"{n_done:,} of {n_all:,}, {n_done / elapsed_s:.3g} runs/s")

    def close(self) -> None:
        if self.bar is not None:
            self.bar.stop()
