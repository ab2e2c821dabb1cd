"""Gate kernels of cuStateVec, by the C library in its wheel (custatevec-cu12); CuPy holds the memory and the clock.

Never run on a GPU so far: the calls were written after the wheel's header (1.15) and checked against its library.
"""

from __future__ import annotations

import ctypes
import importlib.util
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, ClassVar

from qhpcsim.core.errors import EngineError, shorten
from qhpcsim.core.registry import register
from qhpcsim.execution.gpu_cupy import cupy_module, facts, timed_batches
from qhpcsim.execution.gpu_kernels import GpuFacts, GpuKernels, Unavailable

WHEEL = "custatevec-cu12"
LIBRARY = "libcustatevec.so.1"
_NEEDED = (("nvidia.cublas", "libcublasLt.so.12"), ("nvidia.cublas", "libcublas.so.12"))
CUDA_COMPLEX = {"single": 4, "double": 5}
"""CUDA_C_32F and CUDA_C_64F of library_types.h."""
COMPUTE = {"single": 1 << 2, "double": 1 << 4}
"""CUSTATEVEC_COMPUTE_32F and CUSTATEVEC_COMPUTE_64F."""
_ROW = 1
_NO_ADJOINT = 0
_INT, _UINT, _SIZE, _POINTER = ctypes.c_int, ctypes.c_uint32, ctypes.c_size_t, ctypes.c_void_p
_INTS = ctypes.POINTER(ctypes.c_int32)
SIGNATURES: dict[str, tuple[Any, ...]] = {
    "custatevecCreate": (ctypes.POINTER(_POINTER),),
    "custatevecDestroy": (_POINTER,),
    "custatevecApplyMatrixGetWorkspaceSize": (
        _POINTER, _INT, _UINT, _POINTER, _INT, _INT, ctypes.c_int32, _UINT, _UINT, _INT, ctypes.POINTER(_SIZE),
    ),
    "custatevecApplyMatrix": (
        _POINTER, _POINTER, _INT, _UINT, _POINTER, _INT, _INT, ctypes.c_int32, _INTS, _UINT, _INTS, _INTS, _UINT, _INT,
        _POINTER, _SIZE,
    ),
}  # fmt: skip
"""C function -> its arguments; all return a status, 0 for success."""


def library() -> ctypes.CDLL:
    """Return the C library of the wheel, its functions declared.

    Raises:
        Unavailable: if the wheel is not installed, or a library that it needs is missing.
    """
    path = _inside("cuquantum", LIBRARY)
    if path is None:
        raise Unavailable(f"{WHEEL} is not installed")
    for package, name in _NEEDED:
        found = _inside(package, name)
        if found is not None:
            ctypes.CDLL(str(found), mode=ctypes.RTLD_GLOBAL)
    try:
        opened = ctypes.CDLL(str(path))
    except OSError as error:
        raise Unavailable(f"{WHEEL} does not load: {shorten(error)}") from None
    for name, arguments in SIGNATURES.items():
        function = getattr(opened, name)
        function.argtypes, function.restype = arguments, _INT
    return opened


def _inside(package: str, name: str) -> Path | None:
    """Return a library in the folder ``lib`` of a package, without importing the package."""
    parent, _, child = package.rpartition(".")
    try:
        found = importlib.util.find_spec(parent or child)
    except (ImportError, ValueError):
        return None
    folders = [] if found is None else list(found.submodule_search_locations or [])
    for folder in folders:
        path = Path(folder) / (child if parent else "") / "lib" / name
        if path.is_file():
            return path
    return None


@register(
    "gpu_kernel",
    "custatevec",
    summary="NVIDIA's library of gate kernels",
    source="https://docs.nvidia.com/cuda/cuquantum/latest/custatevec",
)
class CustatevecKernels(GpuKernels):
    """Dense gates by ``custatevecApplyMatrix``."""

    fusion_width: ClassVar[int] = 4  # as card a100_40: kernels alone join nothing

    def __init__(self) -> None:
        self.cupy, self.library = cupy_module(), library()
        self.handle = _POINTER()
        self._call("custatevecCreate", ctypes.byref(self.handle))
        try:
            self.software = f"cuStateVec {version(WHEEL)}"
        except PackageNotFoundError:
            self.software = "cuStateVec"

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
        state, matrix = cupy.zeros(1 << n_qubits, kind), cupy.eye(1 << width, dtype=kind)
        number, compute = CUDA_COMPLEX[precision], COMPUTE[precision]
        size = _SIZE()
        matrix_at = matrix.data.ptr
        layout = (matrix_at, number, _ROW, _NO_ADJOINT)
        self._call(
            "custatevecApplyMatrixGetWorkspaceSize",
            self.handle, number, n_qubits, *layout, width, 0, compute, ctypes.byref(size),
        )  # fmt: skip
        extra = cupy.empty(max(size.value, 1), cupy.uint8)
        places = [(ctypes.c_int32 * width)(*each) for each in targets]

        def run(times: int) -> None:
            for _ in range(times):
                for place in places:
                    self._call(
                        "custatevecApplyMatrix",
                        self.handle, state.data.ptr, number, n_qubits, *layout, place, width, None, None, 0, compute,
                        extra.data.ptr, size.value,
                    )  # fmt: skip

        return timed_batches(cupy, run, len(targets))

    def _call(self, name: str, *arguments: Any) -> None:
        status = getattr(self.library, name)(*arguments)
        if status != 0:
            raise EngineError(f"{name} ended with status {status}", where="cuStateVec")
