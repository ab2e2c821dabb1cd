"""Predict how long a calibrated device takes.

qpu: a quantum processor: one circuit, a folder of circuits, or a table of jobs
statevector: Qiskit Aer's state-vector simulator on a CPU or GPU: one circuit, or a folder of circuits
"""

from __future__ import annotations

import argparse
import importlib
from types import ModuleType

from qhpcsim.core.errors import ConfigError

DEVICES = {"qpu": "qhpcsim.cli.predict_qpu", "statevector": "qhpcsim.cli.predict_statevector"}
"""What can be predicted -> its module, which declares and reads its own options beside the common ones."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the verb."""
    parser.add_argument("what", metavar="WHAT", choices=tuple(DEVICES), help=", ".join(DEVICES))
    parser.add_argument("--card", metavar="NAME", required=True, help="card of the device, or the path of one")
    parser.add_argument("--circuit", metavar="FILE", help="one circuit: OpenQASM 2 or 3, or family:n:params")
    parser.add_argument("--circuits", metavar="DIR", help="every *.qasm and *.qpy of a folder; with --out")
    parser.add_argument("--out", metavar="OUT.csv", help="file to write")
    parser.add_argument("--shots", metavar="N", type=int, help="shots of each circuit (default 1024)")
    parser.add_argument("--measure-all", action="store_true", help="measure every qubit of a circuit that has none")
    parser.add_argument(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="a number instead of the card's: time_layer=50ms",
    )
    for what, module in _modules().items():
        module.add_arguments(parser.add_argument_group(f"only with {what}"))


def execute(args: argparse.Namespace) -> int:
    """Run the verb and return the exit code."""
    for what, module in _modules().items():
        strange = [name for name in module.OPTIONS if what != args.what and getattr(args, name) is not None]
        if strange:
            raise ConfigError(f"belongs to predict {what}", where=f"--{strange[0]}", hint="qhpcsim predict --help")
    return int(_modules()[args.what].execute(args))


def _modules() -> dict[str, ModuleType]:
    return {what: importlib.import_module(name) for what, name in DEVICES.items()}


def settings(words: list[str]) -> dict[str, str]:
    """Return the ``--set`` arguments by key."""
    for word in words:
        if "=" not in word:
            raise ConfigError(f"{word[:60]!r} sets nothing", where="--set", allowed="KEY=VALUE")
    return dict(word.split("=", 1) for word in words)
