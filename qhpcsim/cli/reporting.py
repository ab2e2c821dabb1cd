"""Draw report.html of a run folder, or of the folder of a plan, again; --pdf prints it to report.pdf as well."""

from __future__ import annotations

import argparse
from pathlib import Path

from qhpcsim.cli.folder import PLAN, REPORT, check_run
from qhpcsim.cli.output import say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the verb."""
    parser.add_argument("folder", metavar="DIR", help="run folder, or folder of a plan")
    parser.add_argument("--out", metavar="FILE", help="where to (default: DIR/report.html)")
    parser.add_argument("--pdf", action="store_true", help="print the page to a PDF beside it, with Chromium or Chrome")


def execute(args: argparse.Namespace) -> int:
    """Run the verb and return the exit code."""
    from qhpcsim.report import write_capacity_report, write_report

    folder = Path(args.folder)
    path = Path(args.out) if args.out else folder / REPORT
    if (folder / PLAN).is_file():
        write_capacity_report(folder, path)
    else:
        check_run(folder)
        write_report(folder, path)
    say(f"report      {path}")
    if args.pdf:
        from qhpcsim.report.print_page import print_page

        say(f"printed     {print_page(path)}")
    return 0
