"""The command line: one verb a file; each imports what it needs when it runs."""

from __future__ import annotations

import argparse
import errno
import importlib
import os
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import NoReturn

from qhpcsim.cli.output import complain, say
from qhpcsim.core.errors import QhpcsimError, nearest, shorten

VERBS: dict[str, tuple[str, str]] = {
    "run": ("run", "simulate a scenario; prints a table and the answer, writes a run folder and a report"),
    "sweep": ("sweeping", "simulate every combination of values under several seeds; goes on where it was stopped"),
    "compare": ("comparing", "say what differs between points of a scenario, or two runs, and how sure that is"),
    "whatif": ("whatif", "from a moment of a trace on: what if nodes or a QPU are added, drained, or rules change"),
    "plan": ("planning", "find the cheapest facility that meets its constraints, with as few runs as it takes"),
    "sensitivity": ("sensitivity_verb", "say which unknown of a scenario matters most for a figure"),
    "list": ("listing", "what can be named: scenarios, policies, orders, formats, metrics, …"),
    "validate": ("validation", "check a scenario file, a workload file, a circuit, a card or a run folder"),
    "check-policy": ("policy_checking", "hold a policy to its contract; shows the smallest example of a fault"),
    "convert": ("conversion", "turn a workload file or a run folder into another format"),
    "cut": ("cut", "plan circuit cutting, or do it: which cut is fastest at equal standard error, and its value"),
    "predict": ("prediction", "predict the service time of QPU jobs in a table"),
    "validate-models": ("model_validation", "execute a sample of a run's tasks here and compare with the predictions"),
    "calibrate": ("calibration", "measure this machine, and write a card for predict"),
    "report": ("reporting", "draw report.html of a run or a plan again; --pdf prints it"),
}
"""Verb -> (module of this package, what it does)."""
EPILOG = "Start with: qhpcsim run quickstart"


class Parser(argparse.ArgumentParser):
    """An argument parser whose complaints are ours."""

    def error(self, message: str) -> NoReturn:
        """Raise the complaint as one of ours, with the nearest option."""
        known = [text for action in self._actions for text in action.option_strings]
        wrong = next((word for word in message.split() if word.startswith("-")), "")
        raise QhpcsimError(
            shorten(message.replace(", key=value", ""), 300),
            where=self.prog,
            suggestion=nearest(wrong, known) if wrong else None,
            hint=f"{self.prog} --help",
        )


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 the machine failed us, 2 the user can mend it."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    debug = "--debug" in arguments
    try:
        code = _dispatch(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + 13
    except KeyboardInterrupt:
        complain("interrupted")
        return 130
    except Exception as error:
        if debug:
            raise
        return _explain(error)
    return code


def _dispatch(arguments: list[str]) -> int:
    verb = arguments[0] if arguments else "--help"
    if verb in ("-h", "--help", "help"):
        say(_overview())
        return 0
    if verb == "--version":
        import qhpcsim

        say(f"qhpcsim {qhpcsim.__version__}")
        return 0
    if verb not in VERBS:
        raise QhpcsimError(
            f"unknown verb {shorten(verb)!r}",
            where="qhpcsim",
            allowed=", ".join(VERBS),
            suggestion=nearest(verb, VERBS),
            hint="qhpcsim --help",
        )
    try:
        parsed = parser_of(verb).parse_intermixed_args(arguments[1:])
    except SystemExit as stop:  # --help
        return int(stop.code or 0)
    return int(_module(verb).execute(parsed))


def parser_of(verb: str) -> Parser:
    """Return the parser of one verb; the manual prints its help, too."""
    module = _module(verb)
    parser = Parser(prog=f"qhpcsim {verb}", description=module.__doc__, allow_abbrev=False)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    module.add_arguments(parser)
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return parser


def _module(verb: str) -> ModuleType:
    return importlib.import_module(f"qhpcsim.cli.{VERBS[verb][0]}")


def _overview() -> str:
    lines = ["usage: qhpcsim VERB …", "", "Discrete-event simulator of hybrid quantum-HPC facilities.", "", "verbs:"]
    lines += [f"  {verb:<15} {summary}" for verb, (_, summary) in VERBS.items()]
    lines += ["", "qhpcsim VERB --help says more; qhpcsim --version names the version.", EPILOG]
    return "\n".join(lines)


def _explain(error: Exception) -> int:
    """Print one block for an error and return the exit code."""
    if isinstance(error, QhpcsimError):
        complain(error.block())
        return error.exit_code
    if isinstance(error, OSError):
        where = f"{shorten(error.filename)}: " if error.filename else ""
        hint = "\n  next: free some space, or choose another folder with --out" if error.errno == errno.ENOSPC else ""
        complain(f"{where}{error.strerror or error}{hint}")
        return 1
    if isinstance(error, MemoryError):
        complain("out of memory\n  next: try fewer jobs, such as workload.max_jobs=100000")
        return 1
    complain(
        f"internal error: {type(error).__name__}: {shorten(error, 300)}\n"
        "  this is a mistake in qhpcsim, not in your input\n  next: run the command again with --debug and report it"
    )
    return 1
