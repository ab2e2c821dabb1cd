"""Futures in words: their table, the sentence that answers, what to do next."""

from __future__ import annotations

import argparse
import math
import shlex
from typing import TYPE_CHECKING

from qhpcsim.cli.compare_text import differences_rows, sentence
from qhpcsim.cli.output import table
from qhpcsim.cli.plugin_option import plugin_words
from qhpcsim.core.wording import duration, figure_text, sign

if TYPE_CHECKING:
    from qhpcsim.studies.whatif import Seen, WhatIf

NONE = "–"
_WAITS = (
    ("waiting.mean_wait_s", "waiting then: mean"),
    ("waiting.median_wait_s", "median"),
    ("waiting.p95_wait_s", "95 %"),
    ("after.mean_wait_s", "coming later: mean"),
    ("after.median_wait_s", "median"),
    ("after.p95_wait_s", "95 %"),
)
_REST = (
    ("hybrid.mean_time_to_solution_s", "hybrid jobs: mean time"),
    ("mean_bounded_slowdown", "bounded slowdown"),
    ("queue_empty_s", "queue gone after"),
    ("utilisation_frac", "nodes in use"),
    ("qpu.mean_wait_s", "QPU jobs: mean wait"),
    ("qpu.utilisation_frac", "QPUs in use"),
    ("n_never_started", "never start"),
)
"""Figure, title of its column, in two tables; a column without figures is left out."""
_NAMES = {
    "hybrid.mean_time_to_solution_s": "the mean time of hybrid jobs from submission to solution",
    "mean_wait_s": "the mean wait of the jobs that wait then or come later",
    "qpu.mean_wait_s": "the mean wait of QPU jobs",
    "queue_empty_s": "the time until the last job that waits then has started",
}


def futures_table(answer: WhatIf) -> str:
    """Return one line a future, in two tables: waits, and the rest; means over the seeds if there are several."""
    every = [(seen.name, seen.figures) for seen in answer.futures]
    tables = []
    for columns in (_WAITS, _REST):
        shown = [(key, title) for key, title in columns if any(_says(found.get(key), key) for _, found in every)]
        rows = [[name, *(_cell(found.get(key), key) for key, _ in shown)] for name, found in every]
        if shown:
            tables.append(table(rows, ["future", *(title for _, title in shown)]))
    return "\n\n".join(tables)


def _says(value: float | None, key: str) -> bool:
    return value is not None and (value > 0 or key != "n_never_started")


def _cell(value: float | None, key: str) -> str:
    return NONE if value is None else figure_text(value, key)


def differences_text(answer: WhatIf) -> str:
    """Return the paired differences to the future without changes, with intervals."""
    return differences_rows(answer.differences, 0.95, "future")


def sentences(answer: WhatIf) -> list[str]:
    """Return what the table says, and what its reader must know."""
    first, key = answer.futures[0], answer.leading
    found = first.figures
    texts = [
        f"{duration(answer.at_s)} after the beginning {_count(found['n_waiting'], 'job waits', 'jobs wait')}; "
        f"{_count(found['n_after'], 'job comes', 'jobs come')} later{_hybrid(found.get('hybrid.n_jobs'))}."
    ]
    whole = [seen.name for seen in answer.futures if not answer.n_lost(seen)]
    leading = [each for each in answer.differences if each.metric == key and each.other in whole]
    texts += [sentence(each) for each in leading] if answer.differences else [_answer(answer, key)]
    for seen in answer.futures[1:]:
        texts += [*_drained(seen, answer.at_s), *_warnings(answer, seen)]
    if answer.is_trace:
        texts.append("One trace, one answer: the replay is deterministic, so there is no interval.")
    elif len(answer.seeds) == 1:
        texts.append("One seed: nothing is known of how much of this is chance; --seeds 20 gives intervals.")
    else:
        texts.append(f"Means over {len(answer.seeds)} seeds; intervals at 95 %, corrected for comparing much (Holm).")
    return texts


def _hybrid(n: float | None) -> str:
    return f"; {_count(n, 'hybrid job has', 'hybrid jobs have')} not ended" if n else ""


