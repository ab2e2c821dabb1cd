"""Gate kernels of our own, by CuPy: for machines on which no simulator's GPU part installs.

Never run on a GPU so far: the kernel was compiled by NVIDIA's compiler and its arithmetic checked on a CPU.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from qhpcsim.core.errors import shorten
from qhpcsim.core.registry import register
from qhpcsim.execution.gpu_kernels import GpuFacts, GpuKernels, Unavailable

BLOCK = 256
"""Threads in a block."""
N_BATCHES = 5
BATCH_S = 0.02
"""Shortest time of a batch: gates are repeated until it is reached."""
MOST_GATES = 4096
NUMBER = {"single": "float2", "double": "double2"}

SOURCE = r"""
extern "C" __global__ void gate(NUMBER* state, const NUMBER* matrix, const int* targets, unsigned long long n_groups)
{
    const int D = 1 << WIDTH;
    unsigned long long group = (unsigned long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (group >= n_groups) return;
    for (int k = 0; k < WIDTH; ++k) {                      // targets ascend: put a 0 at each of them
        const unsigned long long low = (1ULL << targets[k]) - 1ULL;
        group = ((group & ~low) << 1) | (group & low);
    }
    NUMBER in[1 << WIDTH];
    unsigned long long place[1 << WIDTH];
    #pragma unroll
    for (int i = 0; i < D; ++i) {
        place[i] = group;
        #pragma unroll
        for (int k = 0; k < WIDTH; ++k) place[i] |= (unsigned long long)((i >> k) & 1) << targets[k];
        in[i] = state[place[i]];
    }
    #pragma unroll
    for (int row = 0; row < D; ++row) {
        NUMBER sum;
        sum.x = 0; sum.y = 0;
        #pragma unroll
        for (int column = 0; column < D; ++column) {
            const NUMBER m = matrix[row * D + column];
            sum.x += m.x * in[column].x - m.y * in[column].y;
            sum.y += m.x * in[column].y + m.y * in[column].x;
        }
        state[place[row]] = sum;
    }
}
"""
"""One thread for each group of 2^WIDTH amplitudes; NUMBER and WIDTH are put in as text."""


def source(width: int, precision: str) -> str:
    """Return the kernel for gates on ``width`` qubits."""
    return SOURCE.replace("NUMBER", NUMBER[precision]).replace("WIDTH", str(width))


def cupy_module() -> Any:
    """Return CuPy after making sure that it finds a GPU.

    Raises:
        Unavailable: if it is not installed, or finds none.
    """
    try:
        import cupy
    except ImportError as error:
        raise Unavailable(f"CuPy cannot be imported: {shorten(error)}") from None
    try:
        n_devices = cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        raise Unavailable(f"CuPy finds no GPU: {shorten(error)}") from None
    if n_devices < 1:
        raise Unavailable("CuPy finds no GPU")
    return cupy


def facts(cupy: Any) -> GpuFacts:
    """Return what the driver says of the GPU that CuPy uses."""
    found = cupy.cuda.runtime.getDeviceProperties(cupy.cuda.Device().id)
    name = found["name"].decode() if isinstance(found["name"], bytes) else str(found["name"])
    return GpuFacts(name, float(found["totalGlobalMem"]), float(found["l2CacheSize"]))


def timed_batches(cupy: Any, run: Callable[[int], None], n_gates: int) -> list[float]:
    """Return the mean time of a gate in each of ``N_BATCHES`` batches, by events on the GPU, in seconds.

    Args:
        cupy: The module.
        run: Starts the gates of one batch, so many times over.
        n_gates: Gates in one batch.
    """

    def once(times: int) -> float:
        first, last = cupy.cuda.Event(), cupy.cuda.Event()
        first.record()
        run(times)
        last.record()
        last.synchronize()
        return 1e-3 * float(cupy.cuda.get_elapsed_time(first, last))

    once(1)  # the first run compiles
    times = max(1, min(MOST_GATES // n_gates, math.ceil(BATCH_S / max(once(1), 1e-7))))
    return [once(times) / (times * n_gates) for _ in range(N_BATCHES)]


@register("gpu_kernel", "cupy", summary="own gate kernels, compiled by CuPy", source="https://cupy.dev")
class CupyKernels(GpuKernels):
    """Dense gates by a kernel of our own."""

    fusion_width: ClassVar[int] = 4  # as card a100_40: kernels alone join nothing

    def __init__(self) -> None:
        self.cupy = cupy_module()
        self.software = f"own kernels, CuPy {self.cupy.__version__}"

    def facts(self) -> GpuFacts:
        """Return what the GPU is."""
        return facts(self.cupy)

    def batches_s(self, n_qubits: int, targets: Sequence[tuple[int, ...]], precision: str) -> list[float]:
        """Return the time of one gate in each batch, in seconds."""
        try:
            return self._batches_s(n_qubits, targets, precision)
        finally:
            self.cupy.get_default_memory_pool().free_all_blocks()

    def _batches_s(self, n_qubits: int, targets: Sequence[tuple[int, ...]], precision: str) -> list[float]:
        cupy, width = self.cupy, len(targets[0])
        kind = cupy.complex64 if precision == "single" else cupy.complex128
        kernel = cupy.RawKernel(source(width, precision), "gate")
        state = cupy.zeros(1 << n_qubits, kind)
        matrix = cupy.eye(1 << width, dtype=kind)
        places = [cupy.array(sorted(each), cupy.int32) for each in targets]
        n_groups = 1 << (n_qubits - width)
        n_blocks = -(-n_groups // BLOCK)

        def run(times: int) -> None:
            for _ in range(times):
                for place in places:
                    kernel((n_blocks,), (BLOCK,), (state, matrix, place, cupy.uint64(n_groups)))

        return timed_batches(cupy, run, len(targets))
