"""The least time that the cost model predicts."""

from __future__ import annotations

import math

from qhpcsim.core.errors import ConfigError
from qhpcsim.core.registry import register
from qhpcsim.policies.cutting.strategy import CutParams, CutStrategy, CutView, least


@register("cutting", "modelled", summary="the least predicted time at the target error", source="", params=CutParams)
class Modelled(CutStrategy):
    """Runs what is predicted to end first.

    Model: least predicted sum of all phases after planning, at equal standard error, for the workers there are.
    Assumes: a cost card of the machine, see ``models.cutting``.
    Not modelled: the prediction's own uncertainty.
    Source: ``qhpcsim calibrate cutting``.
    """

    def choose(self, view: CutView) -> int:
        """Return the option of least predicted time.

        Raises:
            ConfigError: if an option has no prediction, or none can be run.
        """
        times = []
        for option in view.options:
            if option.predicted is None:
                raise ConfigError(f"option {option.name} has no prediction", where="cutting strategy modelled")
            times.append(math.inf if option.predicted.feasible else option.predicted.total_s)
        if min(times) == math.inf:
            reasons = "; ".join(f"{each.name}: {each.predicted.feasible}" for each in view.options if each.predicted)
            hint = "fewer workers, more memory or another device"
            raise ConfigError(f"no option can be run ({reasons})", where="cutting strategy modelled", hint=hint)
        return least(times)
