"""The least sampling overhead under a width limit, as the library's search has it."""

from __future__ import annotations

from dataclasses import dataclass

from qhpcsim.core.registry import register
from qhpcsim.policies.cutting.strategy import CutParams, CutStrategy, CutView, least, nearest_below


@dataclass(frozen=True)
class MinOverheadParams(CutParams):
    """The limit that the library's search is given."""

    name: str = "min_overhead"
    max_width: int = 0
    """Most qubits of a part; 0: half of the circuit, rounded up."""


@register(
    "cutting",
    "min_overhead",
    summary="find_cuts as it is: the least sampling overhead under a width limit",
    source="https://qiskit.github.io/qiskit-addon-cutting/",
    params=MinOverheadParams,
)
class MinOverhead(CutStrategy):
    """Takes what ``find_cuts`` minimises.

    Model: least overhead Πγ² among options no wider than ``max_width``; the narrowest where none is.
    Assumes: the width limit decides whether to cut at all, and the user states it.
    Not modelled: time, workers, equal circuits.
    Source: qiskit-addon-cutting, ``automated_cut_finding.find_cuts``.
    """

    params_type = MinOverheadParams

    def choose(self, view: CutView) -> int:
        """Return the option of least overhead among those narrow enough."""
        most = self.params.max_width or -(-view.n // 2)
        fits = [i for i, option in enumerate(view.options) if option.widest <= most]
        return fits[least([view.options[i].overhead for i in fits])] if fits else nearest_below(view, most)
