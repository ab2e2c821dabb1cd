"""Write fit.md (``python calibration/middleware/fit_report.py [--write]``): every run, and what was fitted on what."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from fit_applications import NARROW, cutting_fit, fragments_fit
from fit_backends import ALL_BLOCKS, line, warm_mean_s
from seed_checks import (
    Check,
    classifier_checks,
    compression_checks,
    cutting_checks,
    fragment_checks,
    no_op_checks,
    trace_checks,
)
from seed_rows import cutting_runs, fragment_chunks, fragment_runs

HERE = Path(__file__).parent

PARTS: dict[str, tuple[Callable[[], Iterator[Check]], str]] = {
    "No-op tasks on Ray, 256 slots": (
        no_op_checks,
        "Card `ray`. Fitted: warm runs of 1,024 and 4,096 tasks of series 3, the one with repetitions; cold runs of "
        "series 1 and 2. Throughput is tasks over mean seconds. The series differ: single "
        "runs of 2,048 tasks take 21.8 to 24.5 s, of 4,096 76 to 88 s, of 8,192 301 to 372 s.",
    ),
    "Compression of 60,000 images, 256 slots a node": (
        compression_checks,
        "Motif `qml_compression` on `ray`'s client. Time of an image and contention: card `tasks/compression`, from "
        "times of single images on two nodes. Start-up: card `motifs/qml_compression`, from the runs on 2, 4 and 8 "
        "nodes. Efficiencies are of the simulated run on one node.",
    ),
    "Cutting on one to four QPUs": (
        cutting_checks,
        "Card `applications/cutting_qpus`: one serial time, one ratio, and the task of an inner part for each width, "
        "from the totals on one and four QPUs. Finding cuts and reconstruction are measured input, from the runs on "
        "one QPU. Tasks go to QPUs in turn. Parts lie along the line and the last one has the qubits left over (12, "
        "12, 6), as `find_cuts` gives them.",
    ),
    "Circuit execution, 1,024 tasks on Dask": (
        trace_checks,
        "Card `dask`: start of a worker, gap between tasks of a slot, time to send, from the first 40 starts and the "
        "first 400 refills; 40 slots are counted. Task times: the trace's own, or the mean of ten draws.",
    ),
    "Classifier, seconds a batch": (classifier_checks, "Card `motifs/qml_classifier`, from batches of 2, 8 and 32."),
    "45,711 fragments on A100 GPUs": (
        fragment_checks,
        "Card `applications/fragments`: preparing a fragment and running one of 29 qubits, from batches on 8 and 64 "
        "GPUs; start of a worker, from on demand on 64.",
    ),
}


def table(checks: list[Check]) -> list[str]:
    """Return a table in Markdown."""
    lines = ["| what | simulated | measured | error | |", "| --- | --- | --- | --- | --- |"]
    for each in checks:
        role = "fitted" if each.fitted else "checked"
        lines.append(f"| {each.what} | {each.told:.4g} | {each.measured:.4g} | {100 * each.error:+.1f} % | {role} |")
    held = [abs(each.error) for each in checks if not each.fitted]
    lines += ["", f"Checked: {len(held)} figures, mean {100 * np.mean(held):.1f} %, worst {100 * max(held):.1f} %."]
    return lines


def optimum(checks: list[Check]) -> str:
    """Return which width is best on each number of QPUs."""
    best: dict[str, list[tuple[float, float, str]]] = {}
    for each in checks:
        words = each.what.split()
        best.setdefault(words[5], []).append((each.told, each.measured, words[2]))
    return "; ".join(
        f"{n} QPUs: {min(rows)[2]} qubits, measured {min(rows, key=lambda row: row[1])[2]}" for n, rows in best.items()
    )


def other_splits() -> list[str]:
    """Return how the fits do when other rows are left out."""
    mean_s = warm_mean_s(ALL_BLOCKS)
    sizes = tuple(mean_s)
    told = {n: line(tuple(size for size in sizes if size != n), mean_s) for n in sizes}
    off = {n: (a * n + b * n * (n + 1) / 2) / mean_s[n] - 1 for n, (a, b) in told.items()}
    no_op = ", ".join(f"{n}: {100 * error:+.0f} %" for n, error in off.items())
    runs = cutting_runs()
    cut = []
    for left in (2, 3, 4):
        law = cutting_fit(runs, tuple(n for n in (1, 2, 3, 4) if n != left))
        errors = np.abs([law.error(run, left) for run in runs])
        cut.append(f"{left}: {100 * errors.mean():.1f} % (worst {100 * errors.max():.1f} %)")
    return [
        f"- No-op tasks, means over all series, seconds, each size left out of the fit in turn: {no_op}.",
        f"- Cutting, each number of QPUs left out in turn: {'; '.join(cut)}.",
    ]


def crossing() -> str:
    """Return where dispatch on demand would win if workers were kept."""
    chunks = fragment_chunks()
    prepare, run, _ = fragments_fit(chunks, fragment_runs())
    rows = []
    for n, counts in chunks.items():
        batched = float((counts @ np.array([prepare, prepare, NARROW * run, run])).max())
        n_27, n_29 = counts[:, :2].sum(axis=0)
        kept = float((n_27 + n_29) * prepare + run * (n_29 + NARROW * n_27)) / n
        rows.append(f"{n} GPUs {batched:,.0f} / {kept:,.0f} s")
    return f"Fragments, batched / on demand with workers that are kept (a forecast, no run): {', '.join(rows)}."


def main() -> None:
    """Print the tables; write fit.md if asked to."""
    body = (HERE / "fit_head.md").read_text(encoding="utf-8").splitlines()
    for name, (checks, says) in PARTS.items():
        found = list(checks())
        body += ["", f"## {name}", "", says, "", *table(found)]
        if checks is cutting_checks:
            body += ["", f"Best width. {optimum(found)}."]
    body += ["", "## Other splits of the same rows", "", *other_splits()]
    body += ["", crossing()]
    page = "\n".join(body) + "\n"
    print(page)
    if "--write" in sys.argv:
        (HERE / "fit.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
