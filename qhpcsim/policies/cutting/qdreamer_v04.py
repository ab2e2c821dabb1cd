"""Q-Dreamer v0.4: the size of the parts of greatest estimated speed-up, cuts by a rule of thumb."""

from __future__ import annotations

from dataclasses import dataclass

from qhpcsim.core.registry import register
from qhpcsim.policies.cutting.power_law import LEAST_QUBITS, SOURCE, PowerLaw, most_qubits
from qhpcsim.policies.cutting.strategy import CutParams, CutStrategy, CutView, least, nearest_below, uncut


@dataclass(frozen=True)
class QDreamerV04Params(CutParams):
    """Published defaults."""

    name: str = "qdreamer_v04"
    eta_max: float = 0.0002
    p: float = 0.7630


@register(
    "cutting",
    "qdreamer_v04",
    summary="Q-Dreamer v0.4: power law, cuts n / size - 1, sizes n/4 or 10 up to n - 1, no cut below S = 1",
    source=SOURCE,
    params=QDreamerV04Params,
)
class QDreamerV04(CutStrategy):
    """Chooses the size of greatest S, or no cut where that is below 1.

    Model: S as in ``power_law`` over sizes from max(n // 4, 10) to min(log2(0.8 memory / 16), n − 1, 32), with
        k = max(1, ceil(n / size) − 1) cuts and M = 9^k tasks; ties to the smallest size. The option run is the one
        whose widest part is nearest below that size.
    Assumes: linear entanglement, one layer; only the number of qubits counts.
    Not modelled: the circuit.
    Source: Q-Dreamer v0.4.0, estimators/power_law.py, the default ``quick=True``.
    """

    params_type = QDreamerV04Params

    def choose(self, view: CutView) -> int:
        """Return the option nearest below the size of greatest S, or the uncut one."""
        sizes = range(max(view.n // 4, LEAST_QUBITS), most_qubits(view.n, view.memory_bytes) + 1)
        speedups = [self.speedup(view.n, size, view.workers) for size in sizes]
        whole = uncut(view)
        if whole is not None and max(speedups, default=0.0) < 1.0:
            return whole
        return nearest_below(view, sizes[least([-each for each in speedups])] if speedups else view.n)

    def speedup(self, n: int, size: int, workers: int) -> float:
        """Return S of a size."""
        n_cuts = max(1, -(-n // size) - 1)
        return PowerLaw(self.params.eta_max, self.params.p).speedup(n, size, n_cuts, 9.0**n_cuts, workers)
