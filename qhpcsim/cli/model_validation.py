"""Execute a sample of a run's tasks on this machine (or a Dask cluster) and compare measured with predicted times.

RUN is a run folder with a tasks.csv; --tasks-file names any table with columns such as circuit, kind, device_class,
shots, observable, motif. A circuit is family:n:params (qhpcsim list circuit_families) or an OpenQASM file beside the
table. Writes validation.csv and validation.html into RUN, or into --out.
"""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from qhpcsim.cli.output import say, table
from qhpcsim.cli.progress import progress_bar, show_notices
from qhpcsim.core.errors import ConfigError, RunFolderError

if TYPE_CHECKING:
    from qhpcsim.execution.validation import Validation, ValidationOptions

TASKS, CSV, PAGE = "tasks.csv", "validation.csv", "validation.html"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the verb."""
    parser.add_argument("run", metavar="RUN", nargs="?", help="run folder with a tasks.csv")
    parser.add_argument("--tasks-file", metavar="FILE", help="table of tasks in place of a run's")
    parser.add_argument("--card", metavar="NAME", default="", help="card whose model predicts; else the table does")
    parser.add_argument("--tasks", metavar="N", type=int, default=40, help="tasks to execute (default 40)")
    parser.add_argument("--budget", metavar="TIME", default="10m", help="longest time for all of it (default 10m)")
    parser.add_argument("--timeout", metavar="TIME", help="longest time for one task (default: budget / 4)")
    parser.add_argument("--engine", metavar="NAME", default="processes", help="processes (default), serial or dask")
    parser.add_argument("--workers", metavar="N", type=int, help="tasks at a time (default: half the cores)")
    parser.add_argument("--scheduler", metavar="ADDRESS", default="", help="Dask: HOST:PORT, or slurm, pbs, lsf …")
    parser.add_argument("--seed", metavar="N", type=int, default=0, help="decides the sample and the shots (default 0)")
    parser.add_argument("--out", metavar="DIR", help="where to write (default: RUN)")


def execute(args: argparse.Namespace) -> int:
    """Run the verb and return the exit code."""
    path, out = _places(args)
    options = _options(args)
    from qhpcsim.execution import findings
    from qhpcsim.execution.forecast import open_judged
    from qhpcsim.execution.validation import validate
    from qhpcsim.results.tasks_read import read_tasks_csv

    show_notices()
    judged = open_judged(args.card) if args.card else None
    tasks = read_tasks_csv(path)
    with progress_bar("executing") as progress:
        found = validate(tasks, options, path.parent, judged, progress=progress)
    rows = [findings.row(label, each) for _, group in findings.groups(found, args.seed) for label, each in group]
    say(table(rows, findings.HEAD))
    say(f"\n{findings.sentence(found, args.seed)}")
    say(findings.checked_sentence(found, args.card))
    _write(found, args, options, out)
    say(f"\ntable       {out / CSV}\nreport      {out / PAGE}")
    say(f"\nnext:\n  {_next(args, found)}")
    return 0


def _places(args: argparse.Namespace) -> tuple[Path, Path]:
    """Return the table of tasks and the folder to write into.

    Raises:
        ConfigError: if neither or both are named.
        RunFolderError: if the run has no table, or the folder to write into is a file.
    """
    if (args.run is None) == (args.tasks_file is None):
        raise ConfigError(
            "which tasks to execute is not said" if args.run is None else "both RUN and --tasks-file are given",
            where="validate-models",
            allowed="RUN, or --tasks-file FILE",
            hint="qhpcsim validate-models --help",
        )
    path = Path(args.tasks_file) if args.run is None else Path(args.run) / TASKS
    if not path.is_file():
        hint = "a run whose workload has tasks writes one; or give a table by --tasks-file"
        raise RunFolderError(f"no {path.name} there", where=str(path.parent), hint=hint)
    out = Path(args.out) if args.out else path.parent
    if out.exists() and not out.is_dir():
        raise RunFolderError("is a file, not a folder", where=str(out), hint="choose another --out")
    return path, out


def _options(args: argparse.Namespace) -> ValidationOptions:
    from qhpcsim.core.units import seconds
    from qhpcsim.execution.validation import ValidationOptions

    if args.tasks < 1:
        raise ConfigError(f"{args.tasks}", where="--tasks", allowed="1 or more")
    if args.seed < 0:
        raise ConfigError(f"{args.seed}", where="--seed", allowed="0 or more")
    budget_s = seconds(args.budget, "--budget")
    timeout_s = None if args.timeout is None else seconds(args.timeout, "--timeout")
    for name, value in (("--budget", budget_s), ("--timeout", timeout_s)):
        if value is not None and value <= 0:
            raise ConfigError("no time at all", where=name, allowed="more than 0 s")
    return ValidationOptions(args.tasks, budget_s, args.seed, args.engine, args.workers, args.scheduler, timeout_s)


def _write(found: Validation, args: argparse.Namespace, options: ValidationOptions, out: Path) -> None:
    from qhpcsim.execution.validation_files import write_validation

    out.mkdir(parents=True, exist_ok=True)
    write_validation(found, out / CSV, out / PAGE, args.card, options)


def _next(args: argparse.Namespace, found: Validation) -> str:
    """Return the command to try next."""
    if not args.card:
        return "qhpcsim calibrate cpu  # a card of this machine; then: qhpcsim validate-models … --card CARD"
    source = [args.run] if args.run is not None else ["--tasks-file", args.tasks_file]
    words = ["qhpcsim", "validate-models", *source, "--card", args.card, "--seed", str(args.seed + 1)]
    return f"{shlex.join(words)}  # another sample"
