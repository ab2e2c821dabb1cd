"""Q-Dreamer's power law at its best: fitted to this machine and told how many tasks each cut really has."""

from __future__ import annotations

from dataclasses import dataclass

from qhpcsim.core.cards import card
from qhpcsim.core.registry import register
from qhpcsim.policies.cutting.power_law import SOURCE, PowerLaw
from qhpcsim.policies.cutting.strategy import CutParams, CutStrategy, CutView, least


@dataclass(frozen=True)
class QDreamerRefitParams(CutParams):
    """The two parameters, fitted by ``power_law.refit``."""

    name: str = "qdreamer_refit"
    eta_max: float | None = None
    """None: that of the card."""
    p: float | None = None
    card: str = "cutting/amd_epyc_genoa_core"
    """Card of ``qhpcsim calibrate cutting``, which fits the law to the same runs as our own model."""


@register(
    "cutting",
    "qdreamer_refit",
    summary="Q-Dreamer's power law, refitted and given true task counts",
    source=SOURCE,
    params=QDreamerRefitParams,
)
class QDreamerRefit(CutStrategy):
    """Chooses the option of greatest S, the uncut one having S = 1.

    Model: S as in ``power_law`` for each option, n_sub its widest part, M its true number of sub-experiments.
    Assumes: speed-ups measured on this machine determine eta_max and p.
    Not modelled: depth, shots, reconstruction.
    Source: Q-Dreamer's equation and its own calibration (weighted least squares of ln eta over ln R).
    """

    params_type = QDreamerRefitParams

    def law(self) -> PowerLaw:
        """Return the law with the parameters given, or the card's.

        Raises:
            CardError: if the card is missing or has none.
        """
        eta_max, p = self.params.eta_max, self.params.p
        if eta_max is None or p is None:
            found = card(self.params.card)
            eta_max = found.value("qdreamer_eta_max") if eta_max is None else eta_max
            p = found.value("qdreamer_p") if p is None else p
        return PowerLaw(eta_max, p)

    def choose(self, view: CutView) -> int:
        """Return the option of greatest S."""
        law = self.law()
        return least(
            [-law.speedup(view.n, each.widest, each.n_cuts, each.n_experiments, view.workers) for each in view.options]
        )
