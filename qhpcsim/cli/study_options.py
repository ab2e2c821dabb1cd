"""What the verbs that simulate many runs have in common: where they run, and how they are stopped."""

from __future__ import annotations

import argparse
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from qhpcsim.cli.output import complain
from qhpcsim.cli.plugin_option import add_plugin_argument, import_plugins
from qhpcsim.cli.progress import runs_bar, show_notices

if TYPE_CHECKING:
    from qhpcsim.studies.simulating import Workers


def add_study_arguments(parser: argparse.ArgumentParser, folder: str) -> None:
    """Declare where runs are simulated and recorded.

    Args:
        parser: Of the verb.
        folder: Its default folder, for the help text.
    """
    parser.add_argument("--engine", metavar="NAME", default="processes", help="processes (default), serial or dask")
    parser.add_argument("--workers", metavar="N", type=int, help="runs at a time (default: one for each core)")
    parser.add_argument("--scheduler", metavar="ADDRESS", default="", help="Dask: HOST:PORT, or slurm, pbs, lsf …")
    parser.add_argument("--timeout", metavar="TIME", help="longest time for one run (default: none)")
    parser.add_argument("--out", metavar="DIR", help=f"folder (default: {folder})")
    parser.add_argument("--quiet", action="store_true", help="print no more than is needed, no progress")
    add_plugin_argument(parser)


def workers_of(args: argparse.Namespace) -> Workers:
    """Return where runs are simulated; plug-ins are imported here, too.

    Raises:
        PluginError: if a plug-in cannot be loaded.
        ConfigError: if the time limit is no duration.
    """
    from qhpcsim.core.units import seconds
    from qhpcsim.studies.simulating import Workers

    import_plugins(args)
    timeout_s = None if args.timeout is None else seconds(args.timeout, "--timeout")
    return Workers(args.engine, args.workers, args.scheduler, tuple(args.plugin), timeout_s)


@contextmanager
def study_bar(label: str, quiet: bool) -> Iterator[Callable[[int, int], None] | None]:
    """Yield what shows progress; a request to end is answered in words, and what was recorded stays.

    SIGTERM ends the command with code 143, Ctrl-C with 130.
    """
    if not quiet:
        show_notices()
    with terminable():
        try:
            with runs_bar(label, not quiet) as progress:
                yield progress
        except (KeyboardInterrupt, SystemExit):
            complain("stopped; the runs that ended are recorded\n  next: give the same command again to go on")
            raise


@contextmanager
def terminable() -> Iterator[None]:
    """Turn a request to end (SIGTERM) into ``SystemExit`` with code 143, so that folders are left in order."""

    def end(_number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + signal.SIGTERM)

    try:
        before = signal.signal(signal.SIGTERM, end)
    except ValueError:  # not the main thread: whoever runs us decides
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
