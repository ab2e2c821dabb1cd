"""Fits the numbers of a GPU's card to timed gate kernels, and says how good they are on sizes left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from qhpcsim.core.records import FloatArray
from qhpcsim.core.rng import Rng
from qhpcsim.models.gpu_groups import Operation
from qhpcsim.models.gpu_statevector import GpuStateVector

BYTES = {"single": 8, "double": 16}
SMALL_STATE_BYTES = 32.0 * 1024
"""States of up to 2^11 amplitudes in double precision are one block of threads."""
FITTED_WIDTHS = (1, 2, 3, 4)
"""Wider gates may be limited by arithmetic: they are judged, not fitted."""
CACHE_FRACS = (1.0, 0.5)
"""Shares of the second-level cache that may serve a state: on some chips each half caches its own memory."""
NAMES = ("launch_small_s", "launch_s", "bandwidth_bytes_s", "cache_bandwidth_bytes_s")
_START = (1e-5, 1e-5, 1e12, 2e12)
_SOFT = 0.05
N_BOOTSTRAP = 60


@dataclass(frozen=True, slots=True)
class KernelRow:
    """One kind of gate kernel on one size of state."""

    n_qubits: int
    width: int
    """Qubits of the gate, a dense matrix."""
    precision: str
    """``single`` or ``double``."""
    seconds: float
    """Of one gate, mean over its places in the state."""
    spread: float = 0.0
    """Median over smallest of the repeated batches, less one."""

    @property
    def state_bytes(self) -> float:
        """Size of the state."""
        return float(BYTES[self.precision] << self.n_qubits)


@dataclass(frozen=True, slots=True)
class KernelFit:
    """The fitted device, and errors of rows that a fit has not seen."""

    device: GpuStateVector
    deviations: FloatArray
    """Relative standard deviations of the four fitted numbers over rows drawn again, in the order of ``NAMES``."""
    even: FloatArray
    """Relative errors of the even sizes, fitted on the odd ones: predicted over measured less one."""
    odd: FloatArray
    wide: FloatArray
    """Of gates wider than ``FITTED_WIDTHS``."""


def fit_kernels(rows: Sequence[KernelRow], blank: GpuStateVector, seed: int = 0) -> KernelFit:
    """Return the device that the rows show.

    Args:
        rows: Timed kernels of at least three sizes beyond the cache and three inside it.
        blank: The device with what is known of it: memory, cache and so on.
        seed: Of the bootstrap.
    """
    fitted = [row for row in rows if row.width in FITTED_WIDTHS]
    frac = min(CACHE_FRACS, key=lambda part: _badness(fitted, _with_cache(blank, part)))
    base = _with_cache(blank, frac)
    device = _fit(fitted, base)
    rng = Rng(seed).stream("gpu bootstrap")
    draws = [_fit([fitted[i] for i in rng.integers(0, len(fitted), len(fitted))], base) for _ in range(N_BOOTSTRAP)]
    logs = np.log([[getattr(draw, name) for name in NAMES] for draw in draws])
    halves = [[row for row in fitted if row.n_qubits % 2 == parity] for parity in (0, 1)]
    even, odd = (errors(held, _fit(rest, base)) for held, rest in (halves, halves[::-1]))
    wide = errors([row for row in rows if row.width not in FITTED_WIDTHS], device)
    return KernelFit(device, np.std(logs, axis=0), even, odd, wide)


def errors(rows: Sequence[KernelRow], device: GpuStateVector) -> FloatArray:
    """Return predicted over measured time, less one, of each row."""
    told = [device.passes_s([Operation(row.width, 1.0)], row.state_bytes) for row in rows]
    found: FloatArray = np.array(told) / np.array([row.seconds for row in rows]) - 1.0
    return found


def _with_cache(blank: GpuStateVector, frac: float) -> GpuStateVector:
    return replace(blank, cache_bytes=frac * blank.cache_bytes)


def _badness(rows: Sequence[KernelRow], base: GpuStateVector) -> float:
    return float(np.mean(np.abs(errors(rows, _fit(rows, base)))))


def _fit(rows: Sequence[KernelRow], base: GpuStateVector) -> GpuStateVector:
    """Return the device whose four numbers minimise a robust sum of squared logarithmic errors."""
    from scipy.optimize import least_squares

    def wrong(logs: FloatArray) -> FloatArray:
        found: FloatArray = np.log1p(errors(rows, _with_numbers(base, logs)))
        return found

    return _with_numbers(base, least_squares(wrong, np.log(_START), loss="soft_l1", f_scale=_SOFT).x)


def _with_numbers(base: GpuStateVector, logs: FloatArray) -> GpuStateVector:
    """Return the device with the numbers of ``NAMES``, given as logarithms."""
    small_s, launch_s, rate, cache_rate = map(float, np.exp(logs))
    return replace(
        base,
        launch_small_s=small_s,
        launch_s=launch_s,
        bandwidth_bytes_s=rate,
        cache_bandwidth_bytes_s=cache_rate,
    )
