"""What is asked of the planner for a case, and which of its candidates the study measures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

from circuits import Case

from qhpcsim.circuits.cut_request import CutLimits, CutRequest

MOST = 6
BUDGET_S = 600.0
"""Longer than any plan takes even on a loaded machine, so that the candidates are the same everywhere."""


def request(case: Case) -> CutRequest:
    """Return what is asked of the planner."""
    limits = CutLimits(target_error=case.target, budget_s=BUDGET_S)
    return CutRequest.of(case.circuit, [case.observable], limits)


class Shaped(Protocol):
    """What the choice looks at."""

    @property
    def n_parts(self) -> int: ...
    @property
    def n_cuts(self) -> int: ...


Candidate = TypeVar("Candidate", bound=Shaped)


def kept(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Return the uncut circuit, the first of each new pair (parts, cuts), then the others, at most six, in order."""
    first: dict[tuple[int, int], int] = {}
    for place, each in enumerate(candidates):
        first.setdefault((each.n_parts, each.n_cuts), place)
    places = list(first.values())
    places += [place for place in range(len(candidates)) if place not in first.values()]
    return [candidates[place] for place in sorted(places[:MOST])]
