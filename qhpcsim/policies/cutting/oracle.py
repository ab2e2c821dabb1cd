"""The option that was measured to be the fastest: what no strategy can beat."""

from __future__ import annotations

from qhpcsim.core.registry import register
from qhpcsim.policies.cutting.strategy import CutParams, CutStrategy, CutView, known, least


@register("cutting", "oracle", summary="the measured best; for studies only", source="", params=CutParams)
class Oracle(CutStrategy):
    """Knows afterwards.

    Model: least measured time.
    Assumes: every option was run.
    Not modelled: nothing.
    Source: the measurements that a study gives it.
    """

    def choose(self, view: CutView) -> int:
        """Return the option of least measured time.

        Raises:
            ConfigError: if an option was not measured.
        """
        return least(known([option.measured_s for option in view.options], "a measured time", "oracle"))
