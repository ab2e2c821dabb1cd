"""Fit the links of GPU clusters to published runs on 1 to 512 A100, and say how well held-out runs are predicted.

    python calibration/gpu/fit_clusters.py            # prints the held-out errors
    python calibration/gpu/fit_clusters.py --write    # writes the cards in ../clusters and the table fit.md here

Run fit_gpu_cards.py first: the devices' numbers are not fitted again. Held out: each circuit (cusvaer), each size
(PennyLane), each run (the mini-app of distributed state vectors).
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from benchmark_circuits import ATLAS, Circuit, layers
from fit_gpu_cards import DATA, interval, read
from scipy.optimize import least_squares

from qhpcsim.models.gpu_cluster import DistributedStateVector, GpuCluster
from qhpcsim.models.gpu_statevector import GpuStateVector

SOFT = 0.1


@dataclass(frozen=True)
class Run:
    """One timed run."""

    group: str
    cost: Circuit
    n_devices: int
    time_s: float


@dataclass(frozen=True)
class Study:
    """Runs of one software, and what is fitted to them."""

    name: str
    device: str
    runs: list[Run]
    cluster: GpuCluster
    fitted: tuple[str, ...]
    start: tuple[float, ...]
    start_up: bool = False

    def told_s(self, cluster: GpuCluster, runs: Sequence[Run]) -> np.ndarray:
        """Return the predicted times."""
        device = GpuStateVector.open(self.device)
        models = [DistributedStateVector(device, cluster, run.n_devices, self.start_up) for run in runs]
        return np.array([model.predict(run.cost).median_s for model, run in zip(models, runs, strict=True)])

    def fit(self, runs: Sequence[Run]) -> GpuCluster:
        """Return the cluster that predicts some runs best, in a robust sense of relative errors.

        The time is a straight line in the reciprocals of the bandwidths and in the other numbers, so a few
        predictions give all of them.
        """
        base, columns = self._columns(runs)
        time_s = np.array([run.time_s for run in runs])

        def wrong(logs: np.ndarray) -> np.ndarray:
            return np.log((base + columns @ np.exp(logs)) / time_s)

        found = least_squares(wrong, np.log(self.start), loss="soft_l1", f_scale=SOFT, max_nfev=2000)
        return self._with(np.exp(found.x))

    def _columns(self, runs: Sequence[Run]) -> tuple[np.ndarray, np.ndarray]:
        base = self.told_s(self._with(np.zeros(len(self.fitted))), runs)
        ones = np.eye(len(self.fitted))
        return base, np.column_stack([self.told_s(self._with(one), runs) - base for one in ones])

    def _with(self, values: np.ndarray) -> GpuCluster:
        """Return the cluster with fitted values; those of bandwidths are seconds for each GB."""
        changes = {
            name: (1e9 / value if value else float("inf")) if name.endswith("bytes_s") else float(value)
            for name, value in zip(self.fitted, values, strict=True)
        }
        return replace(self.cluster, **changes)

    def held_out(self) -> dict[str, np.ndarray]:
        """Return the relative errors of each group when it is left out of the fit."""
        found = {}
        for group in dict.fromkeys(run.group for run in self.runs):
            left = [run for run in self.runs if run.group == group]
            told = self.told_s(self.fit([run for run in self.runs if run.group != group]), left)
            found[group] = told / np.array([run.time_s for run in left]) - 1.0
        return found


def cusvaer() -> Study:
    """Return eleven circuits on 1 to 256 A100, every size but the single GPU."""
    rows = [r for r in read("published_timings.csv") if r["software"].startswith("cuQuantum cusvaer")]
    runs = [_atlas_run(row) for row in rows if int(row["n_gpus"]) > 1]
    blank = GpuCluster("fit", 4, 1.0, 1.0, 0.0, "staged", 1.0, 4, 0.02, 0.0, 0.0, 0.0)
    return Study("cusvaer", "a100_40", runs, blank, ("inside_bytes_s", "between_bytes_s", "fixed_s"), (0.02, 0.1, 0.02))


def one_device(device: str) -> np.ndarray:
    """Return the relative errors of a device's card on the same circuits on one GPU; only its ``fixed`` knows them."""
    rows = [r for r in read("published_timings.csv") if r["software"].startswith("cuQuantum cusvaer")]
    runs = [_atlas_run(row) for row in rows if int(row["n_gpus"]) == 1]
    model = GpuStateVector.open(device)
    return np.array([model.predict(run.cost).median_s / run.time_s - 1.0 for run in runs])


