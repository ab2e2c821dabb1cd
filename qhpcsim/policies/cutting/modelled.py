"""The least time that the cost model predicts."""

from __future__ import annotations

import math
from dataclasses import dataclass

from qhpcsim.core.errors import ConfigError
from qhpcsim.core.registry import register
from qhpcsim.policies.cutting.strategy import CutOption, CutParams, CutStrategy, CutView, least


@dataclass(frozen=True)
class ModelledParams(CutParams):
    """What counts."""

    name: str = "modelled"
    queue: bool = True
    """In a simulation: what waits before the tasks and QPU jobs counts; False: only the workers that there are."""


@register(
    "cutting", "modelled", summary="the least predicted time at the target error", source="", params=ModelledParams
)
class Modelled(CutStrategy):
    """Runs what is predicted to end first.

    Model: least predicted sum of all phases after planning, at equal standard error, for the workers there are; in a
        simulation, with ``queue``, least predicted time until it is over behind the tasks, pilots and QPU jobs that
        are there (``middleware.outlook``).
    Assumes: a cost card of the machine, see ``models.cutting``.
    Not modelled: the prediction's own uncertainty; what others will send; what this choice costs them.
    Source: ``qhpcsim calibrate cutting``.
    """

    params_type = ModelledParams

    @property
    def reads_queue(self) -> bool:
        """Whether what others wait for counts."""
        return bool(self.params.queue)

    def choose(self, view: CutView) -> int:
        """Return the option of least predicted time.

        Raises:
            ConfigError: if an option has no prediction, or none can be run.
        """
        alone_s = [_alone_s(option) for option in view.options]
        if min(alone_s) == math.inf:
            reasons = "; ".join(f"{each.name}: {each.predicted.feasible}" for each in view.options if each.predicted)
            hint = "fewer workers, more memory or another device"
            raise ConfigError(f"no option can be run ({reasons})", where="cutting strategy modelled", hint=hint)
        ends_s = [_completion_s(option) for option in view.options] if self.reads_queue else [math.inf]
        return least(ends_s) if min(ends_s) < math.inf else least(alone_s)


def _alone_s(option: CutOption) -> float:
    if option.predicted is None:
        raise ConfigError(f"option {option.name} has no prediction", where="cutting strategy modelled")
    return math.inf if option.predicted.feasible else option.predicted.total_s


def _completion_s(option: CutOption) -> float:
    """Return when an option would be over; infinite: nobody can tell, or never."""
    if option.completion_s is None or _alone_s(option) == math.inf:
        return math.inf
    return option.completion_s
