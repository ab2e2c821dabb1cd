"""The jobs of the study: the two published workloads, drawn anew for each seed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

import qhpcsim

WINDOW_S = 2884.8
CPU_MEAN_S = 0.156
PERFORMANCE = 0.5 * (3.8 + 5.0) * 1.10
"""Of one CPU unit: mean of base and boost clock in GHz times the IPC factor of the published node."""
EAGLE_CLOPS = 220_000.0
OLDER_CLOPS = np.array([32_000.0, 30_000.0])
"""Of the two QPUs of the second use case, in the published code: ibm_quebec and ibm_kyiv."""
WIDTHS = np.array([49, 39, 46, 41, 24, 26, 12, 9, 10, 5, 3, 4, 4, 2, 1, 1])
"""How many of the first 276 jobs of the published trace of the second use case want 10, 11, … 25 qubits."""


def qpu_s(
    shots: NDArray[np.int64], depth: NDArray[np.int64], clops: float | NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the published time of a call on its qubits."""
    return 10.0 * shots * np.log2(depth) / clops


def classical_s(width: NDArray[np.int64], depth: NDArray[np.int64], units: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the published time of a classical phase on some CPU units."""
    return 1.5e-6 * 2.0**width * depth / (PERFORMANCE * units**0.85)


def sweep(k: int, seed: int, constant: bool = False, classical_seed: int | None = None) -> qhpcsim.RegionLoops:
    """Return jobs of k calls each; those of one seed differ between values of k in nothing but k.

    Args:
        k: Calls, and classical phases.
        seed: Of everything random.
        constant: Classical phases all take their mean.
        classical_seed: Of the CPU units of the classical phases; None: ``seed``.
    """
    n_jobs, draw = 3000, np.random.default_rng([seed, 0])
    more = np.random.default_rng([seed if classical_seed is None else classical_seed, 1])
    submit_s = np.sort(draw.uniform(0.0, WINDOW_S, n_jobs))
    width, depth = draw.integers(10, 21, n_jobs), draw.integers(10, 21, n_jobs)
    shots = draw.integers(2000, 9001, n_jobs)
    units = more.integers(4, 17, (n_jobs, 21))[:, :k]
    cpu_s = classical_s(width[:, None], depth[:, None], units)
    return qhpcsim.RegionLoops(
        submit_s=submit_s,
        n_qubits=width.astype(np.int32),
        offset=np.arange(n_jobs + 1) * k,
        qpu_s=np.repeat(qpu_s(shots, depth, EAGLE_CLOPS), k),
        cpu_s=np.full(cpu_s.size, CPU_MEAN_S) if constant else cpu_s.ravel(),
    )


def use_case(seed: int) -> tuple[qhpcsim.RegionLoops, NDArray[np.int64]]:
    """Return the jobs of the second use case and the CPU units of each of their classical phases."""
    n_jobs, draw = 1200, np.random.default_rng([seed, 2])
    submit_s = np.cumsum(draw.exponential(1 / 0.35, n_jobs))
    width = draw.choice(np.arange(10, 26), n_jobs, p=WIDTHS / WIDTHS.sum())
    depth = np.round(draw.triangular(50.0, 99.0, 99.0, n_jobs)).astype(np.int64)
    shots, k = draw.integers(10, 51, n_jobs) * 100, draw.integers(4, 10, n_jobs)
    units = draw.integers(4, 17, k.sum())
    loops = qhpcsim.RegionLoops(
        submit_s=submit_s,
        n_qubits=width.astype(np.int32),
        offset=np.concatenate([[0], np.cumsum(k)]),
        qpu_s=np.repeat(qpu_s(shots[:, None], depth[:, None], OLDER_CLOPS), k, axis=0),
        cpu_s=classical_s(np.repeat(width, k), np.repeat(depth, k), units),
    )
    return loops, units
