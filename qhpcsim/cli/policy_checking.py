"""Say which promises a policy of yours keeps, and for each that it breaks the smallest example that shows it.

POLICY is a Python file as 'run --plugin' takes it, or a name from 'qhpcsim list policies', 'orders', 'disciplines',
'choices', 'placements' or 'cuttings'. Of a file everything that can be checked is.

Exit code 0: every promise is kept (warnings do not count); 1: one is broken; 2: the file cannot be used.
"""

from __future__ import annotations

import argparse
import textwrap
from typing import TYPE_CHECKING

from qhpcsim.cli.output import say, table
from qhpcsim.cli.progress import progress_bar

if TYPE_CHECKING:
    from qhpcsim.policy_checks.report import PolicyReport

_WIDTH = 110
_MARKS = {"passed": "✓ passed", "failed": "✗ failed", "warned": "! warned", "skipped": "– skipped"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the verb."""
    parser.add_argument("policy", metavar="POLICY", help="a plug-in file (.py), or the name of a registered policy")
    parser.add_argument("--kind", metavar="KIND", help="policy, order, discipline, qpu_choice, placement or cutting")
    parser.add_argument("--cases", metavar="N", type=int, default=30, help="workloads or questions (default: 30)")
    parser.add_argument("--timeout", metavar="TIME", default="10s", help="longest time for one case (default: 10s)")
    parser.add_argument("--no-processes", action="store_true", help="do not ask worker processes, too")
    parser.add_argument("--quiet", action="store_true", help="print only the result in one sentence, no progress")


def execute(args: argparse.Namespace) -> int:
    """Run the verb and return the exit code."""
    from qhpcsim.core.units import seconds
    from qhpcsim.policy_checks.checking import check_policy

    limit_s = seconds(args.timeout, "--timeout")
    with progress_bar("checking", not args.quiet) as progress:
        report = check_policy(
            args.policy,
            args.kind,
            n_cases=args.cases,
            limit_s=limit_s,
            processes=not args.no_processes,
            progress=progress,
        )
    say(report.sentence if args.quiet else report_text(report))
    return 0 if report.ok else 1


def report_text(report: PolicyReport) -> str:
    """Return a table for each policy, what failed and what is worth knowing, and one sentence."""
    parts = []
    for name in report.policies:
        rows = [row for row in report.rows if row.policy == name]
        parts.append(
            table([[row.check, _MARKS[row.verdict], row.promise] for row in rows], (name, "", ""), right=False)
        )
        parts += [_finding(row.check, row.finding, row.example) for row in rows if row.verdict in ("failed", "warned")]
    return "\n\n".join([*parts, report.sentence])


def _finding(check: str, finding: str, example: str) -> str:
    lines = textwrap.wrap(f"{check}: {finding}", _WIDTH, subsequent_indent="  ")
    if example:
        lines += textwrap.wrap(f"smallest example: {example}", _WIDTH, initial_indent="  ", subsequent_indent="    ")
    return "\n".join(lines)