def _atlas_run(row: dict[str, str]) -> Run:
    n = int(row["qubits"])
    cost = Circuit(tuple(ATLAS[row["circuit"]](n)), n)
    return Run(row["circuit"], cost, int(row["n_gpus"]), float(row["seconds"]))


def pennylane() -> Study:
    """Return StronglyEntanglingLayers of three layers on 2 to 512 A100: 64 GiB of state on each."""
    runs = []
    for row in read("published_timings.csv"):
        if row["circuit"].startswith("StronglyEntanglingLayers L=3"):
            n = int(row["qubits"])
            runs.append(Run(row["qubits"], Circuit(tuple(layers(n, 3)), n), int(row["n_gpus"]), float(row["seconds"])))
    blank = GpuCluster("fit", 4, 1.0, 1.0, 0.0, "per_gate", 2.0, 1, 0.0, 0.0, 0.0, 0.0)
    return Study("lightning", "a100_80", runs, blank, ("inside_bytes_s", "between_bytes_s"), (0.02, 0.1))


def mini_app(links: GpuCluster) -> Study:
    """Return the mini-app's forward runs on 4 to 512 A100: two layers, one expectation value a qubit, with start-up."""
    with (DATA / "seed/qma_dist_mem_no_jacobian_results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    runs = []
    for row in rows:
        n, n_devices = int(row["Qubits"]), int(row["GPUS"])
        name = f"{n} q, {n_devices} GPUs"
        runs.append(Run(name, Circuit(tuple(layers(n, 2)), n, n), n_devices, float(row["runTime (Sec)"])))
    blank = replace(links, swaps_per_need=1.0)
    fitted = ("start_up_s", "start_up_nodes_s", "between_bytes_s")
    return Study("lightning_mini_app", "a100_80", runs, blank, fitted, (50.0, 5.0, 0.1), start_up=True)


def strong(study: Study, cluster: GpuCluster) -> dict[int, float]:
    """Return predicted times of the mini-app's 36 qubits on 32 to 256 GPUs, without start-up; no such run is fitted."""
    cost = Circuit(tuple(layers(36, 2)), 36, 36)
    device = GpuStateVector.open(study.device)
    return {
        number: DistributedStateVector(device, cluster, number).predict(cost).median_s for number in (32, 64, 128, 256)
    }


def flat(found: dict[str, np.ndarray]) -> np.ndarray:
    """Return all errors of a study."""
    return np.concatenate(list(found.values()))


def main() -> None:
    """Print the held-out errors and, if asked, write the cards and the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    write = parser.parse_args().write
    first = cusvaer()
    second = pennylane()
    third = mini_app(second.fit(second.runs))
    results = []
    for study in (first, second, third):
        cluster, errors = study.fit(study.runs), study.held_out()
        results.append((study, cluster, errors))
        mean, low, high = interval(flat(errors))
        print(f"{study.name}: {len(study.runs)} runs, held-out MAPE {mean:.1f} % ({low:.1f} … {high:.1f})")
        print("  " + ", ".join(f"{name} {100 * np.mean(np.abs(part)):.1f}" for name, part in errors.items()))
        print(f"  {cluster}")
        if study is not first:
            print(f"  strong scaling, 36 qubits: {strong(study, cluster)}")
    alone = {device: one_device(device) for device in ("a100_40", "a100_80")}
    print("one A100: " + ", ".join(f"{name} {100 * np.abs(part).mean():.1f} %" for name, part in alone.items()))
    if write:
        from cluster_cards import write_all

        write_all(results, alone)


if __name__ == "__main__":
    main()
