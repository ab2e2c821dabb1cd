"""Say which unknown of a scenario matters most for a figure, and so what to measure next.

key=low:high is unknown, any value between as likely; key=value holds for every run. With --cards, numbers of QPU cards
that state an uncertainty are unknown too. Morris's screening ranks the unknowns with few runs; --sobol N adds the share
of the variance that each explains. All points run under the same seeds, and the figure is their mean.

DIR gets ledger.sqlite, sensitivity.json and sensitivity.csv with every index, and the figure sensitivity.png. A study
that was stopped goes on when the same command is given again.
"""

from __future__ import annotations

import argparse
import shlex
from typing import TYPE_CHECKING

from qhpcsim.cli.output import say
from qhpcsim.cli.study_options import add_study_arguments, study_bar, workers_of

if TYPE_CHECKING:
    from qhpcsim.studies.sensitivity import Sensitivity


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the verb."""
    parser.add_argument("scenario", metavar="SCENARIO", help="name or path of a scenario")
    parser.add_argument("overrides", metavar="key=low:high", nargs="*", help="what is unknown; key=value is fixed")
    parser.add_argument("--figure", metavar="NAME", required=True, help="number of summary.json, by its dotted name")
    parser.add_argument("--cards", action="store_true", help="numbers of QPU cards with an uncertainty are unknown too")
    parser.add_argument("--trajectories", metavar="R", type=int, default=10, help="of Morris's screening (default 10)")
    parser.add_argument("--sobol", metavar="N", type=int, default=0, help="base points of Sobol's indices: 64, 256, …")
    parser.add_argument("--seeds", metavar="N", type=int, default=3, help="seeds for each point (default 3)")
    add_study_arguments(parser, "runs/NAME-sensitivity")


def execute(args: argparse.Namespace) -> int:
    """Run the verb and return the exit code."""
    from qhpcsim.studies.sensitivity import sensitivity

    workers = workers_of(args)
    with study_bar("varying", args.quiet) as progress:
        found = sensitivity(
            args.scenario, args.overrides, args.figure, args.cards, args.trajectories, args.sobol, args.seeds,
            args.out, workers, progress,
        )  # fmt: skip
    _tell(found, args)
    return 0


def _tell(found: Sensitivity, args: argparse.Namespace) -> None:
    from qhpcsim.cli.sensitivity_text import indices_table, next_options, sentences
    from qhpcsim.studies.sensitivity_files import ANSWER, PICTURE, TABLE

    if not args.quiet:
        say(f"{indices_table(found)}\n")
    say("\n".join(sentences(found)))
    if args.quiet:
        return
    names = (ANSWER, TABLE, PICTURE)
    say(f"\nresults     {', '.join(str(found.folder / name) for name in names)}")
    words = ["qhpcsim", "sensitivity", args.scenario, *args.overrides, "--figure", args.figure]
    words += ["--cards"] if args.cards else []
    words += ["--out", args.out] if args.out else []
    options, why = next_options(found, args.trajectories, args.sobol)
    say(f"\nnext:\n  {shlex.join([*words, *options])}  # {why}")
