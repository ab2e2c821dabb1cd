"""The check of a cutting strategy: which way of running a circuit it takes."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from qhpcsim.core.errors import QhpcsimError, shorten
from qhpcsim.policies.cutting.strategy import CutOption, CutView
from qhpcsim.policy_checks.report import Fault
from qhpcsim.policy_checks.shrinking import shrunk, without_some
from qhpcsim.policy_checks.subject import COMMON, Subject, Verify, Warned, nothing_more

_TRIES = 60
_SHRINK_S = 2.0


@dataclass(frozen=True, slots=True)
class _Predicted:
    """What a cost model would say."""

    total_s: float
    feasible: str = ""


class CutChoosing(Subject):
    """A cutting strategy, asked about circuits made at random.

    Args:
        owner: A ``cutting``.
    """

    promises = {  # noqa: RUF012
        **COMMON,
        "known": "takes one of the options",
        "everyone": "takes something wherever every option has all its figures and can be run",
    }
    warnings = {"listing": "what is taken does not depend on the order in which options are listed"}  # noqa: RUF012

    def cases(self, draw: np.random.Generator, n: int) -> list[CutView]:
        """Return views: the whole circuit alone, several cuts, some without a prediction, some impossible."""
        return [_random_view(draw, complete=k % 4 != 3, n_cuts=k % 5) for k in range(n)]

    def run(self, case: CutView) -> tuple[Any, Verify]:
        """Return which option is taken."""
        first, again = (self._taken(case) for _ in range(2))
        if first != again:
            raise Fault("same", f"asked twice about the same options, it took {first} and then {again}")
        return first, nothing_more

    def _taken(self, view: CutView) -> int | str:
        entry, before = self.entry, repr(view)
        made = entry.target() if entry.params is None else entry.target(entry.params())
        try:
            chosen = made.choose(view)
        except QhpcsimError as error:
            if _complete(view):
                raise Fault("everyone", f"it took nothing: {shorten(error.message, 120)}") from error
            return error.message
        if repr(view) != before:
            raise Fault("inputs", "it changed the view")
        try:
            index = operator.index(chosen)
        except TypeError:
            raise Fault("type", f"choose gave {shorten(repr(chosen), 80)} instead of an index") from None
        if not 0 <= index < len(view.options):
            raise Fault("known", f"it took option {index} of {len(view.options)} (they count from 0)")
        return index

    def smaller(self, case: CutView) -> Iterator[CutView]:
        """Yield views with fewer options, one worker, plain numbers."""
        yield from (replace(case, options=fewer) for fewer in without_some(case.options) if fewer)
        if case.workers > 1:
            yield replace(case, workers=1)

    def words(self, case: CutView) -> str:
        """Return a view in words."""
        told = []
        for option in case.options:
            said = option.predicted
            time = "no prediction" if said is None else said.feasible or f"{said.total_s:.3g} s"
            widths = "+".join(map(str, option.widths))
            told.append(f"{option.name} (widths {widths}, {option.n_cuts} cuts, overhead {option.overhead:g}, {time})")
        return f"{case.n} qubits on {case.workers} workers: {', '.join(told)}"

    def look_out(self) -> Iterator[Warned]:
        """Yield a warning if the list's order decides although no two options are alike."""
        draw = np.random.default_rng(1)
        for k in range(_TRIES):
            view = _random_view(draw, complete=True, n_cuts=1 + k % 4)
            if self._by_list(view):
                view = shrunk(view, self.smaller, lambda each: bool(self._by_list(each)), _SHRINK_S)
                yield Warned("listing", self._by_list(view), self.words(view))
                return

    def _by_list(self, view: CutView) -> str:
        """Return how the list's order decides; empty: it does not."""
        back = replace(view, options=view.options[::-1])
        first, second = self._taken(view), self._taken(back)
        if isinstance(first, str) or isinstance(second, str) or view.options[first] == back.options[second]:
            return ""
        names = view.options[first].name, back.options[second].name
        return f"it takes {names[0]}, and {names[1]} where the same are listed backwards"


def _random_view(draw: np.random.Generator, complete: bool, n_cuts: int) -> CutView:
    n = int(draw.integers(4, 33))
    options = [_option(draw, n, 0)]
    options += [_option(draw, n, cuts) for cuts in range(1, n_cuts + 1)]
    if not complete:
        options = [replace(each, predicted=None, measured_s=None) if draw.random() < 0.5 else each for each in options]
        if draw.random() < 0.3:
            options[0] = replace(options[0], predicted=_Predicted(1.0, "too wide for the memory"))
    return CutView(n, int(draw.integers(1, 17)), 64e9, tuple(options))


def _option(draw: np.random.Generator, n: int, cuts: int) -> CutOption:
    widths = (n,) if not cuts else (-(-n // 2) + cuts - 1, n // 2)
    total_s, measured_s, end_s = (float(x) for x in draw.exponential([30.0, 30.0, 60.0]))
    return CutOption(
        name=f"{cuts} cuts" if cuts else "whole",
        widths=widths,
        n_cuts=cuts,
        n_gate_cuts=cuts,
        overhead=9.0**cuts,
        n_experiments=6**cuts,
        n_distinct=6**cuts,
        n_runs=6**cuts,
        predicted=_Predicted(total_s),
        measured_s=measured_s,
        completion_s=end_s,
    )


def _complete(view: CutView) -> bool:
    return all(option.predicted and not option.predicted.feasible and option.measured_s for option in view.options)
