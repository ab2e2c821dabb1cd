"""Predict published gradients from forward runs alone, and say how well; fit the start of pilots by their nodes.

    python calibration/gpu/fit_gradients.py            # prints the errors
    python calibration/gpu/fit_gradients.py --write    # writes the cards and gradients.md

Run fit_clusters.py first. No gradient is fitted: the steps are counted, links and start-up come from the forward runs
of the same software with every qubit of a gate fetched, as its source does. Reads what fit_clusters.py reads, and
seed/qma_dist_mem_jacobian_results.csv.
"""

from __future__ import annotations

import argparse
import csv
from dataclasses import replace

import numpy as np
from benchmark_circuits import Circuit, layers
from fit_clusters import Run, Study, mini_app, pennylane
from fit_gpu_cards import DATA, interval, read

from qhpcsim.models.gpu_cluster import DistributedStateVector, GpuCluster
from qhpcsim.models.gpu_statevector import GpuStateVector
from qhpcsim.models.gradients import AdjointJacobian

JACOBIANS = "qma_dist_mem_jacobian_results.csv"
FORWARD = "qma_dist_mem_no_jacobian_results.csv"


def forward_studies() -> tuple[Study, Study]:
    """Return the forward runs of Lightning and of the mini-app, with every qubit of a gate fetched."""
    lightning = _every_qubit(pennylane())
    return lightning, _every_qubit(mini_app(lightning.fit(lightning.runs)))


def _every_qubit(study: Study) -> Study:
    return replace(study, name=f"{study.name}_every_qubit", cluster=replace(study.cluster, exchange="every_qubit"))


def seed_rows(name: str) -> list[dict[str, str]]:
    """Return a table of the mini-apps."""
    with (DATA / "seed" / name).open(newline="") as file:
        return list(csv.DictReader(file))


def gradients() -> dict[str, list[Run]]:
    """Return the gradients of every <Z> of strongly entangling layers, by the forward study that predicts them."""
    published = [row for row in read("published_timings.csv") if row["circuit"].startswith("SEL L=1 adjoint")]
    ours = seed_rows(JACOBIANS)
    return {
        "lightning_every_qubit": sorted(
            (_run(int(row["qubits"]), int(row["n_gpus"]), float(row["seconds"]), 1) for row in published),
            key=lambda run: run.n_devices,
        ),
        "lightning_mini_app_every_qubit": [
            _run(int(row["Qubits"]), int(row["GPUS"]), float(row["runTime (Sec)"]), 2) for row in ours
        ],
    }


def _run(n: int, n_devices: int, time_s: float, n_layers: int) -> Run:
    return Run(f"{n} q, {n_devices} GPUs", Circuit(tuple(layers(n, n_layers)), n), n_devices, time_s)


def told_s(study: Study, cluster: GpuCluster, run: Run) -> float:
    """Return the predicted time of a gradient; one row of the Jacobian for each qubit."""
    model = DistributedStateVector(GpuStateVector.open(study.device), cluster, run.n_devices, study.start_up)
    return AdjointJacobian(model).predict(run.cost, run.cost.n_active).median_s


def errors(study: Study, runs: list[Run]) -> np.ndarray:
    """Return the relative errors of gradients, links fitted to forward runs."""
    cluster = study.fit(study.runs)
    return np.array([told_s(study, cluster, run) / run.time_s - 1.0 for run in runs])


def strong_s(study: Study, cluster: GpuCluster, n_layers: int) -> dict[int, float]:
    """Return predicted gradients of 30 qubits on 32 to 256 GPUs; such runs exist, and none is fitted or compared."""
    return {number: told_s(study, cluster, _run(30, number, 1.0, n_layers)) for number in (32, 64, 128, 256)}


def pilot_starts() -> tuple[np.ndarray, np.ndarray]:
    """Return nodes and seconds from a pilot's start to its readiness, of forward runs and gradients."""
    rows = [*seed_rows(FORWARD), *seed_rows(JACOBIANS)]
    key = next(name for name in rows[0] if name.startswith("pilotStartup"))
    return np.array([int(row["Nodes"]) for row in rows]), np.array([float(row[key]) for row in rows])


def fit_start(nodes: np.ndarray, start_s: np.ndarray) -> np.ndarray:
    """Return seconds on one node, and more for every doubling, by least relative squares."""
    columns = np.column_stack([np.ones(len(nodes)), np.log2(nodes)]) / start_s[:, None]
    return np.linalg.lstsq(columns, np.ones(len(nodes)), rcond=None)[0]


def start_errors() -> dict[int, np.ndarray]:
    """Return the relative errors of the starts on each number of nodes, when it is left out of the fit."""
    nodes, start_s = pilot_starts()
    found = {}
    for number in sorted(set(nodes.tolist())):
        base, more = fit_start(nodes[nodes != number], start_s[nodes != number])
        left = start_s[nodes == number]
        found[number] = (base + more * np.log2(number)) / left - 1.0
    return found


def main() -> None:
    """Print the errors and, if asked, write the cards and the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    write = parser.parse_args().write
    results = []
    for study in forward_studies():
        runs = gradients()[study.name]
        wrong, forward = errors(study, runs), np.concatenate(list(study.held_out().values()))
        results.append((study, study.fit(study.runs), forward, runs, wrong))
        for what, part in (("forward, held out", forward), ("gradients, never fitted", wrong)):
            print(f"{study.name}: {what}: {'{:.1f} % ({:.1f} … {:.1f})'.format(*interval(part))}")
        print("  " + ", ".join(f"{run.group}: {e:+.0%}" for run, e in zip(runs, wrong, strict=True)))
        print(f"  {results[-1][1]}")
        print(f"  30 qubits, two layers: {strong_s(study, results[-1][1], 2)}")
    nodes, start_s = pilot_starts()
    starts = np.concatenate(list(start_errors().values()))
    print(f"pilots: {fit_start(nodes, start_s)} s; held out {'{:.1f} % ({:.1f} … {:.1f})'.format(*interval(starts))}")
    if write:
        from gradient_cards import write_all

        write_all(results, fit_start(nodes, start_s), starts)


if __name__ == "__main__":
    main()
