"""Fit the cards of the motifs to published and measured times; prints how well held-out rows are met.

    python calibration/motifs/fit_motifs.py            # prints the cards' numbers and the held-out errors
    python calibration/motifs/fit_motifs.py --write    # writes the cards beside this file

Data: QHPCSIM_REFERENCE_DATA (default ../shared/data).
"""

from __future__ import annotations

import csv
import gzip
import os
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.optimize import nnls

from qhpcsim.models.node_contention import TaskBag

HERE = Path(__file__).parent
DATA = Path(os.environ.get("QHPCSIM_REFERENCE_DATA", HERE.parents[1] / "../shared/data"))
DATE = "2026-11-22"
SCRIPT = "calibration/motifs/fit_motifs.py"
MINI_APPS = "https://github.com/radical-cybertools/quantum-mini-apps"
MOST_CUTS = 5.0
IMAGES, SLOTS = 60000, 256
"""Of the compression runs; slots on each node."""
SEND_S, LIST_S = 3.0e-3, 4.3e-6
"""The client's time for a task, and for each pair of tasks: no-op tasks of the same client, 1,024 to 8,192."""
Rows = list[dict[str, str]]


def read(name: str) -> Rows:
    """Return the rows of a reference table."""
    path = DATA / name
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def column(rows: Rows, name: str) -> np.ndarray:
    """Return one column as numbers; empty and rough cells are NaN."""
    return np.array([float("nan" if not row[name] or row[name].startswith("~") else row[name]) for row in rows])


