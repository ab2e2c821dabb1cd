"""Late binding: tasks wait in one pool and run on whichever pilot has room first."""

from __future__ import annotations

from qhpcsim.core.registry import register
from qhpcsim.policies.binding.binding import Binding
from qhpcsim.scenario import BindingParams


@register(
    "binding",
    "late",
    summary="one pool over all pilots; a task is bound when a slot is free",
    source="Pilot-Quantum on Ray, arXiv:2412.18519",
    params=BindingParams,
)
class Late(Binding):
    """First come, first served over all pilots.

    Model: no task is pinned; waiting tasks are looked at in order of submission, kind by kind.
    Assumes: any pilot with room is as good as another.
    Not modelled: data locality.
    Source: arXiv:2412.18519.
    """


@register(
    "binding",
    "longest_first",
    summary="late binding, longest predicted task first",
    source="Graham 1969, doi:10.1137/0117039 (longest processing time)",
    params=BindingParams,
)
class LongestFirst(Binding):
    """Late binding in order of predicted time.

    Model: the waiting task with the longest predicted time starts first.
    Assumes: predictions rank tasks rightly.
    Not modelled: starvation of short tasks, which wait while longer ones keep coming.
    Source: Graham 1969.
    """

    def rank(self, predicted_s: float) -> float:
        """Return the negative predicted time."""
        return -predicted_s
