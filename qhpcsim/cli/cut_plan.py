"""``qhpcsim cut plan``: the candidates by predicted time, the answer in a sentence, and the command that runs it."""

from __future__ import annotations

import argparse
import shlex
from typing import TYPE_CHECKING

from qhpcsim.cli.output import say

if TYPE_CHECKING:
    from qhpcsim.cutting import CutAnswer

OPTIONS: tuple[str, ...] = ()
SLOW_S = 2.0
"""Planning that takes longer says so."""


def add_arguments(group: argparse._ArgumentGroup) -> None:
    """Declare the arguments that only planning has: none."""


def execute(args: argparse.Namespace) -> int:
    """Run the verb and return the exit code."""
    from qhpcsim.cli import cut_json
    from qhpcsim.cli.cut import answer_of

    answer = answer_of(args)
    if args.json:
        say(cut_json.text(cut_json.of_plan(answer)))
        return 0
    tell(answer)
    say(f"\nnext:\n  {_next(args, answer)}")
    return 0


def tell(answer: CutAnswer) -> None:
    """Print what was asked, the candidates, what was left out and why, and the answer."""
    from qhpcsim.cli.cut import options_named
    from qhpcsim.cli.cut_text import candidates_table, headline, refused_lines, sentence
    from qhpcsim.core.wording import duration

    say(headline(answer))
    say()
    say(candidates_table(answer))
    lines = [*refused_lines(answer), *answer.notes]
    if answer.planning_s > SLOW_S:
        lines.append(f"planning took {duration(answer.planning_s)}")
    if lines:
        say()
    for line in lines:
        say(options_named(line))
    say(f"\n{sentence(answer)}")


def _next(args: argparse.Namespace, answer: CutAnswer) -> str:
    """Return a command that works as it stands: run it here, or plan for what can run it."""
    if answer.chosen.cost.feasible:
        return f"{again(args, 'plan', strategy='')}  # the fastest that can be run"
    if answer.device != "cpu":
        return f"{again(args, 'plan', device='')}  # the same on the processor of {answer.machine}"
    return f"{again(args, 'run')}  # do it here"


def again(args: argparse.Namespace, what: str, **changed: str) -> str:
    """Return the same question as a command line; options that are changed to nothing are left out."""
    words = ["qhpcsim", "cut", what, args.circuit]
    for text in args.observable:
        words += ["--observable", text]
    for text in args.partition:
        words += ["--partition", text]
    defaults = {"workers": 1, "device": "cpu", "machine": "", "target_stderr": 0.01, "strategy": "modelled"}
    defaults |= {"max_cuts": None, "max_width": None, "max_shots": None, "memory": None}
    for name, default in defaults.items():
        value = changed.get(name, getattr(args, name))
        if value not in (default, ""):
            words += [f"--{name.replace('_', '-')}", str(value)]
    return shlex.join(words)
