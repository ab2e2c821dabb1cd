"""The circuit in one piece."""

from __future__ import annotations

from qhpcsim.core.errors import ConfigError
from qhpcsim.core.registry import register
from qhpcsim.policies.cutting.strategy import CutParams, CutStrategy, CutView, uncut


@register("cutting", "none", summary="never cuts", source="baseline", params=CutParams)
class NoCut(CutStrategy):
    """Runs the circuit whole.

    Model: the option without a cut; in one piece where the circuit falls apart by itself.
    Assumes: it fits.
    Not modelled: nothing.
    Source: baseline.
    """

    def choose(self, view: CutView) -> int:
        """Return the option without a cut.

        Raises:
            ConfigError: if there is none, for want of memory or by a limit.
        """
        found = uncut(view)
        if found is None:
            hint = "choose another strategy, or give more memory"
            raise ConfigError("no option without a cut", where="cutting strategy none", hint=hint)
        return found
