"""Predict what a calibrated model says of jobs in a table: qpu, the service time on a quantum processor.

The table is CSV with n_circuits, shots, depth_total, n_2q_total and n_qubits_total (totals are sums over the circuits
of a job); predicted_s, p5_s and p95_s are added. Cards: qhpcsim list qpus.
"""

from __future__ import annotations

import argparse

from qhpcsim.cli.output import say
from qhpcsim.core.errors import ConfigError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the verb."""
    parser.add_argument("what", metavar="WHAT", choices=("qpu",), help="qpu")
    parser.add_argument("--card", metavar="NAME", required=True, help="card of the device, or the path of one")
    parser.add_argument("--table", metavar="IN.csv", required=True, help="jobs, one a row")
    parser.add_argument("--out", metavar="OUT.csv", required=True, help="file to write")
    parser.add_argument(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="a number instead of the card's: time_layer=50ms",
    )


def execute(args: argparse.Namespace) -> int:
    """Run the verb and return the exit code."""
    from qhpcsim.models.predict_qpu import predict_table

    outside = predict_table(args.card, args.table, args.out, **_settings(args.set))
    for part in outside:
        say(f"extrapolated: {part}")
    say(f"wrote {args.out}")
    return 0


def _settings(words: list[str]) -> dict[str, str]:
    """Return the ``--set`` arguments by key."""
    for word in words:
        if "=" not in word:
            raise ConfigError(f"{word[:60]!r} sets nothing", where="--set", allowed="KEY=VALUE")
    return dict(word.split("=", 1) for word in words)
