"""The cards of task contention and the table of held-out errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from qhpcsim.models.node_contention import TaskBag

SCRIPT = "calibration/tasks/fit_tasks.py"
MINI_APPS = "https://github.com/radical-cybertools/quantum-mini-apps"
PILOT = "https://github.com/radical-cybertools/pilot-quantum"
PAGES = {
    "circuits_one_node": (
        "random circuits of 25 qubits, depth 1, on one node of 128 cores (2 EPYC 7763), a process each",
        f"{PILOT} (4fd3b0b), results_processes.csv, Dask",
        "one node, 1 to 16 processes",
    ),
    "compression": (
        "compression of images on one node of 128 cores with two hardware threads each, a slot a task",
        f"{MINI_APPS} (19dca71), compression, times of 9,448 images",
        "one node, 64, 128 and 256 slots",
    ),
    "circuits_cpu": (
        "bag of circuits of 25 qubits on nodes of 128 cores (2 EPYC 7763), a worker a core",
        f"{MINI_APPS} (880884c), workload_on_cpus.csv, Dask; the time alone is that of card circuits_one_node",
        "1 to 16 nodes, 128 to 2048 cores",
    ),
    "circuits_gpu": (
        "bag of circuits of 25 qubits on nodes of 4 A100, one at a time on each GPU",
        f"{MINI_APPS} (91f8308), workload_on_gpus.csv, Dask; typed by hand",
        "4 to 64 GPUs",
    ),
}
"""Card -> (what it is about, source, rows)."""


def write_all(found: list[Any], folder: Path) -> None:
    """Write a card for every series and fit.md.

    Args:
        found: (series, fitted bag, held-out errors).
        folder: Where to write.
    """
    rows = []
    for series, bag, errors in found:
        about, source, what = PAGES[series.name]
        (folder / f"{series.name}.yaml").write_text(_card(about, source, bag, errors), encoding="utf-8")
        print(f"wrote {series.name}.yaml")
        each = ", ".join(f"{k}: {100 * e:+.1f}" for k, e in zip(series.x.tolist(), errors, strict=True))
        rows.append(f"| {series.name} | {what} | {100 * np.abs(errors).mean():.1f} % | {each} |")
    (folder / "fit.md").write_text("\n".join([HEAD, *rows, "", NOTES, ""]), encoding="utf-8")


def _card(about: str, source: str, bag: TaskBag, errors: np.ndarray) -> str:
    size = np.abs(errors)
    lines = [
        f"# Written by {SCRIPT}; do not edit by hand.",
        f"card: {about}",
        "model: node_tasks",
        "method: fit to published runs, least squares of the logarithm",
        f'source: "{source}"',
        "licence: MIT; facts only",
        f"script: {SCRIPT}",
        "date: 2026-11-22",
        "uncertainty: null",
        "entries:",
        f"  alone: {{value: {bag.alone_s:.4g}, unit: s}}",
    ]
    if np.isfinite(bag.node.saturation):
        lines.append(f"  saturation: {{value: {bag.node.saturation:.4g}, unit: tasks}}")
        lines.append(f'  order: {{value: {bag.node.order:g}, unit: "1", method: "chosen: one order for all series"}}')
    if bag.start_up_s:
        lines.append(f'  start_up: {{value: {bag.start_up_s:.4g}, unit: s, note: "does not shrink with more nodes"}}')
    if bag.dispatch_s:
        lines.append(f'  dispatch: {{value: {1e3 * bag.dispatch_s:.4g}, unit: ms, note: "a task, by the client"}}')
        lines.append(f'  overlap_order: {{value: {bag.overlap_order:g}, unit: "1", method: chosen}}')
    error = f'value: {size.mean():.2g}, unit: "1", uncertainty: {size.std(ddof=1) / len(size) ** 0.5:.1g}'
    lines.append(f'  fit_error: {{{error}, note: "each run left out in turn, mean absolute"}}')
    return "\n".join(lines) + "\n"


HEAD = """# Tasks that share nodes: held-out errors

Written by fit_tasks.py. Every row is predicted from the other rows of its series; the last column is predicted over
measured, less one, in percent, by slots (processes, cores, GPUs).

| card | rows | MAPE | each |
|---|---|---|---|"""
NOTES = """- Contention: t(k) = t(1) · (1 + (k/k_sat)³)^(1/3). The order 3 was chosen with all series in view; with 2.5
  the processes on one node are a little better, with 4 the compression.
- Circuits on CPUs: 210 s do not shrink with more nodes, and a node does 1.5 circuits a second however many workers it
  has (the memory is busy). What the 210 s are is not published: starting workers and imports are likely.
- Circuits on GPUs: 59 ms a circuit, and 2.2 ms of the client for each, at the same time. The runs on 8 and on 16 GPUs
  do not fit one straight line through the others by less than 7 and 10 %: figures are rounded to a half or a quarter.
- Slots beyond the hardware threads are not modelled: more processes than threads are sliced in time."""
