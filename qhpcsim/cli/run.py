"""Simulate a scenario: a table, one sentence that answers its question, a run folder and a report.

SCENARIO is a name from 'qhpcsim list scenarios' or a path to a YAML file. key=value changes one thing of it:
policy=easy, policy.depth=7, facility.nodes=100, workload=lublin, workload.path=FILE, seed=3, baseline=fcfs …
QPUs: qpu=ibm_cloud, qpu.discipline=fair_share, qpu.qpus.NAME.card=CARD, qpu_workload=stream, workload=none …
Applications: middleware=dask, middleware.binding=early, workload.n_applications=50, workload.share.vqe.weight=4 …

The run folder is runs/NAME unless --out says otherwise. An earlier run in it is replaced; a folder that holds
anything else is refused.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qhpcsim.cli.folder import claimed, clear
from qhpcsim.cli.headline import headline
from qhpcsim.cli.next_steps import next_steps
from qhpcsim.cli.output import say
from qhpcsim.cli.plugin_option import add_plugin_argument, import_plugins
from qhpcsim.cli.progress import progress_bar, show_notices

if TYPE_CHECKING:
    from qhpcsim.scenario import Scenario


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the verb."""
    parser.add_argument("scenario", metavar="SCENARIO", help="name or path of a scenario")
    parser.add_argument("overrides", metavar="key=value", nargs="*", help="changes to the scenario")
    parser.add_argument("--seed", metavar="N", help="root seed, same as seed=N")
    parser.add_argument("--out", metavar="DIR", help="run folder (default: runs/NAME)")
    parser.add_argument("--parquet", action="store_true", help="write each table as Parquet, too")
    parser.add_argument("--no-report", action="store_true", help="do not draw report.html")
    parser.add_argument("--quiet", action="store_true", help="print only the run folder, no progress")
    add_plugin_argument(parser)


def execute(args: argparse.Namespace) -> int:
    """Run the verb and return the exit code."""
    from qhpcsim.config import load

    import_plugins(args)
    if args.parquet:
        from qhpcsim.results.parquet import check_parquet

        check_parquet()
    if not args.quiet:
        show_notices()
    overrides = [*args.overrides, *([f"seed={args.seed}"] if args.seed is not None else [])]
    scenario = load(args.scenario, overrides)
    with claimed(args.out or f"runs/{scenario.name}") as out:
        result = _simulate(scenario, args)
        if not args.quiet:
            say(headline(scenario, result))
        clear(out)
        result.write(out)
    if args.parquet:
        from qhpcsim.results.parquet import write_run_parquet

        write_run_parquet(out)
    say(str(out) if args.quiet else f"\nrun folder  {out}")
    if not args.no_report:
        _report(result, out, args.quiet)
    if not args.quiet:
        say(next_steps(args, out, scenario, result))
    return 0


def _simulate(scenario: Scenario, args: argparse.Namespace) -> Any:
    """Return the result; an error out of a plug-in names its line."""
    from qhpcsim.core.plugins import blame
    from qhpcsim.simulation import simulate

    try:
        with progress_bar("simulating", not args.quiet) as progress:
            return simulate(scenario, progress=progress)
    except Exception as error:
        for path in args.plugin:
            if (mistake := blame(error, path)) is not None:
                raise mistake from error
        raise


def _report(result: Any, out: Path, quiet: bool) -> None:
    from qhpcsim.report import write_report

    path = out / "report.html"
    write_report(result, path)
    if not quiet:
        say(f"report      {path}")
