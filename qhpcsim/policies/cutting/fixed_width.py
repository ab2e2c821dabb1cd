"""Parts of a width that the user names."""

from __future__ import annotations

from dataclasses import dataclass

from qhpcsim.core.registry import register
from qhpcsim.policies.cutting.strategy import CutParams, CutStrategy, CutView, nearest_below


@dataclass(frozen=True)
class FixedWidthParams(CutParams):
    """How wide."""

    name: str = "fixed_width"
    width: int = 0
    """Qubits of the widest part; 0: half of the circuit, rounded up."""


@register("cutting", "fixed_width", summary="parts of a named width", source="baseline", params=FixedWidthParams)
class FixedWidth(CutStrategy):
    """Cuts to a width, whatever it costs.

    Model: the option whose widest part is nearest to ``width`` from below, of equal ones the smallest overhead; the
        narrowest where none is narrow enough. A circuit that is no wider is not cut.
    Assumes: somebody knew beforehand.
    Not modelled: time.
    Source: baseline; the width is what users of qiskit-addon-cutting state.
    """

    params_type = FixedWidthParams

    def choose(self, view: CutView) -> int:
        """Return the option whose widest part is nearest below the width."""
        return nearest_below(view, self.params.width or -(-view.n // 2))
