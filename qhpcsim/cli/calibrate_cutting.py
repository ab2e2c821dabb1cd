"""``qhpcsim calibrate cutting``: designed cuts of all kinds on this machine, and the card that they give."""

from __future__ import annotations

import argparse
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from qhpcsim.cli.calibrate_files import keep
from qhpcsim.cli.output import say, table
from qhpcsim.core.errors import ConfigError

if TYPE_CHECKING:
    from qhpcsim.execution.cutting_calibrate import CutCalibration

GOAL = 0.12
"""Largest held-out error that a card of cutting should have."""
_CPU_SHARE = 0.5
"""Part of the time that goes into the CPU's card where none is given."""
_WORD = re.compile(r"[a-z][a-z0-9_]{0,39}", re.ASCII)


def add_arguments(group: argparse._ArgumentGroup) -> None:
    """Declare the arguments that only cutting has."""
    group.add_argument(
        "--cpu-card", metavar="CARD", help="card of this machine's CPU (default: half the time goes into a new one)"
    )


def execute(args: argparse.Namespace) -> int:
    """Run the verb and return the exit code."""
    from qhpcsim.execution.calibrate import BUSY_RATIO
    from qhpcsim.execution.cutting_card import card_text
    from qhpcsim.execution.cutting_rows import write_rows

    if args.threads != 1:
        raise ConfigError("belongs to calibrate cpu", where="--threads", hint="qhpcsim calibrate --help")
    found = _from_rows(args) if args.rows else _measured(args)
    n_circuits = len({row.problem for row in found.rows})
    say(f"{found.host.processor}: {len(found.rows)} candidates of {n_circuits} circuits")
    say(_errors(found))
    out = Path(args.out)
    keep(
        out, card_text(found), lambda path: write_rows(path, found.rows), found.busy_ratio, BUSY_RATIO,
        f"qhpcsim cut plan efficient_su2:22: --machine {out}",
    )  # fmt: skip
    return 0


def _measured(args: argparse.Namespace) -> CutCalibration:
    from qhpcsim.cli.progress import progress_bar
    from qhpcsim.execution.cutting_calibrate import calibrate_cutting
    from qhpcsim.models.cpu_statevector import CpuStateVector

    budget_s = args.minutes * 60.0
    if args.cpu_card is None:
        budget_s *= 1.0 - _CPU_SHARE
        card = _new_cpu_card(args, args.minutes * 60.0 * _CPU_SHARE)
        cpu = CpuStateVector.open(str(card))
    else:
        cpu = CpuStateVector.open(args.cpu_card)
    with progress_bar("measuring cuts") as progress:
        return calibrate_cutting(budget_s, cpu, args.seed, progress)


def _new_cpu_card(args: argparse.Namespace, budget_s: float) -> Path:
    """Write the card of this machine's CPU beside the one to come, and return its path."""
    from qhpcsim.cli.progress import progress_bar
    from qhpcsim.execution.calibrate import calibrate_cpu
    from qhpcsim.execution.calibration_card import card_text
    from qhpcsim.execution.calibration_rows import write_rows

    out = Path(args.out)
    card = out.with_name(f"{out.stem}_cpu.yaml")
    if not _WORD.fullmatch(card.stem):
        raise ConfigError(f"{out.name}", where="--out", allowed="a name of a-z, 0-9 and _, beginning with a letter")
    with progress_bar("measuring the CPU") as progress:
        found = calibrate_cpu(budget_s, 1, args.seed, progress)
    card.write_text(card_text(found), encoding="utf-8")
    write_rows(card.with_suffix(".csv"), found.rows)
    say(f"CPU card  {card}: {found.fit.families.mape():.1%} held-out error")
    return card


def _from_rows(args: argparse.Namespace) -> CutCalibration:
    """Return the fit to rows measured before; what workers add is taken from the card beside the first file."""
    from qhpcsim.core.cards import card
    from qhpcsim.execution.cutting_calibrate import WorkersAdd, fitted
    from qhpcsim.execution.cutting_rows import merged, read_rows
    from qhpcsim.execution.host import this_host

    rows = merged([row for path in args.rows for row in read_rows(Path(path))])
    beside = card(Path(args.rows[0]).with_suffix(".yaml"))
    add = WorkersAdd(beside.value("hand_over") * 1e-6, beside.value("contention"), int(beside.value("contenders")))
    host = replace(this_host(), memory_bytes=int(beside.value("memory")))
    return fitted(rows, add, host, rows[0].cpu_card if rows else "", args.seed)


def _errors(found: CutCalibration) -> str:
    """Return the held-out errors as a table: a line for each family, and the goal."""
    from qhpcsim.models.cutting_fit import right_choices

    held = found.fit.families
    lines = [
        [name, str(held.groups.count(name)), f"{held.mape(name):.1%}", f"{held.coverage(name):.0%}"]
        for name in sorted(set(held.groups))
    ]
    lines.append(["all", str(len(held.groups)), f"{held.mape():.1%}", f"{held.coverage():.0%}"])
    lines.append(["goal", "", f"≤ {GOAL:.0%}", "85% to 95%"])
    n_right, n, regret = right_choices(held, [row.problem for row in found.rows])
    text = table(lines, ("family left out", "n", "error", "in interval"))
    return (
        f"{text}\nerror: mean |predicted / measured − 1| of the total time of candidates whose family was left out\n"
        f"fastest candidate chosen for {n_right} of {n} circuits, mean regret {regret:.2%}"
    )
