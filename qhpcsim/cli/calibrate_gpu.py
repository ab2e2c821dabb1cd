"""``qhpcsim calibrate gpu``: gate kernels of all sizes on this machine's GPU, and the card that they give."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from qhpcsim.cli.output import say, table
from qhpcsim.core.errors import ConfigError

if TYPE_CHECKING:
    from qhpcsim.core.records import FloatArray
    from qhpcsim.execution.gpu_calibration import GpuCalibration

GOAL = 0.08
"""Largest held-out error that a card of a GPU should have."""


def add_arguments(group: argparse._ArgumentGroup) -> None:
    """Declare the arguments that only a GPU has."""
    group.add_argument("--kernels", metavar="NAME", help="aer, custatevec or cupy (default: the first that works here)")


def execute(args: argparse.Namespace) -> int:
    """Run the verb and return the exit code."""
    from qhpcsim.cli.progress import progress_bar
    from qhpcsim.execution.gpu_calibration import calibrate_gpu, write_rows
    from qhpcsim.execution.gpu_calibration_card import card_text
    from qhpcsim.execution.gpu_kernels import ANY, open_kernels

    if args.threads != 1:
        raise ConfigError("belongs to calibrate cpu", where="--threads", hint="qhpcsim calibrate --help")
    if args.rows:
        found = _from_rows(args)
    else:
        kernels = open_kernels(args.kernels or ANY)
        with progress_bar("measuring") as progress:
            found = calibrate_gpu(kernels, args.minutes * 60.0, args.seed, progress)
    say(f"{found.bench.facts.name}, {found.bench.software}: {len(found.rows)} kernels")
    say(_numbers(found))
    say(_errors(found))
    if found.busy:
        say("batches of one kernel differ by more than 10 %: the GPU was not alone; measure again")
    out = Path(args.out)
    out.write_text(card_text(found), encoding="utf-8")
    write_rows(out.with_suffix(".csv"), found.bench, found.rows)
    say(f"\ncard  {out}\nrows  {out.with_suffix('.csv')}")
    say(f"\nnext: qhpcsim predict statevector --card {out} --circuit qft:28")
    return 0


def _from_rows(args: argparse.Namespace) -> GpuCalibration:
    from qhpcsim.execution.gpu_calibration import fitted, read_rows

    if len(args.rows) > 1 or args.kernels:
        allowed = "one CSV, and no --kernels"
        raise ConfigError("rows of one GPU are fitted by themselves", where="--rows", allowed=allowed)
    source = Path(args.rows[0])
    if source.resolve() == Path(args.out).with_suffix(".csv").resolve():
        raise ConfigError("would be written over", where=str(source), hint="choose another --out")
    bench, rows = read_rows(source)
    return fitted(bench, rows, args.seed)


def _numbers(found: GpuCalibration) -> str:
    device = found.fit.device
    small, launch, rate, cache = (f"± {sd:.1%}" for sd in found.fit.deviations)
    return table(
        [
            ("launch, one block", f"{1e6 * device.launch_small_s:.2f} us", small),
            ("launch", f"{1e6 * device.launch_s:.2f} us", launch),
            ("bandwidth", f"{1e-9 * device.bandwidth_bytes_s:,.0f} GB/s", rate),
            ("bandwidth in cache", f"{1e-9 * device.cache_bandwidth_bytes_s:,.0f} GB/s", cache),
        ]
    )


def _errors(found: GpuCalibration) -> str:
    """Return the errors of rows that no fit has seen."""
    import numpy as np

    def line(label: str, errors: FloatArray) -> list[str]:
        if not len(errors):
            return [label, "0", "-", "-"]
        return [label, str(len(errors)), f"{np.abs(errors).mean():.1%}", f"{np.abs(errors).max():.1%}"]

    fit = found.fit
    rows = [
        line("even sizes, fitted on odd ones", fit.even),
        line("odd sizes, fitted on even ones", fit.odd),
        line("gates on 5 qubits and more, never fitted", fit.wide),
        ["goal", "", f"≤ {GOAL:.0%}", ""],
    ]
    return table(rows, ("held out", "n", "error", "worst"))
