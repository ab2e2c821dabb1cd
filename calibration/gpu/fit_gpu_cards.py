"""Fit the GPU cards to published times of gate kernels, and say how well held-out rows are predicted.

    python calibration/gpu/fit_gpu_cards.py            # prints the held-out errors
    python calibration/gpu/fit_gpu_cards.py --write    # writes a100_40.yaml … b200.yaml beside this file

Reads timings/published_timings.csv and timings/hw_specs.csv under QHPCSIM_REFERENCE_DATA (default ../shared/data).
Held out: the rows with an even number of qubits while those with an odd number are fitted, and the other way round.
"""

from __future__ import annotations

import argparse
import csv
import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from benchmark_circuits import qcbm
from scipy.optimize import least_squares

from qhpcsim.models.gpu_groups import Operation, operations
from qhpcsim.models.gpu_statevector import GpuStateVector

HERE = Path(__file__).parent
DATA = Path(os.environ.get("QHPCSIM_REFERENCE_DATA", HERE / "../../../shared/data"))
SCRIPT = "calibration/gpu/fit_gpu_cards.py"
QULACS = "https://github.com/forest1040/benchmark-qulacs (8d82327), pytest-benchmark JSON, minimum over rounds, fp64"
CUSVAER = "single-GPU rows of https://github.com/quantum-compiler/atlas-artifact (dd1b686), cuQuantum cusvaer 23.03"
SMALL_STATE_KIB = 32.0
"""States of up to 2^11 amplitudes are one block of threads; the launch takes longer from there on."""
NAMES = ("launch_small", "launch", "bandwidth", "cache_bandwidth")
START = np.log([1e-5, 1e-5, 1.4e12, 2e12])
SOFT = 0.05


@dataclass(frozen=True)
class Measured:
    """A GPU with published rows: their system, and what of its cache serves as one."""

    system: str
    cache_mb: float
    cache_note: str
    peak: str


A100 = Measured(
    "A100 x1 + EPYC 7742", 20.0, "half of the 40 MB: each half of the chip caches its own", "A100-SXM4-40GB"
)
H100 = Measured("H100 x1 + EPYC 9654", 50.0, "the whole cache", "H100-PCIe-80GB")


@dataclass(frozen=True)
class Rows:
    """Timed circuits: qubits, passes over the state, seconds."""

    n: np.ndarray
    passes: list[list[Operation]]
    time_s: np.ndarray

    def take(self, chosen: np.ndarray) -> Rows:
        """Return some of the rows."""
        return Rows(self.n[chosen], [p for p, c in zip(self.passes, chosen, strict=True) if c], self.time_s[chosen])

    def errors(self, model: GpuStateVector) -> np.ndarray:
        """Return the relative error of each row, predicted over measured less one."""
        told = [model.passes_s(p, 16.0 * 2.0**n) for p, n in zip(self.passes, self.n, strict=True)]
        return np.array(told) / self.time_s - 1.0


def read(name: str) -> list[dict[str, str]]:
    """Return a reference table."""
    with (DATA / "timings" / name).open(newline="") as file:
        return list(csv.DictReader(file))


def qulacs(system: str) -> Rows:
    """Return the rows of the unfused circuit, every gate a kernel of its own."""
    found = [r for r in read("published_timings.csv") if r["system"] == system and r["circuit"].startswith("QCBM ")]
    n = np.array([int(row["qubits"]) for row in found])
    if any(len(qcbm(int(row["qubits"]))) != int(row["gates"]) for row in found):
        raise SystemExit("the rebuilt circuit has other gates than the published one")
    passes = [operations(qcbm(int(k)), 1) for k in n]
    return Rows(n, passes, np.array([float(row["seconds"]) for row in found]))


def blank(cache_mb: float) -> GpuStateVector:
    """Return a device whose fitted numbers are still to be found."""
    return GpuStateVector("fit", 1, 1, SMALL_STATE_KIB * 1024, 1, 1, cache_mb * 1e6, 1e12, 1, 1, 0, 1, 0)


def with_numbers(model: GpuStateVector, logs: np.ndarray) -> GpuStateVector:
    """Return a device with fitted numbers, given as logarithms in the order of ``NAMES``."""
    small, launch, rate, cache = np.exp(logs)
    return replace(model, launch_small_s=small, launch_s=launch, bandwidth_bytes_s=rate, cache_bandwidth_bytes_s=cache)


def fit(rows: Rows, cache_mb: float) -> np.ndarray:
    """Return the logarithms that minimise a robust sum of squared logarithmic errors."""
    model = blank(cache_mb)
    found = least_squares(
        lambda logs: np.log1p(rows.errors(with_numbers(model, logs))), START, loss="soft_l1", f_scale=SOFT
    )
    return found.x


def interval(errors: np.ndarray) -> tuple[float, float, float]:
    """Return the mean absolute error and its 90 % bootstrap interval over rows, in percent."""
    rng = np.random.default_rng(20261122)
    size = np.abs(errors)
    means = rng.choice(size, (2000, len(size))).mean(axis=1)
    return tuple(100.0 * np.array([size.mean(), *np.quantile(means, (0.05, 0.95))]))


def held_out(rows: Rows, cache_mb: float) -> dict[str, np.ndarray]:
    """Return the errors on even and on odd sizes, each fitted on the others."""
    found = {}
    for name, held in (("even n", rows.n % 2 == 0), ("odd n", rows.n % 2 == 1)):
        model = with_numbers(blank(cache_mb), fit(rows.take(~held), cache_mb))
        found[name] = rows.take(held).errors(model)
    return found


def bootstrap(rows: Rows, cache_mb: float) -> np.ndarray:
    """Return the relative standard deviation of the fitted numbers over resampled rows."""
    rng = np.random.default_rng(1)
    draws = []
    for _ in range(60):
        pick = np.sort(rng.integers(0, len(rows.n), len(rows.n)))
        again = Rows(rows.n[pick], [rows.passes[i] for i in pick], rows.time_s[pick])
        draws.append(fit(again, cache_mb))
    return np.std(draws, axis=0)


def main() -> None:
    """Print the held-out errors and, if asked, write the cards."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    write = parser.parse_args().write
    fits = {}
    for name, device in (("a100_40", A100), ("h100_pcie", H100)):
        rows = qulacs(device.system)
        errors = held_out(rows, device.cache_mb)
        logs = fit(rows, device.cache_mb)
        for what, part in errors.items():
            print(f"{name} {what}: {len(part)} rows, MAPE {'{:.1f} % ({:.1f} … {:.1f})'.format(*interval(part))}")
        print(f"  {dict(zip(NAMES, np.exp(logs), strict=True))}")
        fits[name] = (device, logs, bootstrap(rows, device.cache_mb) if write else None, errors)
    if write:
        from gpu_cards import write_cards

        write_cards(fits, {row["device"]: row for row in read("hw_specs.csv")}, HERE)


if __name__ == "__main__":
    main()
