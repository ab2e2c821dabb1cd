"""Tasks on nodes, pilots and clients, and QPUs: refitted here where that is quick, else read from their own reports."""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Iterator

import numpy as np
from judged import HELD_OUT, TRAINING, Judged, of_errors

from qhpcsim.core.data import data_dir

FOLDER = data_dir("calibration")
sys.path[:0] = [str(FOLDER / name) for name in ("tasks", "gpu")]

import fit_gradients as gradients  # noqa: E402
import fit_tasks as tasks  # noqa: E402

TASKS, MIDDLEWARE = "tasks on nodes", "pilots and clients"
SERIES = {
    "circuits_one_node": "25-qubit circuits, 1 to 16 processes on a node",
    "compression": "image compression, 64 to 256 slots on a node (SMT)",
    "circuits_cpu": "25-qubit circuits, 128 to 2,048 cores",
    "circuits_gpu": "25-qubit circuits, 4 to 64 A100",
}
_NUMBER = r"[\d.]+(?:e[-+]\d+)?"
_ROW = re.compile(rf"\| .+? \| (?P<told>{_NUMBER}) \| (?P<real>{_NUMBER}) \| [-+\d.]+ % \| (?P<how>fitted|checked) \|")


def nodes() -> Iterator[Judged]:
    """Yield the bags of tasks, and the start of MPI pilots."""
    for series in tasks.all_series():
        everything = np.ones(len(series.x), dtype=bool)
        told_s = series.told_s(series.fit(everything), series.x)
        data = SERIES[series.name]
        yield of_errors(TASKS, "contention and bags", data, f"{HELD_OUT}: a row", series.held_out(), series.time_s)
        yield Judged(TASKS, "contention and bags", data, TRAINING, told_s, series.time_s)
    n_nodes, start_s = gradients.pilot_starts()
    by_nodes = gradients.start_errors()
    errors = np.concatenate([by_nodes[number] for number in sorted(by_nodes)])
    order_s = np.concatenate([start_s[n_nodes == number] for number in sorted(by_nodes)])
    data = "start of MPI pilots, 1 to 128 nodes"
    yield of_errors(TASKS, "start of pilots", data, f"{HELD_OUT}: a number of nodes", errors, order_s)
    base, more = gradients.fit_start(n_nodes, start_s)
    yield Judged(TASKS, "start of pilots", data, TRAINING, base + more * np.log2(n_nodes), start_s)


def middleware() -> Iterator[Judged]:
    """Yield every section of calibration/middleware/fit.md, fitted and checked rows apart."""
    section, rows = "", {}
    for line in (FOLDER / "middleware" / "fit.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            section = line[3:]
        found = _ROW.match(line)
        if found is not None and float(found["real"]) > 0:
            how = TRAINING if found["how"] == "fitted" else f"{HELD_OUT}: rows marked checked"
            rows.setdefault((section, how), []).append((float(found["told"]), float(found["real"])))
    for (name, how), pairs in rows.items():
        told, real = np.array(pairs).T
        yield Judged(MIDDLEWARE, "pilots, pool and client", name, how, told, real)


def qpu_lines() -> list[dict[str, str]]:
    """Return what calibration/qpu/service_time_fit.csv says: this model first, then the published ones."""
    with (FOLDER / "qpu" / "service_time_fit.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def everything_else() -> Iterator[Judged]:
    """Yield all of this file."""
    yield from nodes()
    yield from middleware()
