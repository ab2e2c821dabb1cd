"""``qhpcsim cut run``: runs the chosen way, or all, and prints predicted beside measured, and the values."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qhpcsim.cli import cut_json
from qhpcsim.cli.output import complain, say
from qhpcsim.core.errors import ConfigError, RunFolderError

if TYPE_CHECKING:
    from qhpcsim.cutting import CutAnswer, CutRun, Skipped

OPTIONS = ("all", "budget", "candidate", "engine", "seed", "mode", "out", "reach_target", "scheduler")
RESULT = "result.json"
BUDGET = "2m"
_SHORT = 1.1
"""A standard error above so many times the target is worth a word."""


def add_arguments(group: argparse._ArgumentGroup) -> None:
    """Declare the arguments that only running has."""
    add = group.add_argument
    add("--candidate", metavar="NAME", default="", help="run this way, as cut plan names it")
    add("--all", action="store_true", help="run every candidate, shortest predicted first")
    add("--budget", metavar="TIME", help=f"with --all: start only what is predicted to fit (default {BUDGET})")
    add("--engine", metavar="NAME", default="", help="serial, processes or dask (default: by workers)")
    add("--scheduler", metavar="ADDRESS", default="", help="Dask: HOST:PORT, or slurm, pbs, lsf …")
    add("--seed", metavar="N", type=int, default=0, help="of all random numbers (default 0)")
    add("--mode", metavar="MODE", default="", help="fast (default), or seed_like: the library's way, to compare")
    add("--reach-target", action="store_true", help="more shots until the standard error is the target")
    add("--out", metavar="DIR", default="", help=f"keep counts and {RESULT} there; the same command goes on from them")


def execute(args: argparse.Namespace) -> int:
    """Run the verb and return the exit code."""
    from qhpcsim.cli.cut import answer_of
    from qhpcsim.core.units import seconds

    if args.budget is not None and not args.all:
        raise ConfigError("is for --all", where="--budget")
    if args.candidate and args.all:
        raise ConfigError("--candidate and --all at once", where="cut run", allowed="one of them")
    budget_s = seconds(args.budget or BUDGET, "--budget")
    _check_folder(args.out)
    answer = answer_of(args)
    found: list[CutRun | Skipped] = []
    with _resumable(args):
        found += _every(answer, args, budget_s) if args.all else [_one(answer, args)]
    document = _document(answer, found, args.all)
    if args.out:
        (Path(args.out) / RESULT).write_text(cut_json.text(document) + "\n", encoding="utf-8")
    if args.json:
        say(cut_json.text(document))
    else:
        _tell(answer, found, args)
    return 0


def _check_folder(out: str) -> None:
    """Refuse, before anything is planned, a folder that cannot be one."""
    if out and Path(out).exists() and not Path(out).is_dir():
        raise RunFolderError("is a file, not a folder", where=out, hint="choose another --out")


@contextmanager
def _resumable(args: argparse.Namespace) -> Iterator[None]:
    """Say, if the run is stopped, what is kept."""
    from qhpcsim.cli.study_options import terminable

    with terminable():
        try:
            yield
        except (KeyboardInterrupt, SystemExit):
            kept = "finished circuits are kept\n  next: give the same command again to go on"
            complain(f"stopped; {kept if args.out else 'nothing is kept without --out DIR'}")
            raise


def _options(args: argparse.Namespace) -> dict[str, Any]:
    folder = args.out or None
    return {"engine": args.engine, "seed": args.seed, "mode": args.mode or "fast", "folder": folder,
            "reach_target": args.reach_target, "scheduler": args.scheduler}  # fmt: skip


def _one(answer: CutAnswer, args: argparse.Namespace) -> CutRun:
    from qhpcsim.cli.progress import progress_bar
    from qhpcsim.cutting import run

    with progress_bar("running", not args.json) as progress:
        return run(answer, candidate=args.candidate, progress=progress, **_options(args))


def _every(answer: CutAnswer, args: argparse.Namespace, budget_s: float) -> Iterator[CutRun | Skipped]:
    from qhpcsim.cli.progress import progress_bar
    from qhpcsim.cutting import run_all

    with progress_bar("running", not args.json) as progress:
        yield from run_all(answer, budget_s, progress=progress, **_options(args))


def _document(answer: CutAnswer, found: list[CutRun | Skipped], every: bool) -> dict[str, Any]:
    """Return what ``--json`` prints: the chosen way's run; with ``--all`` also each way's, and what was skipped."""
    from qhpcsim.cutting import CutRun

    ran = [each for each in found if isinstance(each, CutRun)]
    chosen = next((each for each in ran if each.name == answer.chosen.name), ran[0] if ran else None)
    document: dict[str, Any] = {} if chosen is None else cut_json.of_run(answer, chosen)
    if not every:
        return document
    fastest = min(ran, key=lambda each: each.measured_s, default=None)
    return document | {
        "chosen": answer.chosen.name,
        "fastest": None if fastest is None else fastest.name,
        "runs": [cut_json.of_run(answer, each) for each in ran],
        "skipped": [
            {"name": each.ranked.name, "reason": each.reason} for each in found if not isinstance(each, CutRun)
        ],
    }


def _tell(answer: CutAnswer, found: list[CutRun | Skipped], args: argparse.Namespace) -> None:
    from qhpcsim.cutting import CutRun

    ran = [each for each in found if isinstance(each, CutRun)]
    if args.all:
        _tell_all(answer, ran, [each for each in found if not isinstance(each, CutRun)], args)
    else:
        _tell_one(answer, ran[0], args)


def _tell_one(answer: CutAnswer, found: CutRun, args: argparse.Namespace) -> None:
    from qhpcsim.cli.cut_text import headline, is_inside, phases_table, run_sentence, values_table

    say(headline(answer))
    say()
    say(values_table(answer, found))
    say()
    say(phases_table(found))
    say(f"\n{run_sentence(found)}")
    say("\nnext:")
    target = answer.request.limits.target_error
    if float(found.stderr.max()) > _SHORT * target and not args.reach_target and not args.mode:
        same = ("--candidate", args.candidate) if args.candidate else ()
        say(f"  {_again(args, *same, '--reach-target')}  # more shots, until the standard error is {target:g}")
    say(f"  {_again(args, '--all')}  # every way, measured")
    if not is_inside(found):
        say("  qhpcsim calibrate cutting  # if other work did not disturb it: a card of this machine, for --machine")


def _tell_all(answer: CutAnswer, ran: list[CutRun], skipped: list[Skipped], args: argparse.Namespace) -> None:
    from qhpcsim.cli.cut_text import all_sentence, headline, runs_table

    say(headline(answer))
    say()
    say(runs_table(answer, ran))
    for one in skipped:
        say(f"not run: {one.ranked.name}: {one.reason}")
    for each in ran:
        if each.outcome.n_resumed:
            n = f"{each.outcome.n_resumed:,} of {len(each.outcome.experiments):,}"
            say(f"{each.name}: {n} circuits were there from an earlier run, and are not in the measured time")
    say(f"\n{all_sentence(answer, ran)}")
    if skipped:
        say(f"\nnext:\n  {_again(args, '--all', '--budget', '1h')}  # more of them")


def _again(args: argparse.Namespace, *more: str) -> str:
    from qhpcsim.cli.cut_plan import again

    words = [*more]
    for name, default in (("engine", ""), ("scheduler", ""), ("seed", 0), ("mode", ""), ("out", "")):
        value = getattr(args, name)
        words += [f"--{name}", str(value)] if value != default else []
    words += ["--reach-target"] if args.reach_target else []
    return f"{again(args, 'run')} {shlex.join(words)}"
