"""Q-Dreamer v0.2: the size of the parts of greatest estimated speed-up, cuts found for each size."""

from __future__ import annotations

from dataclasses import dataclass

from qhpcsim.core.registry import register
from qhpcsim.policies.cutting.power_law import LEAST_QUBITS, SOURCE, PowerLaw, most_qubits
from qhpcsim.policies.cutting.strategy import CutParams, CutStrategy, CutView, least, nearest_below, uncut

_FARTHEST = 12
"""Sizes below n − 12 are not searched."""


@dataclass(frozen=True)
class QDreamerV02Params(CutParams):
    """Published defaults."""

    name: str = "qdreamer_v02"
    eta_max: float = 0.0008
    p: float = 0.3233
    num_samples: int = 10
    """Samples that its cut finder generates experiments with; they bound the tasks that it counts."""


@register(
    "cutting",
    "qdreamer_v02",
    summary="Q-Dreamer v0.2: power law, sizes n/4 or n - 12 or 10 up to n - 1",
    source=SOURCE,
    params=QDreamerV02Params,
)
class QDreamerV02(CutStrategy):
    """Chooses the size of greatest S; it never asks whether S exceeds 1.

    Model: S as in ``power_law`` over sizes from max(n // 4, n − 12, 10) to min(log2(0.8 memory / 16), n − 1, 32). Cuts
        k and tasks M of a size are those of the option that ``nearest_below`` gives for it, M at most ``num_samples``
        a part; without such an option k = max(1, (n − size) // 2) and M = 9^k. The option run is again the one nearest
        below the size of greatest S, ties to the smallest size. No size to search: no cut.
    Assumes: the options hold what the library's search finds for each width.
    Not modelled: its own search (seed 111) for the observable Z on all qubits.
    Source: Q-Dreamer v0.2.0, qdreamer/estimators.py:74-148 and resource_optimizer.py:116-232.
    """

    params_type = QDreamerV02Params

    def choose(self, view: CutView) -> int:
        """Return the option nearest below the size of greatest S."""
        sizes = range(max(view.n // 4, view.n - _FARTHEST, LEAST_QUBITS), most_qubits(view.n, view.memory_bytes) + 1)
        if not sizes:
            whole = uncut(view)
            return nearest_below(view, view.n) if whole is None else whole
        return nearest_below(view, sizes[least([-self.speedup(view, size) for size in sizes])])

    def speedup(self, view: CutView, size: int) -> float:
        """Return S of a size."""
        law = PowerLaw(self.params.eta_max, self.params.p)
        option = view.options[nearest_below(view, size)]
        if option.widest > size:
            n_cuts = max(1, (view.n - size) // 2)
            return law.speedup(view.n, size, n_cuts, 9.0**n_cuts, view.workers)
        n_tasks = min(option.n_experiments, self.params.num_samples * len(option.widths))
        return law.speedup(view.n, size, option.n_cuts, n_tasks, view.workers)
