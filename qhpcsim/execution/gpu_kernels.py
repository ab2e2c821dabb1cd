"""What times gate kernels on a GPU: one interface, and the first software that works here."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from qhpcsim.core.errors import EngineError
from qhpcsim.core.registry import entries, lookup

ORDER = ("aer", "custatevec", "cupy")
"""Simulators come before libraries, libraries before our own kernels; what plug-ins add comes last."""
ANY = "auto"


class Unavailable(Exception):  # noqa: N818
    """Says in words why a software cannot time kernels here; caught by ``open_kernels``."""


@dataclass(frozen=True, slots=True)
class GpuFacts:
    """What the driver says of a GPU."""

    name: str
    memory_bytes: float
    cache_bytes: float
    """Second-level cache."""


class GpuKernels(ABC):
    """Times dense gates on a state vector that stays on the GPU."""

    software: str
    """Name and version, for the card."""
    fusion_width: ClassVar[int]
    """Qubits on which the simulator that uses these kernels joins gates."""

    @abstractmethod
    def facts(self) -> GpuFacts:
        """Return what the GPU is."""

    @abstractmethod
    def batches_s(self, n_qubits: int, targets: Sequence[tuple[int, ...]], precision: str) -> list[float]:
        """Return the time of one gate in seconds, its mean over a batch, for several batches.

        Args:
            n_qubits: Size of the state.
            targets: Qubits of each gate of a batch; all gates are equally wide.
            precision: ``single`` or ``double``.
        """

    def fixed_s(self) -> float | None:
        """Return the time of a warm run beside its gates; None: these kernels have no run around them."""
        return None


def open_kernels(name: str = ANY) -> GpuKernels:
    """Return the software called ``name``, or the first that works here.

    Raises:
        EngineError: if none does; says why each does not.
    """
    known = entries("gpu_kernel")
    if name == ANY:
        names = [*ORDER, *(each for each in known if each not in ORDER)]
    else:
        names = [lookup("gpu_kernel", name, "--kernels").name]
    why = []
    for each in names:
        try:
            kernels: GpuKernels = known[each].target()
            return kernels
        except Unavailable as reason:
            why.append(f"{each}: {reason}")
    raise EngineError(
        f"no GPU can be measured on this machine ({'; '.join(why)})",
        where="calibrate gpu",
        allowed="a machine with an NVIDIA GPU, its driver, and qiskit-aer-gpu, or cupy-cuda12x with custatevec-cu12",
        hint="run it there, or use a shipped card: qhpcsim list devices",
    )
