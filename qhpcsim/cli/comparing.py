"""Say what differs between points of one scenario, or between two runs, and how sure that is.

  qhpcsim compare SCENARIO policy=fcfs,easy [key=value …] --seeds 20   the second value against the first
  qhpcsim compare RUN_A RUN_B                                          two run folders: without intervals

Both points of a pair run under the same seeds; the intervals are those of the paired differences.
"""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from qhpcsim.cli.output import say
from qhpcsim.cli.study_options import add_study_arguments, study_bar, workers_of

if TYPE_CHECKING:
    from qhpcsim.studies.compare import Comparison


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the verb."""
    parser.add_argument("scenario", metavar="SCENARIO | RUN_A", help="name or path of a scenario, or a run folder")
    parser.add_argument("overrides", metavar="key=value | RUN_B", nargs="*", help="changes; a,b,c is compared")
    parser.add_argument("--seeds", metavar="N", type=int, default=20, help="seeds for each point (default 20)")
    parser.add_argument("--metric", metavar="NAME", action="append", default=[], help="figure; may be repeated")
    parser.add_argument("--by", metavar="CLASS", default="", help="by class too: size_class, partition, motif, …")
    parser.add_argument("--level", metavar="P", type=float, default=0.95, help="of the intervals (default 0.95)")
    parser.add_argument("--interval", metavar="NAME", default="both", help="both (t and hall, default), t, hall or bca")
    parser.add_argument("--steady", action="store_true", help="mean waits with the warm-up cut off (MSER-5)")
    parser.add_argument("--until-half-width", metavar="W", default="", help="add seeds until then: 2%% or a number")
    add_study_arguments(parser, "runs/NAME-compare")


def execute(args: argparse.Namespace) -> int:
    """Run the verb and return the exit code: 1 if some run has no result."""
    if Path(args.scenario).is_dir():
        return _two_runs(args)
    from qhpcsim.studies.compare import compare

    workers = workers_of(args)
    with study_bar("comparing", args.quiet) as progress:
        seen = compare(
            args.scenario, args.overrides, args.seeds, args.metric, args.by, args.level, args.interval,
            args.steady, args.until_half_width, args.out, workers, progress,
        )  # fmt: skip
    _tell(seen, args)
    return 0 if seen.found.complete else 1


def _tell(seen: Comparison, args: argparse.Namespace) -> None:
    from qhpcsim.cli.compare_text import differences_table, sentences
    from qhpcsim.cli.sweeping import notes
    from qhpcsim.studies.sweep import RESULTS

    if not args.quiet:
        say(differences_table(seen) + "\n")
    say("\n".join(sentences(seen)))
    for note in notes(seen.found):
        say(f"\n{note}")
    if args.quiet:
        return
    say(f"\nresults     {seen.found.folder / RESULTS}")
    first = seen.differences[0]
    if not first.settled and first.n_needed is not None and first.n_needed > len(seen.found.grid.seeds):
        words = ["qhpcsim", "compare", args.scenario, *args.overrides, "--seeds", str(first.n_needed)]
        words += ["--out", args.out] if args.out else []
        say(f"\nnext:\n  {shlex.join(words)}  # goes on with the seeds that are there")


def _two_runs(args: argparse.Namespace) -> int:
    """Compare two run folders: one run each, so there is no interval."""
    from qhpcsim.cli.compare_text import runs_table
    from qhpcsim.core.errors import StudyError
    from qhpcsim.results.run_folder import RunFolder

    if len(args.overrides) != 1 or not Path(args.overrides[0]).is_dir():
        raise StudyError("which run to compare with is not said", where="compare", hint="qhpcsim compare RUN_A RUN_B")
    folders = [RunFolder.read(path) for path in (args.scenario, args.overrides[0])]
    say(runs_table([args.scenario, args.overrides[0]], [folder.summary for folder in folders], args.metric))
    say("\nOne run each: nothing is known of how much of this is chance.")
    say("\nnext:\n  qhpcsim compare SCENARIO key=a,b --seeds 20  # the same question under 20 seeds, with intervals")
    return 0
