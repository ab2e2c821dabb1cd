"""Published runs of pilots, as the fits and checks of this folder read them."""

from __future__ import annotations

import csv
import datetime as dt
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
DATA = Path(os.environ.get("QHPCSIM_REFERENCE_DATA", HERE / "../../../shared/data"))
N_FRAGMENTS = 45711


def rows(name: str) -> Iterator[dict[str, str]]:
    """Yield the rows of a reference table; spaces around cells do not count."""
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield {key.strip(): (value or "").strip() for key, value in row.items() if key is not None}


def no_op_runs() -> list[tuple[int, int, float, bool]]:
    """Return (block, tasks, seconds, cold) of each run of no-op tasks on 4 nodes of 64 slots; blocks are series."""
    found, block = [], 0
    with (DATA / "seed/pq_result_benchmark.csv").open(encoding="utf-8", newline="") as file:
        for cells in csv.reader(file):
            if cells[0] == "cores":
                block += 1
                scale, cold = (1e-3 if cells[2].endswith("ms") else 1.0), True
            else:
                found.append((block, int(cells[1]), float(cells[2]) * scale, cold))
                cold = False
    return found


def compression_runs() -> dict[int, list[float]]:
    """Return seconds of each run by number of nodes."""
    found: dict[int, list[float]] = {}
    for row in rows("seed/qma_compression_results_multinode.csv"):
        found.setdefault(int(row["number_of_nodes"]), []).append(float(row["compute_time_sec"]))
    return found


@dataclass(frozen=True)
class Cutting:
    """Runs with one width of sub-circuits."""

    width: int
    n_parts: int
    find_s: float
    total_s: dict[int, float]
    """QPUs -> mean seconds."""
    reconstruct_s: float
    """Mean on one QPU."""


def cutting_runs() -> list[Cutting]:
    """Return the cutting runs on one to four simulated QPUs, widest first."""
    totals: dict[int, dict[int, list[float]]] = {}
    last: dict[int, list[float]] = {}
    for row in rows("seed/qma_dreamer_multiple-qpus-dreamer-rr.csv"):
        width, n_qpus = int(row["subcircuit_size"]), int(row["num_pilots"])
        totals.setdefault(width, {}).setdefault(n_qpus, []).append(float(row["circuit_cutting_total_runtime_secs"]))
        if n_qpus == 1:
            last.setdefault(width, []).append(float(row["circuit_cutting_reconstruct_time_secs"]))
    return [
        Cutting(
            width := int(row["subcircuit_size"]),
            int(row["num_sub_circuits"]),
            float(row["find_cuts_time"]),
            {n: float(np.mean(seconds)) for n, seconds in sorted(totals[width].items())},
            float(np.mean(last[width])),
        )
        for row in rows("seed/qma_dreamer_single-backend-results.csv")
    ]


@dataclass(frozen=True)
class Trace:
    """A task trace, in order of submission; seconds from the first submission."""

    submitted_s: np.ndarray
    started_s: np.ndarray
    run_s: np.ndarray

    @property
    def ended_s(self) -> np.ndarray:
        """When tasks ended."""
        return self.started_s + self.run_s


def task_trace() -> Trace:
    """Return the trace of 1024 circuit executions on Dask."""
    found = []
    for row in rows("seed/pq_circuit_execution_task-metrics.csv"):
        if row["task_id"] != "task_id":
            sent = dt.datetime.fromisoformat(row["submit_time"]).timestamp()
            found.append((sent, sent + float(row["wait_time_secs"]), float(row["execution_ms"])))
    columns = np.array(sorted(found)).T
    return Trace(columns[0] - columns[0][0], columns[1] - columns[0][0], columns[2])


def dask_starts() -> np.ndarray:
    """Return the start-up seconds of Dask pilots on one node."""
    return np.array([float(row["Pilot start"]) for row in rows("seed/pq_results_processes.csv")])


def ray_starts() -> tuple[np.ndarray, np.ndarray]:
    """Return nodes and start-up seconds of Ray pilots, typed by hand."""
    names = ("jacobian", "no_jacobian")
    found = [row for name in names for row in rows(f"seed/qma_dist_mem_{name}_results.csv")]
    seconds = [float(next(value for key, value in row.items() if key.startswith("pilotStartup"))) for row in found]
    return np.array([int(row["Nodes"]) for row in found]), np.array(seconds)


def fragment_runs() -> dict[str, dict[int, float]]:
    """Return seconds of 45,711 fragments by dispatch (``BATCHED``, ``ONDEMAND``) and GPUs."""
    found: dict[str, dict[int, float]] = {"BATCHED": {}, "ONDEMAND": {}}
    for row in rows("timings/published_timings.csv"):
        if f"into {N_FRAGMENTS} fragments" in row["circuit"]:
            word = row["circuit"].rsplit(" ", 1)[1]
            found[word][int(row["system"].split(" x")[1].split()[0])] = float(row["seconds"])
    return found


def fragment_chunks() -> dict[int, np.ndarray]:
    """Return (chunks, 4) fragments of 27 and 29 qubits, and how many different ones, of each GPU's share by GPUs."""
    found: dict[int, list[list[int]]] = {}
    with (HERE / "fragment_chunks.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            counts = [int(row[name]) for name in ("n_27", "n_29", "different_27", "different_29")]
            found.setdefault(int(row["n_gpus"]), []).append(counts)
    return {n_gpus: np.array(chunks) for n_gpus, chunks in found.items()}
