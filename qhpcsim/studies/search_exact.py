"""The cheapest point that meets all constraints, by price from below; bisection along proven chains."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from qhpcsim.core.records import FloatArray
from qhpcsim.studies.plan_study import Constraint
from qhpcsim.studies.search_points import FAILS, IMPOSSIBLE, MEETS, OPEN, BudgetSpentError, Judge, Judged

Chain = Callable[[int], tuple[int, ...]]
"""Takes a point and gives those that differ from it in nodes only, in order of nodes; empty: nothing is proven."""


@dataclass(slots=True)
class Found:
    """What a search found."""

    best: Judged | None = None
    """The cheapest point that met all constraints on new seeds."""
    tested: dict[int, Judged] = field(default_factory=dict)
    """All points of which something is known, proven ones among them."""
    untested: int = 0
    """Points cheaper than the best of which nothing is known."""
    spent: bool = False
    """Whether the budget ended the search."""
    way: str = "exact"

    @property
    def impossible(self) -> list[Judged]:
        """Points that cannot run their jobs at all."""
        return [each for each in self.tested.values() if each.verdict == IMPOSSIBLE]

    def open_below(self, objective: FloatArray) -> list[Judged]:
        """Return the points cheaper than the best that could not be decided."""
        most = math.inf if self.best is None else float(objective[self.best.point])
        wanted = [each for each in self.tested.values() if each.verdict == OPEN]
        return sorted(
            (each for each in wanted if objective[each.point] < most), key=lambda each: float(objective[each.point])
        )


def n_ways(longest: int) -> int:
    """Return the tests by which one point of a chain may be given up: those of a bisection."""
    return max(1, math.ceil(math.log2(longest + 1)))


def search_exact(
    objective: FloatArray,
    order: Sequence[int],
    judge: Judge,
    chain: Chain | None = None,
    monotone: Sequence[Constraint] = (),
) -> Found:
    """Return the cheapest point that meets all constraints: each cheaper one is shown to fail, or named as open.

    Args:
        objective: (n_points,) what is to be least.
        order: Points from the cheapest to the dearest.
        judge: Judges points.
        chain: Where more nodes are proven to delay no job; None: nowhere.
        monotone: Constraints that then fail at fewer nodes too.
    """
    found = Found()
    left = dict.fromkeys(int(point) for point in order)
    hopeful: dict[int, Judged] = {}
    try:
        while left or hopeful:
            most = min((float(objective[point]) for point in hopeful), default=math.inf)
            if left and objective[next(iter(left))] < most:
                point = _next(left, chain, objective, most)
                tested = judge.screen(point)
                del left[point]
                if tested.verdict == MEETS:
                    hopeful[point] = tested
                    continue
            else:
                point = min(hopeful, key=lambda each: float(objective[each]))
                tested = judge.confirm(point)
                del hopeful[point]
            found.tested[point] = tested
            if tested.verdict == MEETS:
                found.best = tested
                break
            if tested.failing is not None and chain is not None and judge.constraints[tested.failing] in monotone:
                _prove(found, left, tested, chain(point))
    except BudgetSpentError:
        found.spent = True
    return _ended(found, left, hopeful, objective)


def _ended(found: Found, left: dict[int, None], hopeful: dict[int, Judged], objective: FloatArray) -> Found:
    """Add what was screened and not confirmed, and count what was not looked at."""
    for point, tested in hopeful.items():
        found.tested[point] = Judged(point, OPEN, "seemed to meet all; not confirmed on new seeds", tested.limits)
    most = math.inf if found.best is None else float(objective[found.best.point])
    found.untested = sum(1 for point in left if objective[point] < most)
    return found


def _next(left: dict[int, None], chain: Chain | None, objective: FloatArray, most: float) -> int:
    """Return the cheapest point that is left, or the middle of its chain below a price."""
    cheapest = next(iter(left))
    same = [p for p in chain(cheapest) if p in left and objective[p] < most] if chain is not None else []
    return same[len(same) // 2] if len(same) > 1 else cheapest


def _prove(found: Found, left: dict[int, None], tested: Judged, chain: tuple[int, ...]) -> None:
    """Give up the points with fewer nodes than one that fails."""
    if tested.point not in chain:
        return
    for point in chain[: chain.index(tested.point)]:
        if point in left:
            del left[point]
            found.tested[point] = Judged(
                point, FAILS, f"{tested.why}; fewer nodes than a point that fails, first come, first served"
            )
