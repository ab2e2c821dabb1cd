"""Calibrates the GPU model on this machine, or from rows measured elsewhere: measure, fit, keep the rows."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from qhpcsim.core.csv_table import CsvTable, read_csv
from qhpcsim.core.errors import CardError
from qhpcsim.execution.gpu_kernels import GpuFacts, GpuKernels
from qhpcsim.execution.gpu_measure import measure_kernels
from qhpcsim.models.gpu_fit import BYTES, FITTED_WIDTHS, SMALL_STATE_BYTES, KernelFit, KernelRow, fit_kernels
from qhpcsim.models.gpu_statevector import GpuStateVector

ASSUMED_FIXED_S = 0.027
"""A run's time beside its gates where the software has no runs: as card a100_40, from cusvaer."""
HOST_BYTES_S, HOST_BYTES = 16e9, 256e9
"""States larger than the GPU: half of a PCIe 4 link, and a share of a host's memory; not measured."""
CIRCUIT_SIGMA = 0.2
"""From kernels to whole circuits: what shipped cards assume, from circuits of the Atlas artifact."""
N_MIN_SIZES = 3
"""Fewest sizes of states on either side of the cache from which a card is made."""
BUSY_SPREAD = 0.1
"""Median batch over shortest batch, less one, from which the GPU is said to be busy."""
FACTS = ("gpu", "memory_bytes", "cache_bytes", "software", "fixed_s", "fusion_width")
TIMES = ("n_qubits", "width", "precision", "seconds", "spread")


@dataclass(frozen=True, slots=True)
class Bench:
    """The GPU, the software on it, and what is known of both beside the timed kernels."""

    facts: GpuFacts
    software: str
    fixed_s: float | None
    """Time of a run beside its gates; None: not measured, the software has no runs."""
    fusion_width: int


@dataclass(frozen=True, slots=True)
class GpuCalibration:
    """A fit and what it was made from."""

    bench: Bench
    rows: list[KernelRow]
    fit: KernelFit

    @property
    def busy(self) -> bool:
        """Whether something else seems to have used the GPU."""
        return float(np.median([row.spread for row in self.rows])) > BUSY_SPREAD


def calibrate_gpu(
    kernels: GpuKernels, budget_s: float, seed: int = 0, progress: Callable[[float], None] | None = None
) -> GpuCalibration:
    """Return the calibration of the GPU of ``kernels`` after measuring for about ``budget_s``."""
    bench = Bench(kernels.facts(), kernels.software, kernels.fixed_s(), kernels.fusion_width)
    return fitted(bench, measure_kernels(kernels, budget_s, progress), seed)


def fitted(bench: Bench, rows: Sequence[KernelRow], seed: int = 0) -> GpuCalibration:
    """Return the calibration that measured rows give.

    Raises:
        CardError: if too few sizes were measured on either side of the cache.
    """
    used = [row for row in rows if row.width in FITTED_WIDTHS]
    large = {row.n_qubits for row in used if row.state_bytes > bench.facts.cache_bytes}
    small = {row.n_qubits for row in used} - large
    if min(len(large), len(small)) < N_MIN_SIZES:
        raise CardError(
            f"{len(small)} sizes of states inside the cache and {len(large)} beyond it",
            where="calibrate gpu",
            allowed=f"{N_MIN_SIZES} or more of each",
        )
    blank = GpuStateVector(
        name=bench.facts.name,
        launch_s=1.0,
        launch_small_s=1.0,
        small_state_bytes=SMALL_STATE_BYTES,
        bandwidth_bytes_s=1.0,
        cache_bandwidth_bytes_s=1.0,
        cache_bytes=bench.facts.cache_bytes,
        memory_bytes=bench.facts.memory_bytes,
        host_bandwidth_bytes_s=HOST_BYTES_S,
        host_memory_bytes=HOST_BYTES,
        fixed_s=ASSUMED_FIXED_S if bench.fixed_s is None else bench.fixed_s,
        fusion_width=bench.fusion_width,
        sigma=CIRCUIT_SIGMA,
    )
    return GpuCalibration(bench, list(rows), fit_kernels(rows, blank, seed))


def write_rows(path: Path, bench: Bench, rows: Sequence[KernelRow]) -> None:
    """Write timed kernels as CSV; every row says which GPU and software it is of."""
    facts = bench.facts
    fixed = "" if bench.fixed_s is None else f"{bench.fixed_s:.6g}"
    first = [facts.name, f"{facts.memory_bytes:.0f}", f"{facts.cache_bytes:.0f}", bench.software, fixed]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow((*FACTS, *TIMES))
        for row in rows:
            cells = (row.n_qubits, row.width, row.precision, f"{row.seconds:.6g}", f"{row.spread:.4g}")
            writer.writerow((*first, bench.fusion_width, *cells))


def read_rows(path: Path) -> tuple[Bench, list[KernelRow]]:
    """Return timed kernels from a CSV that ``write_rows`` wrote.

    Raises:
        WorkloadError: names file, line and column of what is wrong.
        CardError: if the rows are of several GPUs, or hold a time, width or precision that cannot be.
    """
    table = read_csv(path)
    for name in (*FACTS, *TIMES):
        table.need((name,), ", ".join((*FACTS, *TIMES)))
    if len({tuple(cells) for cells in zip(*(table.words(name) for name in FACTS), strict=True)}) != 1:
        raise CardError("rows of several GPUs or softwares", where=table.where, allowed="one in a file")
    memory, cache, fusion = (float(table.numbers(name)[0]) for name in ("memory_bytes", "cache_bytes", "fusion_width"))
    fixed_s = float(table.numbers("fixed_s", empty=-1.0)[0])
    facts = GpuFacts(table.words("gpu")[0], memory, cache)
    bench = Bench(facts, table.words("software")[0], None if fixed_s < 0 else fixed_s, int(fusion))
    return bench, _kernel_rows(table)


def _kernel_rows(table: CsvTable) -> list[KernelRow]:
    precision = table.words("precision")
    n, width, seconds, spread = (table.numbers(name) for name in ("n_qubits", "width", "seconds", "spread"))
    for i, word in enumerate(precision):
        if word not in BYTES:
            raise CardError(f"{word[:40]!r}", where=table.place(i, "precision"), allowed=", ".join(BYTES))
        if not 1 <= width[i] <= n[i] <= 60:
            raise CardError(f"a gate on {width[i]:g} of {n[i]:g} qubits", where=table.place(i, "width"))
        if seconds[i] <= 0:
            raise CardError(f"{seconds[i]:g} s", where=table.place(i, "seconds"), allowed="more than 0")
    return [
        KernelRow(int(n[i]), int(width[i]), precision[i], float(seconds[i]), float(spread[i]))
        for i in range(len(precision))
    ]