def line(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Return a and b of y = a + b·x, neither negative, of least relative error."""
    found, _ = nnls(np.column_stack([np.ones_like(x), x]) / y[:, None], np.ones_like(y))
    return float(found[0]), float(found[1])


def off(told: np.ndarray, measured: np.ndarray) -> float:
    """Return the mean absolute relative error."""
    return float(np.mean(np.abs(told / measured - 1.0)))


def entry(name: str, value: object, unit: str, sd: float | None = None, note: str = "") -> str:
    """Return one entry of a card."""
    shown = [float(f"{v:.4g}") for v in value] if isinstance(value, list) else float(f"{value:.4g}")
    quoted = '"1"' if unit == "1" else unit
    more = f', note: "{note}"' if note else ""
    return f"  {name}: {{value: {shown}, unit: {quoted}, uncertainty: {'null' if sd is None else f'{sd:.2g}'}{more}}}"


def text(about: str, method: str, source: str, licence: str, lines: list[str]) -> str:
    """Return a whole card."""
    head = [f"# Written by {SCRIPT}; do not edit by hand.", f'card: "{about}"', f'method: "{method}"']
    rest = [f'source: "{source}"', f"licence: {licence}", f"script: {SCRIPT}", f"date: {DATE}", "entries:", *lines, ""]
    return "\n".join(head + rest)


def cutting() -> str:
    """Return the card of circuit cutting: the serial phases of its client, for EfficientSU2 on a line.

    Finding and generating: log-linear in cuts and qubits; 18 and 34 qubits are held out. The other two phases are
    straight lines, fitted on other families.
    """
    rows = [row for row in read("timings/cut_phases.csv") if float(row["cuts"]) > 0]
    ours = [row for row in rows if row["family"] == "effsu2"]
    large = read("seed/derived_cut_counts_local.csv")
    n, cuts = (np.concatenate([column(ours, a), column(large, b)]) for a, b in (("n", "n"), ("cuts", "num_cuts")))
    find_s = np.concatenate([column(ours, "find"), column(large, "find_cuts_s")])
    made_s = np.concatenate([column(ours, "gen"), column(large, "generate_s")])
    m = np.concatenate([column(ours, "ntask"), column(large, "num_subexperiments_exact")])
    held = np.isin(n, (18, 34))
    about = np.column_stack([np.ones_like(n), np.minimum(cuts, MOST_CUTS), np.log(n)])
    find, find_sigma = log_fit(about, find_s, held, "find")
    many = np.isfinite(made_s) & np.isfinite(m) & (m >= 72)
    each, each_sigma = log_fit(about[many][:, ::2], (made_s / m)[many], held[many], "generate")
    lines = [
        entry("find_law", find, "1", None, "ln s = a + b min(cuts, find_cuts_most) + c ln qubits"),
        entry("find_cuts_most", MOST_CUTS, "cuts", None, "beyond, the search stops at its own limit"),
        entry("find_sigma", find_sigma, "1", None, "of ln s, held-out sizes"),
        entry("generate_law", each, "1", None, "ln s of a sub-experiment = a + b ln qubits"),
        entry("generate_sigma", each_sigma, "1"),
    ]
    n_tasks, others = column(rows, "ntask"), np.array([row["family"] != "effsu2" for row in rows])
    for name, source, unit, per in (("transpile", "tr", "experiment", 1.0), ("reconstruct", "rec_addon", "shot", 1024)):
        seconds = column(rows, source)
        known = np.isfinite(seconds)
        fixed, more = line(n_tasks[known & others], seconds[known & others])
        test = known & ~others
        error = off(fixed + more * n_tasks[test], seconds[test])
        print(f"cutting: {name} {fixed:.4g} s + {more:.4g} s each, held-out efficient_su2 {100 * error:.0f} %")
        lines.append(entry(f"{name}_fixed", fixed, "s"))
        lines.append(entry(f"{name}_per_{unit}", more / per, "s", None, f"held-out error {error:.2f}"))
    source = "own runs of qiskit-addon-cutting 0.10 on two shared x86 cores, 2026-11; 12 to 36 qubits"
    return text("serial phases of circuit cutting", "measured; least relative error", source, "own data", lines)


def log_fit(about: np.ndarray, seconds: np.ndarray, held: np.ndarray, name: str) -> tuple[list[float], float]:
    """Return the coefficients of ln seconds, and the deviation of its held-out rows."""
    found, *_ = np.linalg.lstsq(about[~held], np.log(seconds[~held]), rcond=None)
    left = np.log(seconds[held]) - about[held] @ found
    print(f"cutting: {name} ln s = {np.round(found, 3)}, held out: mean {left.mean():+.2f}, sd {left.std():.2f}")
    return [float(value) for value in found], float(np.sqrt(np.mean(left**2)))


def variational() -> str:
    """Return the card of variational loops: medians by number of qubits."""
    lines = []
    for name, file, cell, unit in (
        ("iterations", "num_iterations", "num_iterations", "iterations"),
        ("prepare", "pre", "pre", "s"),
        ("optimise", "cost_time", "cost_time", "s"),
        ("finish", "post", "post", "s"),
    ):
        by_size: dict[int, list[float]] = defaultdict(list)
        for row in read(f"qpu/sqs/{file}.csv"):
            by_size[int(row["n_qubits"])].append(float(row[cell]))
        sizes = sorted(by_size)
        medians = [float(np.median(by_size[size])) for size in sizes]
        cap = max(map(max, by_size.values()))
        inside = [np.array(values) for values in by_size.values() if np.median(values) < cap]
        cv = float(np.median([values.std() / values.mean() for values in inside]))
        print(f"variational: {name} {dict(zip(sizes, medians, strict=True))}, cv {cv:.2f}")
        if name == "iterations":
            lines.append(entry("qubits", [float(size) for size in sizes], "qubits"))
            lines.append(entry("iterations_cv", cv, "1", None, "of sizes whose median is below the cap"))
        lines.append(entry(name, medians, unit, None, "median by number of qubits"))
    source = "https://github.com/ccicconetti/serverless_quantum_sim, input/ (VQE, HamLib max-cut, 4 to 24 qubits)"
    return text("variational quantum eigensolver: loop and classical phases", "medians of 20 runs a size",
                source, "MIT", lines)  # fmt: skip


def classifier() -> str:
    """Return the card of the classifier: batches of 2, 8 and 32 fit, 4, 16 and 64 test."""
    rows = read("seed/qma_classifier_training_loop_data.csv")
    size, seconds = column(rows, "batch_size"), column(rows, "mean_time")
    kinds = np.array([row["category"] for row in rows])
    train = np.isin(size, (2, 8, 32))
    lines = []
    for name, kind in (("eager", "jFalse_vFalse"), ("jit", "jTrue_vFalse"), ("vmap", "jFalse_vTrue"),
                       ("jit_vmap", "jTrue_vTrue")):  # fmt: skip
        fitted, tested = (kinds == kind) & train, (kinds == kind) & ~train
        fixed, each = line(size[fitted], seconds[fitted])
        error = off(fixed + each * size[tested], seconds[tested])
        print(f"classifier: {name} {fixed:.4g} s + {each:.4g} s a sample, held-out {100 * error:.1f} %")
        lines.append(entry(f"{name}_fixed", fixed, "s", None, f"held-out error {error:.3f}"))
        lines.append(entry(f"{name}_per_sample", each, "s"))
    cv = float(np.median(column(rows, "std_time") / seconds))
    lines.append(entry("batch_cv", cv, "1", None, "median over the runs"))
    lines.append(entry("compile", 21.07, "s", None, "one run of 11 qubits, depth 2, jit and vmap"))
    lines.append(entry("qubits", 13, "qubits", 0.0, "the times hold for so many, depth 1"))
    source = f"{MINI_APPS}, classifier/plots/training_loop_data.csv (19dca7111b), one A100, PennyLane and JAX"
    return text("training of a quantum classifier: seconds a batch", "fit to batches of 2, 8, 32; 4, 16, 64 held out",
                source, "MIT", lines)  # fmt: skip


def compression() -> str:
    """Return the card of image compression: what a run takes beside its images, from runs on 2, 4 and 8 nodes.

    The time of an image is that of card ``tasks/compression``.
    """
    name = next((DATA / "seed").glob("qma_compression_data_2_64_*.csv.gz")).name
    image_s = column(read(f"seed/{name}"), "time_done") - column(read(f"seed/{name}"), "time_start_loading")
    bag = TaskBag.open("compression")
    full_s = bag.alone_s * float(bag.node.slowdown(SLOTS))
    runs = read("seed/qma_compression_results_multinode.csv")
    nodes, took_s = column(runs, "number_of_nodes"), column(runs, "compute_time_sec")
    mean_s = {int(n): float(took_s[nodes == n].mean()) for n in np.unique(nodes)}
    tasks = {n: max(b for b in range(1, SLOTS * n + 1) if IMAGES % b == 0) for n in mean_s}
    known_s = {n: IMAGES / m * full_s + SEND_S * m + LIST_S * m * m for n, m in tasks.items()}
    rest_s = [mean_s[n] - known_s[n] for n in (2, 4, 8)]
    for n, m in tasks.items():
        told_s = known_s[n] + float(np.mean(rest_s))
        more = 100 * (told_s / mean_s[n] - 1)
        print(f"compression: {n} nodes, {m} tasks, {mean_s[n]:.0f} s, told {told_s:.0f} s ({more:+.1f} %)")
    note = "the client's loop (3 ms a task, 4.3 us a pair of tasks) taken off"
    lines = [
        entry("image_cv", float(image_s.std() / image_s.mean()), "1", None, "64 tasks on a node of 128 cores"),
        entry("start_up", float(np.mean(rest_s)), "s", float(np.std(rest_s)), note),
    ]
    source = f"{MINI_APPS}, qml_data_compression/plots (19dca7111b), Perlmutter CPU nodes, 256 slots each"
    about = "compression of images to circuits: what a run takes beside its images"
    return text(about, "runs on 2, 4 and 8 nodes; 1, 16 and 32 held out", source, "MIT", lines)


CARDS: dict[str, Callable[[], str]] = {
    "circuit_cutting": cutting,
    "variational": variational,
    "qml_classifier": classifier,
    "qml_compression": compression,
}

if __name__ == "__main__":
    for card_name, make in CARDS.items():
        made = make()
        if "--write" in sys.argv[1:]:
            (HERE / f"{card_name}.yaml").write_text(made, encoding="utf-8")
