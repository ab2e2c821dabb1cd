"""Compare what happens from a moment on if something is changed then, and if not.

  qhpcsim whatif TRACE --at 3d4h --add nodes=16 --set policy=easy --remove nodes=8:2h
  qhpcsim whatif hybrid_loop --at 1h --add qpu=1 --seeds 20

TRACE is a workload file (SWF, sacct, Batsim, table; replayed under EASY unless policy=… says else) or the name or file
of a scenario. Up to TIME all futures are the same run to the last byte; no scheduler knows of a change before it
comes. Every --add, --remove and --set is a future of its own; --together makes them one, --future 'NAME: add nodes=16,
set policy=easy' names one. Drained nodes go as soon as they are idle; running jobs finish.

--add nodes=N | PARTITION=N | qpu=N | qpu.NAME=N     --remove nodes=N[:TIME] | PARTITION=N[:TIME]
--set policy=NAME | policy.KEY=VALUE | workload.overrun=extend (no more kills at the requested time)
"""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from qhpcsim.cli.output import say
from qhpcsim.cli.plugin_option import add_plugin_argument, import_plugins
from qhpcsim.cli.progress import runs_bar, show_notices
from qhpcsim.cli.study_options import terminable

if TYPE_CHECKING:
    from qhpcsim.studies.whatif import WhatIf


class _Step(argparse.Action):
    """Collects --add, --remove and --set in the order in which they are given."""

    def __call__(self, parser, namespace, values, option_string=None):  # type: ignore[no-untyped-def]
        """Add one step."""
        taken = getattr(namespace, "steps", None) or []
        namespace.steps = [*taken, f"{(option_string or '').lstrip('-')} {values}"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the verb."""
    parser.add_argument("source", metavar="TRACE | SCENARIO", help="workload file, or name or path of a scenario")
    parser.add_argument("overrides", metavar="key=value", nargs="*", help="changes to the scenario from the beginning")
    parser.add_argument("--at", metavar="TIME", help="the moment: seconds or 3d4h from the beginning, or a date")
    for verb, what in (("add", "nodes or QPUs"), ("remove", "nodes, for good or for a time"), ("set", "policy")):
        parser.add_argument(f"--{verb}", metavar="KEY=VALUE", action=_Step, dest="steps", help=f"{what} (repeatable)")
    parser.add_argument("--future", metavar="TEXT", action="append", default=[], help="'NAME: add nodes=16, set …'")
    parser.add_argument("--together", action="store_true", help="--add, --remove and --set make one future")
    parser.add_argument("--until", metavar="TIME", help="leave out jobs that come later")
    parser.add_argument("--seeds", metavar="N", type=int, default=1, help="runs of generated jobs, for intervals")
    parser.add_argument("--out", metavar="DIR", help="write every future's tables, whatif.json and a figure")
    parser.add_argument("--json", action="store_true", help="print the answer as JSON")
    parser.add_argument("--quiet", action="store_true", help="print only the answer, no progress")
    add_plugin_argument(parser)


def execute(args: argparse.Namespace) -> int:
    """Run the verb and return the exit code."""
    from qhpcsim.core.errors import StudyError
    from qhpcsim.studies.whatif import whatif

    import_plugins(args)
    if args.at is None:
        raise StudyError("the moment is not said", where="whatif", allowed="--at TIME", hint="for example --at 3d4h")
    silent = args.quiet or args.json
    if not silent:
        show_notices()
    with terminable(), runs_bar("simulating", not silent) as progress:
        answer = whatif(
            args.source, args.at, _futures(args), overrides=args.overrides, until=args.until, seeds=args.seeds,
            out=args.out, progress=progress,
        )  # fmt: skip
    _tell(answer, args)
    return 0


def _futures(args: argparse.Namespace) -> list[str]:
    """Return the futures that the options ask for."""
    steps: list[str] = args.steps or []
    return [*([", ".join(steps)] if args.together and steps else steps), *args.future]


def _tell(answer: WhatIf, args: argparse.Namespace) -> None:
    from qhpcsim.cli.whatif_text import differences_text, futures_table, next_step, sentences
    from qhpcsim.studies.whatif_files import ANSWER, FIGURE, FUTURES, as_json

    if args.json:
        say(json.dumps(as_json(answer), indent=2, ensure_ascii=False))
        return
    if not args.quiet:
        say(futures_table(answer) + "\n")
        if answer.differences:
            say(differences_text(answer) + "\n")
    say("\n".join(sentences(answer)))
    if args.quiet:
        return
    if answer.folder is not None:
        say(f"\nresults     {answer.folder / ANSWER}, {answer.folder / FUTURES}, {answer.folder / FIGURE}")
    say(f"\nnext:\n  {next_step(answer, args)}")
