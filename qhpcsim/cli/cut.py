"""Plan circuit cutting, or do it: a circuit too wide or too slow in one piece runs as smaller ones, many times.

plan: what each way to run the circuit is predicted to take at one standard error, ranked, and why
run: runs the way that the strategy takes (or all of them), and prints predicted beside measured, and the value

CIRCUIT is family:n:params (qhpcsim list circuit_families) or an OpenQASM file. Without --observable, the product of Z
on all qubits is wanted.
"""

from __future__ import annotations

import argparse
import importlib
import re
from types import ModuleType
from typing import TYPE_CHECKING, Any

from qhpcsim.cli.plugin_option import add_plugin_argument, import_plugins
from qhpcsim.core.errors import ConfigError, QhpcsimError
from qhpcsim.core.units import bytes_of

if TYPE_CHECKING:
    from qhpcsim.cutting import CutAnswer

ACTIONS = {"plan": "qhpcsim.cli.cut_plan", "run": "qhpcsim.cli.cut_run"}
"""What can be done -> its module, which declares and reads its own options beside the common ones."""
LIMITS = ("max_cuts", "max_width", "max_shots")
_OPTION_OF = {name: name.replace("_", "-") for name in LIMITS} | {
    "memory_bytes": "memory",
    "target_error": "target-stderr",
}
"""Limit -> the option that sets it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the verb."""
    add = parser.add_argument
    add("what", metavar="WHAT", choices=tuple(ACTIONS), help=", ".join(ACTIONS))
    add("circuit", metavar="CIRCUIT", help="family:n:params, or an OpenQASM 2 or 3 file")
    add(
        "--observable",
        metavar="ZZI",
        action="append",
        default=[],
        help="Pauli string, the last letter for qubit 0, or a sum of them; may be repeated (default: Z on all qubits)",
    )
    add("--workers", metavar="W", type=int, default=1, help="circuits that run at once (default 1)")
    add("--device", metavar="CARD", default="cpu", help="what runs the circuits: cpu, gpu:CARD, qpu:CARD, A+B, a card")
    add("--machine", metavar="CARD", default="", help="card of the machine, from qhpcsim calibrate cutting")
    add("--target-stderr", metavar="E", type=float, default=0.01, help="standard error to reach (default 0.01)")
    add("--strategy", metavar="NAME", default="modelled", help="how the way is chosen (default modelled: the fastest)")
    add("--partition", metavar="AABB", action="append", default=[], help="a way of yours: letters for qubits 0, 1 …")
    add("--max-cuts", metavar="N", type=int, help="most gate and wire cuts together (default 4)")
    add("--max-width", metavar="N", type=int, help="most qubits of a part")
    add("--max-shots", metavar="N", type=int, help="most shots in all (default 1,000,000,000)")
    add("--memory", metavar="8GB", help="memory for the state vector of each worker")
    add("--json", action="store_true", help="print the answer as JSON")
    add_plugin_argument(parser)
    for what, module in _modules().items():
        module.add_arguments(parser.add_argument_group(f"only with {what}"))


def execute(args: argparse.Namespace) -> int:
    """Run the verb and return the exit code."""
    import_plugins(args)
    for what, module in _modules().items():
        strange = [name for name in module.OPTIONS if what != args.what and getattr(args, name)]
        if strange:
            where = f"--{strange[0].replace('_', '-')}"
            raise ConfigError(f"belongs to cut {what}", where=where, hint="qhpcsim cut --help")
    return int(_modules()[args.what].execute(args))


def answer_of(args: argparse.Namespace) -> CutAnswer:
    """Return what the arguments ask for; a bar shows progress where it takes long."""
    from qhpcsim.cli.progress import progress_bar
    from qhpcsim.cutting import plan

    limits: dict[str, Any] = {name: getattr(args, name) for name in LIMITS if getattr(args, name) is not None}
    if args.memory is not None:
        limits["memory_bytes"] = bytes_of(args.memory, "--memory")
    try:
        with progress_bar("planning", not args.json) as progress:
            return plan(
                args.circuit,
                args.observable,
                target_stderr=args.target_stderr,
                workers=args.workers,
                device=args.device,
                machine=args.machine,
                strategy=args.strategy,
                partitions=args.partition,
                progress=progress,
                **limits,
            )
    except QhpcsimError as error:
        raise in_options(error) from None


def in_options(error: QhpcsimError) -> QhpcsimError:
    """Return an error in the words of the command line."""
    texts = {name: options_named(getattr(error, name)) for name in ("where", "allowed", "hint")}
    return type(error)(options_named(error.message), suggestion=error.suggestion, **texts)


def options_named(text: str) -> str:
    """Return a text with options for the limits that it names: ``--max-cuts 5`` for ``max_cuts=5``."""

    def option(found: re.Match[str]) -> str:
        return f"--{_OPTION_OF[found[1]]}{' ' if found[2] else ''}"

    return re.sub(rf"(?<![\w-])({'|'.join(_OPTION_OF)})\b(=)?", option, text)


def _modules() -> dict[str, ModuleType]:
    return {what: importlib.import_module(name) for what, name in ACTIONS.items()}
