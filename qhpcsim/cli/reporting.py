"""Draw report.html of a run folder again."""

from __future__ import annotations

import argparse
from pathlib import Path

from qhpcsim.cli.folder import check_run
from qhpcsim.cli.output import say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the verb."""
    parser.add_argument("run", metavar="RUN", help="run folder")
    parser.add_argument("--out", metavar="FILE", help="where to (default: RUN/report.html)")


def execute(args: argparse.Namespace) -> int:
    """Run the verb and return the exit code."""
    folder = Path(args.run)
    check_run(folder)
    from qhpcsim.report import write_report

    path = Path(args.out) if args.out else folder / "report.html"
    write_report(folder, path)
    say(f"report      {path}")
    return 0
