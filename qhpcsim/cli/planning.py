"""Find the cheapest facility that meets its constraints, with as few simulations as it takes.

STUDY.yaml says what may be bought at which price, what must hold, and what is to be little; docs/planning.md explains
it line by line. The prices are yours. The search stops looking at a point as soon as it is decided; the plan that it
finds is confirmed on seeds that played no part in finding it.

DIR gets ledger.sqlite, plan.json, points.csv and report.html, a page for those who decide. A plan that was stopped goes
on when the same command is given again.
"""

from __future__ import annotations

import argparse
import shlex
from typing import TYPE_CHECKING

from qhpcsim.cli.folder import REPORT, clear
from qhpcsim.cli.output import say
from qhpcsim.cli.study_options import add_study_arguments, study_bar, workers_of

if TYPE_CHECKING:
    from qhpcsim.studies.plan import Plan


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the verb."""
    parser.add_argument("study", metavar="STUDY.yaml", help="what may be bought, what must hold")
    add_study_arguments(parser, "runs/NAME-plan")
    parser.add_argument("--no-report", action="store_true", help="do not write report.html")


def execute(args: argparse.Namespace) -> int:
    """Run the verb and return the exit code: 1 if runs were lost."""
    from qhpcsim.studies.plan import plan

    workers = workers_of(args)
    with study_bar("planning", args.quiet) as progress:
        answer = plan(args.study, args.out, workers, progress)
    clear(answer.folder)
    if not args.no_report:
        from qhpcsim.report import write_capacity_report

        write_capacity_report(answer.folder, answer.folder / REPORT)
    _tell(answer, args)
    return 1 if answer.lost else 0


def _tell(answer: Plan, args: argparse.Namespace) -> None:
    from qhpcsim.cli.plan_text import (
        constraints_table,
        frontier_table,
        growth_table,
        next_step,
        plan_table,
        uncertain_table,
    )
    from qhpcsim.studies.plan_files import ANSWER, POINTS
    from qhpcsim.studies.plan_words import sentences

    if not args.quiet:
        tables = (plan_table, constraints_table, frontier_table, growth_table, uncertain_table)
        for text in filter(None, (table(answer) for table in tables)):
            say(f"{text}\n")
    say("\n".join(sentences(answer)))
    if answer.lost:
        say(f"\n{len(answer.lost):,} runs were lost; the first: {answer.lost[0]}")
    if answer.n_damaged:
        say(f"\n{answer.n_damaged:,} damaged records were found and their runs made anew.")
    if args.quiet:
        return
    say(f"\nresults     {answer.folder / ANSWER}, {answer.folder / POINTS}")
    if not args.no_report:
        say(f"report      {answer.folder / REPORT}")
    again = shlex.join(["qhpcsim", "plan", args.study, *(["--out", args.out] if args.out else [])])
    say(f"\nnext:\n  {next_step(answer, again)}")
    say(f"  {shlex.join(['qhpcsim', 'report', str(answer.folder), '--pdf'])}  # the report on paper; needs Chromium")
