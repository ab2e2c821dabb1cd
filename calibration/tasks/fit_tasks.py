"""Fit how tasks share nodes to published bags of tasks, and say how well held-out rows are predicted.

    python calibration/tasks/fit_tasks.py            # prints the held-out errors
    python calibration/tasks/fit_tasks.py --write    # writes the cards and fit.md beside this file

Reads seed/ under QHPCSIM_REFERENCE_DATA (default ../shared/data). Held out: each row of a series in turn, predicted
from the others of its series (with what is said below to come from another series).
"""

from __future__ import annotations

import argparse
import csv
import gzip
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import least_squares

from qhpcsim.models.node_contention import NodeContention, TaskBag

HERE = Path(__file__).parent
DATA = Path(os.environ.get("QHPCSIM_REFERENCE_DATA", HERE / "../../../shared/data")) / "seed"
ORDER = 3.0
"""Sharpness of contention: one number for all series."""
OVERLAP = 6.0
STEPS = (1.0, 0.5, 0.25)
"""How finely times were typed by hand, by their number of decimals: 15, 3.5, 2.25."""
N_CIRCUITS = 1024
CORES_PER_NODE, GPUS_PER_NODE = 128, 4


@dataclass(frozen=True)
class Series:
    """Runs that differ in one number, and the bag that a vector of logarithms stands for."""

    name: str
    x: np.ndarray
    """Slots (processes, cores, GPUs, tasks on a node)."""
    time_s: np.ndarray
    told_s: Callable[[np.ndarray, np.ndarray], np.ndarray]
    """(logarithms, x) -> seconds."""
    bag: Callable[[np.ndarray], TaskBag]
    start: tuple[float, ...]
    weight: np.ndarray
    """Reciprocal of the rows' own relative uncertainty: figures typed by hand are rounded."""

    def fit(self, rows: np.ndarray) -> np.ndarray:
        """Return the logarithms that fit some rows."""

        def wrong(logs: np.ndarray) -> np.ndarray:
            return self.weight[rows] * np.log(self.told_s(logs, self.x[rows]) / self.time_s[rows])

        return least_squares(wrong, np.log(self.start)).x

    def held_out(self) -> np.ndarray:
        """Return the relative error of each row when it is left out."""
        found = []
        for i in range(len(self.x)):
            rows = np.arange(len(self.x)) != i
            found.append(self.told_s(self.fit(rows), self.x[[i]])[0] / self.time_s[i] - 1.0)
        return np.array(found)


def rows_of(name: str) -> list[dict[str, str]]:
    """Return a table of the reference data."""
    with (DATA / name).open(newline="") as file:
        return list(csv.DictReader(file, skipinitialspace=True))


def bags(make: Callable[[np.ndarray], TaskBag], slots_per_node: int) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Return the predicted times of the bag of circuits on whole nodes."""

    def told_s(logs: np.ndarray, x: np.ndarray) -> np.ndarray:
        bag = make(logs)
        return np.array([bag.makespan_s(N_CIRCUITS, int(n) // slots_per_node, slots_per_node) for n in x])

    return told_s


def saturation() -> Series:
    """Return circuits of 25 qubits on 1 to 16 processes of one node: memory bandwidth ends the gain."""
    rows = rows_of("pq_results_processes.csv")
    x = np.array([int(row["Number Cores"]) for row in rows])

    def make(logs: np.ndarray) -> TaskBag:
        return TaskBag(NodeContention(float(np.exp(logs[1])), ORDER), float(np.exp(logs[0])))

    def told_s(logs: np.ndarray, x: np.ndarray) -> np.ndarray:
        return np.array([make(logs).makespan_s(N_CIRCUITS, 1, int(k)) for k in x])

    time_s = np.array([float(row["Compute"]) for row in rows])
    return Series("circuits_one_node", x, time_s, told_s, make, (4.7, 5.0), np.ones(len(x)))


def second_threads() -> Series:
    """Return the compression of images with 64, 128 and 256 slots on a node of 128 cores with two threads each."""
    x, time_s = [], []
    for path in sorted(DATA.glob("qma_compression_data_2_*.csv.gz")):
        with gzip.open(path, "rt", newline="") as file:
            ends = [(float(r["time_start_loading"]), float(r["time_done"])) for r in csv.DictReader(file)]
        x.append(int(path.name.split("_")[4]))
        time_s.append(float(np.mean([end - start for start, end in ends])))
    order = np.argsort(x)

    def make(logs: np.ndarray) -> TaskBag:
        return TaskBag(NodeContention(float(np.exp(logs[1])), ORDER), float(np.exp(logs[0])))

    def told_s(logs: np.ndarray, x: np.ndarray) -> np.ndarray:
        bag = make(logs)
        return bag.alone_s * bag.node.slowdown(x)

    return Series(
        "compression", np.array(x)[order], np.array(time_s)[order], told_s, make, (50.0, 130.0), np.ones(len(x))
    )


def cpu_bag(alone_s: float) -> Series:
    """Return the same circuits on 128 to 2048 cores; a circuit alone lasts as on one process of ``saturation``."""
    rows = rows_of("qma_workload_on_cpus.csv")
    x = np.array([int(row["cpus"]) for row in rows])

    def make(logs: np.ndarray) -> TaskBag:
        saturated, start_up_s = map(float, np.exp(logs))
        return TaskBag(NodeContention(saturated, ORDER), alone_s, start_up_s)

    time_s = np.array([float(row["execution time"]) for row in rows])
    return Series("circuits_cpu", x, time_s, bags(make, CORES_PER_NODE), make, (7.0, 200.0), np.ones(len(x)))


def gpu_bag() -> Series:
    """Return the same circuits on 4 to 64 A100, one at a time on each."""
    rows = rows_of("qma_workload_on_gpus.csv")
    x = np.array([int(row["gpus"]) for row in rows])
    time_s = np.array([float(row["execution time"]) for row in rows])

    def make(logs: np.ndarray) -> TaskBag:
        alone_s, dispatch_s = map(float, np.exp(logs))
        return TaskBag(NodeContention(float("inf"), ORDER), alone_s, 0.0, dispatch_s, OVERLAP)

    typed = np.array([STEPS[len(row["execution time"].partition(".")[2])] for row in rows])
    weight = time_s / typed
    return Series("circuits_gpu", x, time_s, bags(make, GPUS_PER_NODE), make, (0.06, 2e-3), weight / weight.mean())


def all_series() -> list[Series]:
    """Return every series, in the order of the table."""
    first = saturation()
    alone_s = first.bag(first.fit(np.ones(len(first.x), dtype=bool))).alone_s
    return [first, second_threads(), cpu_bag(alone_s), gpu_bag()]


def main() -> None:
    """Print the held-out errors and, if asked, write the cards and the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    write = parser.parse_args().write
    found = []
    for series in all_series():
        errors, bag = series.held_out(), series.bag(series.fit(np.ones(len(series.x), dtype=bool)))
        found.append((series, bag, errors))
        print(
            f"{series.name}: {dict(zip(series.x.tolist(), (100 * errors).round(1).tolist(), strict=True))} %\n  {bag}"
        )
    if write:
        from task_cards import write_all

        write_all(found, HERE)


if __name__ == "__main__":
    main()