def _count(n: float | None, one: str, many: str) -> str:
    value = n or 0.0
    text = f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f} (mean)"
    return f"{text} {one if value == 1 else many}"


def _answer(answer: WhatIf, key: str) -> str:
    first = answer.futures[0]
    before = first.figures.get(key)
    if before is None:
        return "Nothing waits and nothing comes later, so no change can matter."
    others = [seen for seen in answer.futures[1:] if seen.figures.get(key) is not None and not answer.n_lost(seen)]
    parts = [f"“{seen.name}” {_moves(seen.figures[key] or 0.0, before, key)}" for seen in others]
    text = "; ".join([f"Left as it is, {_NAMES[key]} is {figure_text(before, key)}", *parts]) + "."
    if len(others) > 1 and answer.best is not first:
        text += f" Least of all: “{answer.best.name}”."
    return text


def _moves(value: float, before: float, key: str) -> str:
    if math.isclose(value, before, rel_tol=1e-12, abs_tol=1e-9):
        return "leaves it there"
    share = f" ({_percent(100 * (value - before) / before)})" if before else ""
    return f"{'lowers' if value < before else 'raises'} it to {figure_text(value, key)}{share}"


def _percent(value: float) -> str:
    """Return a signed change in per cent; a small one keeps its digits."""
    return sign(f"{value:+,.{0 if abs(value) >= 1 else 2}f} %")


def _drained(seen: Seen, at_s: float) -> list[str]:
    """Return when nodes that are taken away are away, under the first seed."""
    n = sum(change.remove_nodes for change in seen.changes)
    down = seen.result.schedule.down
    if not n:
        return []
    gone = [] if down is None else sorted(start_s - at_s for start_s in down.start_s.tolist() if start_s >= at_s)
    if len(gone) < n:
        return [f"“{seen.name}”: running jobs finish first; only {len(gone)} of {n} nodes come free for it."]
    last = "at once" if gone[-1] == 0 else f"after {duration(gone[-1])}"
    return [f"“{seen.name}”: running jobs finish first; no drained node is left in use {last}."]


def _warnings(answer: WhatIf, seen: Seen) -> list[str]:
    """Return what the means of a future hold less, or more, than those without changes."""
    texts, lost = [], answer.n_lost(seen)
    more = int((seen.figures["n_after"] or 0) - (answer.futures[0].figures["n_after"] or 0))
    if lost > 0:
        end = "never starts or never completes" if lost == 1 else "never start or never complete"
        jobs = _count(lost, f"job {end}", f"jobs {end}")
        texts.append(f"In “{seen.name}” {jobs} that did without it: its means lack them, and do not compare.")
    if more > 0 and seen.result.hybrid is None and seen.result.workflows is None:
        wide = _count(more, "job is taken that is", "jobs are taken that are")
        texts.append(f"In “{seen.name}” {wide} too wide without it; its means hold them too.")
    return texts


def next_step(answer: WhatIf, args: argparse.Namespace) -> str:
    """Return the command to try next."""
    words = ["qhpcsim", "whatif", args.source, *args.overrides, "--at", args.at]
    for step in args.steps or []:
        verb, _, rest = step.partition(" ")
        words += [f"--{verb}", rest]
    words += [word for text in args.future for word in ("--future", text)]
    words += ["--together"] if args.together else []
    words += plugin_words(args)
    words += ["--until", args.until] if args.until else []
    if answer.folder is not None:
        from qhpcsim.studies.whatif_files import FUTURES, folder_names

        best = folder_names(answer)[answer.futures.index(answer.best)]
        return shlex.join(["qhpcsim", "validate", str(answer.folder / FUTURES / best)]) + "  # check that future"
    if not answer.is_trace and len(answer.seeds) == 1:
        return shlex.join([*words, "--seeds", "20"]) + "  # with intervals"
    words += ["--seeds", str(args.seeds)] if args.seeds > 1 else []
    return shlex.join([*words, "--out", "runs/whatif"]) + "  # the tables of every future, and a figure"
