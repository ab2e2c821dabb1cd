"""Measure what this machine takes, and write a card for predict statevector or cut plan.

cpu: runs a designed set of circuits on Qiskit Aer
gpu: times gate kernels of all sizes on an NVIDIA GPU
cutting: runs a designed set of cut and whole circuits through the cutting pipeline

Fits the card, prints the errors of what the fit has not seen, and writes the card and its raw rows. Run it on a
machine that does nothing else.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from qhpcsim.cli import calibrate_cutting, calibrate_gpu
from qhpcsim.cli.calibrate_files import keep
from qhpcsim.cli.output import say, table
from qhpcsim.core.errors import ConfigError
from qhpcsim.core.units import seconds

if TYPE_CHECKING:
    from qhpcsim.execution.calibrate import Calibration
    from qhpcsim.models.statevector_fit import HeldOut

DEVICES = ("cpu", "gpu", "cutting")
GOAL = 0.12
"""Largest held-out error that a card should have."""
COVERED = (0.85, 0.95)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the verb."""
    parser.add_argument("what", metavar="WHAT", choices=DEVICES, help=", ".join(DEVICES))
    parser.add_argument("--minutes", metavar="N", type=float, default=5.0, help="time to measure (default 5)")
    parser.add_argument("--budget", metavar="TIME", help="the same in any unit, such as 4m or 90s")
    parser.add_argument("--threads", metavar="N", type=int, default=1, help="threads of the simulator (default 1)")
    parser.add_argument("--seed", metavar="N", type=int, default=0, help="decides the shots drawn (default 0)")
    parser.add_argument("--out", metavar="CARD", help="card to write (default WHAT.yaml)")
    parser.add_argument(
        "--rows",
        metavar="CSV",
        action="append",
        help="fit rows measured before, of several files the best of each circuit; measure nothing",
    )
    calibrate_gpu.add_arguments(parser.add_argument_group("only with gpu"))
    calibrate_cutting.add_arguments(parser.add_argument_group("only with cutting"))


def execute(args: argparse.Namespace) -> int:
    """Run the verb and return the exit code."""
    args.out = args.out or f"{args.what}.yaml"
    _check(args)
    if args.what == "gpu":
        return calibrate_gpu.execute(args)
    if args.what == "cutting":
        return calibrate_cutting.execute(args)
    from qhpcsim.cli.progress import progress_bar
    from qhpcsim.execution.calibrate import BUSY_RATIO, calibrate_cpu, fitted
    from qhpcsim.execution.calibration_card import card_text
    from qhpcsim.execution.calibration_rows import merged, read_rows, write_rows
    from qhpcsim.execution.host import this_host

    if args.rows:
        rows = merged([row for path in args.rows for row in read_rows(Path(path))])
        found = fitted(rows, this_host(), args.seed)
    else:
        with progress_bar("measuring") as progress:
            found = calibrate_cpu(args.minutes * 60.0, args.threads, args.seed, progress)
    say(f"{found.host.processor}: {len(found.rows)} circuits, {found.machine.threads} threads")
    say(_errors(found))
    out = Path(args.out)
    keep(
        out, card_text(found), lambda path: write_rows(path, found.rows), found.busy_ratio, BUSY_RATIO,
        f"qhpcsim predict statevector --card {out} --circuit qft:20",
    )  # fmt: skip
    return 0


def _check(args: argparse.Namespace) -> None:
    if args.budget is not None:
        args.minutes = seconds(args.budget, "--budget") / 60.0
    if not 0 < args.minutes <= 24 * 60:
        raise ConfigError(f"{args.minutes:g}", where="--minutes", allowed="more than 0, at most 1440")
    if args.what != "gpu" and args.kernels is not None:
        raise ConfigError("belongs to calibrate gpu", where="--kernels", hint="qhpcsim calibrate --help")
    if not 1 <= args.threads <= 1024:
        raise ConfigError(f"{args.threads}", where="--threads", allowed="1 or more")
    if args.what != "cutting" and args.cpu_card is not None:
        raise ConfigError("belongs to calibrate cutting", where="--cpu-card", hint="qhpcsim calibrate --help")
    out = Path(args.out)
    if out.suffix not in (".yaml", ".yml") or out.is_dir():
        raise ConfigError(f"{args.out}", where="--out", allowed="the name of a .yaml file to write")
    if not out.parent.is_dir():
        raise ConfigError("no such folder", where=str(out.parent), hint="make it, or choose another --out")


def _errors(found: Calibration) -> str:
    """Return the held-out errors as a table: a line for each group, and the goals."""
    families, sizes = found.fit.families, found.fit.sizes
    rows = [_line(name, families, sizes, name) for name in sorted(set(families.groups))]
    rows.append(_line("all", families, sizes, None))
    rows.append(["goal", "", f"≤ {GOAL:.0%}", f"{COVERED[0]:.0%} to {COVERED[1]:.0%}", "", f"≤ {GOAL:.0%}", ""])
    head = ("left out", "n", "error", "in interval", "n ≥ 21", "error", "in interval")
    return table(rows, head) + "\nerror: mean |predicted / measured − 1| of circuits whose group, or size, was left out"


def _line(label: str, families: HeldOut, sizes: HeldOut | None, group: str | None) -> list[str]:
    def part(held: HeldOut | None) -> list[str]:
        n = 0 if held is None else sum(group is None or each == group for each in held.groups)
        if held is None or not n:
            return ["0", "-", "-"]
        return [str(n), f"{held.mape(group):.1%}", f"{held.coverage(group):.0%}"]

    return [label, *part(families), *part(sizes)]
