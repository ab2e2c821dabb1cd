"""Simulate a scenario for every combination of values under several seeds.

SCENARIO is a name from 'qhpcsim list scenarios' or a path to a YAML file. key=a,b,c and key=range(1,9) are swept,
key=value holds for every run, key=[a,b] is one list. All points run under the same seeds (common random numbers).

DIR gets ledger.sqlite, in which every run is recorded when it ends, and results.csv with one row a run. A sweep that
was stopped goes on when the same command is given again; more --seeds go on, too.
"""

from __future__ import annotations

import argparse
import shlex
from typing import TYPE_CHECKING

from qhpcsim.cli.output import say
from qhpcsim.cli.plugin_option import plugin_words
from qhpcsim.cli.study_options import add_study_arguments, study_bar, workers_of

if TYPE_CHECKING:
    from qhpcsim.studies.sweep import Sweep


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the verb."""
    parser.add_argument("scenario", metavar="SCENARIO", help="name or path of a scenario")
    parser.add_argument("overrides", metavar="key=value", nargs="*", help="changes to the scenario; a,b,c is swept")
    parser.add_argument("--seeds", metavar="N", type=int, help="seeds for each point (default 1)")
    parser.add_argument("--metric", metavar="NAME", action="append", default=[], help="figure to show; may be repeated")
    parser.add_argument("--parquet", action="store_true", help="write results.parquet, too")
    add_study_arguments(parser, "runs/NAME-sweep")


def execute(args: argparse.Namespace) -> int:
    """Run the verb and return the exit code: 1 if some run has no result."""
    from qhpcsim.studies.sweep import sweep

    if args.parquet:
        from qhpcsim.results.parquet import check_parquet

        check_parquet()
    workers = workers_of(args)
    with study_bar("sweeping", args.quiet) as progress:
        found = sweep(args.scenario, args.overrides, args.seeds, args.out, workers, progress=progress)
    if args.parquet:
        from qhpcsim.results.parquet import write_parquet
        from qhpcsim.studies.sweep import RESULTS

        write_parquet(found.folder / RESULTS, [axis.key for axis in found.grid.axes])
    if args.quiet:
        say(str(found.folder))
    else:
        _tell(found, args)
    return 0 if found.complete else 1


def _tell(found: Sweep, args: argparse.Namespace) -> None:
    from qhpcsim.cli.sweep_text import sweep_metrics, sweep_sentence, sweep_table
    from qhpcsim.studies.sweep import RESULTS

    if found.rows:
        metrics = sweep_metrics(found, args.metric)
        say(sweep_table(found, metrics))
        say(f"\n{sweep_sentence(found, metrics[0])}")
    for note in notes(found):
        say(f"\n{note}")
    say(f"\nresults     {found.folder / RESULTS}")
    if not found.complete:
        say(f"\nnext:\n  {_again(args, args.seeds)}  # tries the runs without a result again")
    elif len(found.grid.seeds) < 3:
        say(f"\nnext:\n  {_again(args, 20)}  # more seeds, for intervals")


def notes(found: Sweep) -> list[str]:
    """Return what the reader must know of runs that were kept, made anew, failed or lost."""
    notes = []
    if found.n_kept:
        notes.append(f"{found.n_kept:,} of {found.grid.n_runs:,} runs were there already.")
    if found.n_damaged:
        notes.append(f"{found.n_damaged:,} damaged records were found and their runs made anew.")
    if found.failed:
        run, error = found.failed[0]
        place = " ".join(f"{key}={value}" for key, value in found.choices(run).items())
        notes.append(f"{len(found.failed):,} runs failed; the first at {place} seed={run.seed}: {error}")
    if found.lost:
        notes.append(f"{len(found.lost):,} runs were lost; the first: {found.lost[0]}")
    return notes


def _again(args: argparse.Namespace, n_seeds: int | None) -> str:
    words = ["qhpcsim", "sweep", args.scenario, *args.overrides]
    words += ["--seeds", str(n_seeds)] if n_seeds is not None else []
    words += ["--out", args.out] if args.out else []
    words += ["--parquet"] if args.parquet else []
    words += plugin_words(args)
    return shlex.join(words)
