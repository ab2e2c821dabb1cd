"""Times gate kernels of all sizes, widths and precisions that fit a GPU; needs a ``GpuKernels``, not a GPU."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from qhpcsim.core.errors import EngineError
from qhpcsim.execution.gpu_kernels import GpuKernels
from qhpcsim.models.gpu_fit import BYTES, KernelRow

SIZES = (8, 9, 10, 11, *range(16, 32))
"""Qubits: states of one block of threads, then 2^16 to 2^31 amplitudes."""
WIDTHS = (1, 2, 3, 4, 5)
PRECISIONS = ("double", "single")
STATE_FRAC = 0.8
"""Share of the memory that a state may take while it is measured."""
N_PLACES = 6
"""Places in the state that the gates of a batch go to in turn."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """One kind of gate to time."""

    n_qubits: int
    width: int
    precision: str

    def targets(self) -> list[tuple[int, ...]]:
        """Return the qubits of the gates of a batch: from the lowest to the highest, evenly."""
        room = self.n_qubits - self.width
        firsts = [round(k * room / (N_PLACES - 1)) for k in range(N_PLACES)]
        return [tuple(range(first, first + self.width)) for first in firsts]


def plan(memory_bytes: float) -> list[Kernel]:
    """Return all kernels whose state fits, small ones first."""
    return [
        Kernel(n, width, precision)
        for n in SIZES
        for precision in PRECISIONS
        for width in WIDTHS
        if BYTES[precision] << n <= STATE_FRAC * memory_bytes
    ]


def measure_kernels(
    kernels: GpuKernels, budget_s: float, progress: Callable[[float], None] | None = None
) -> list[KernelRow]:
    """Return the times of all planned kernels, in the order of ``plan``.

    The plan is run through again until the budget is spent, once at least; the smallest batch of each kernel counts.

    Raises:
        EngineError: if the software says times that cannot be.
    """
    planned = plan(kernels.facts().memory_bytes)
    if not planned:
        raise EngineError("no state fits the GPU's memory", where="calibrate gpu")
    found: dict[Kernel, list[float]] = {kernel: [] for kernel in planned}
    began_s = time.monotonic()
    for n_done, kernel in enumerate(_rounds(planned, began_s + budget_s), start=1):
        found[kernel] += _checked(kernels, kernel)
        if progress is not None:
            progress(min(n_done / len(planned), (time.monotonic() - began_s) / budget_s))
    return [_row(kernel, times_s) for kernel, times_s in found.items()]


def _rounds(planned: Sequence[Kernel], until_s: float) -> Iterator[Kernel]:
    """Yield the plan once, and again while there is time."""
    yield from planned
    while True:
        for kernel in planned:
            if time.monotonic() >= until_s:
                return
            yield kernel


def _checked(kernels: GpuKernels, kernel: Kernel) -> list[float]:
    times_s = kernels.batches_s(kernel.n_qubits, kernel.targets(), kernel.precision)
    bad = [seconds for seconds in times_s if not 0.0 < seconds < 1e4]
    if bad or not times_s:
        raise EngineError(
            f"{kernels.software} says {bad[0] if bad else 'no time'} s for a gate on {kernel.width} of "
            f"{kernel.n_qubits} qubits in {kernel.precision} precision",
            where="calibrate gpu",
            allowed="more than 0 s",
            hint="is the GPU shared? try again, or another --kernels",
        )
    return times_s


def _row(kernel: Kernel, times_s: list[float]) -> KernelRow:
    best = min(times_s)
    spread = statistics.median(times_s) / best - 1.0
    return KernelRow(kernel.n_qubits, kernel.width, kernel.precision, best, spread)
