"""Early binding: a task is bound to a pilot when it is submitted, and waits for that one."""

from __future__ import annotations

from collections.abc import Sequence

from qhpcsim.core.registry import register
from qhpcsim.core.workflow_records import Need
from qhpcsim.policies.binding.binding import Binding, PilotView
from qhpcsim.scenario import BindingParams


@register(
    "binding",
    "early",
    summary="pinned at submission: equal shares of the tasks by slots",
    source="static partitioning; Pilot-Quantum on Dask pins by name, arXiv:2412.18519",
    params=BindingParams,
)
class Early(Binding):
    """Shares tasks out in proportion to the pilots' slots.

    Model: a task goes to the pilot whose number of bound tasks over slots would be lowest, whatever has ended since.
    Assumes: tasks are alike.
    Not modelled: nothing is moved later.
    Source: static partitioning.
    """

    def __init__(self, params: BindingParams) -> None:
        super().__init__(params)
        self._given: dict[int, int] = {}

    def pin(self, need: Need, predicted_s: float, pilots: Sequence[PilotView], now_s: float) -> int:
        """Return the pilot with the fewest tasks a slot so far."""
        best = min(pilots, key=lambda p: ((self._given.get(p.index, 0) + 1) / p.slots(need), p.index))
        self._given[best.index] = self._given.get(best.index, 0) + 1
        return best.index


@register(
    "binding",
    "round_robin",
    summary="pinned at submission, pilots in turn",
    source="Pilot-Quantum's multi-pilot executor, arXiv:2412.18519",
    params=BindingParams,
)
class RoundRobin(Binding):
    """One task to each pilot in turn.

    Model: the k-th task of a kind goes to pilot k mod n; each kind has its own turn, so that kinds that alternate do
        not end up on a pilot each.
    Assumes: nothing.
    Not modelled: sizes of pilots and tasks.
    Source: arXiv:2412.18519.
    """

    def __init__(self, params: BindingParams) -> None:
        super().__init__(params)
        self._turn: dict[Need, int] = {}

    def pin(self, need: Need, predicted_s: float, pilots: Sequence[PilotView], now_s: float) -> int:
        """Return the next pilot."""
        turn = self._turn.get(need, 0)
        self._turn[need] = turn + 1
        return pilots[turn % len(pilots)].index


@register(
    "binding",
    "least_loaded",
    summary="pinned at submission to the pilot with the least predicted work",
    source="join the least work queue; Harchol-Balter 2013, ch. 24",
    params=BindingParams,
)
class LeastLoaded(Binding):
    """To the pilot with the least predicted work a slot.

    Model: min over pilots of the predicted seconds of bound tasks that have not ended, over slots.
    Assumes: predictions are right on average.
    Not modelled: pilots that have not started wait as long as they wait.
    Source: Harchol-Balter 2013.
    """

    def pin(self, need: Need, predicted_s: float, pilots: Sequence[PilotView], now_s: float) -> int:
        """Return the pilot with the least load; ties go to the first."""
        return min(pilots, key=lambda p: (p.load_s, p.index)).index


@register(
    "binding",
    "earliest_finish",
    summary="pinned at submission to the pilot that is predicted to finish it first, its start included",
    source="HEFT: Topcuoglu et al. 2002, doi:10.1109/71.993206",
    params=BindingParams,
)
class EarliestFinish(Binding):
    """To the pilot with the earliest predicted finish.

    Model: max(now, start of the pilot) + its predicted work a slot + the task's own time.
    Assumes: a pilot that waits in the batch queue starts at its expected start, or now if that is past.
    Not modelled: gaps between tasks.
    Source: Topcuoglu et al. 2002.
    """

    def pin(self, need: Need, predicted_s: float, pilots: Sequence[PilotView], now_s: float) -> int:
        """Return the pilot with the earliest finish; ties go to the first."""
        return min(pilots, key=lambda p: (max(now_s, p.start_s) + p.load_s + predicted_s, p.index)).index
