"""Tests of single points: a screening that stops early, and a confirmation on seeds that no choice depended on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from qhpcsim.core.errors import StudyError, nearest, shorten
from qhpcsim.studies.plan_runs import Sample
from qhpcsim.studies.plan_study import BELOW, Constraint, Seeds
from qhpcsim.studies.search_limits import Limits, limits, looks

MEETS, FAILS, OPEN, IMPOSSIBLE = "meets", "fails", "open", "cannot run"
CONFIRMATIONS = 2
"""Looks at new seeds that a point can get."""
LENIENT = 0.2
"""Least error of the last look of a screening, which decides no more than whether a point is worth confirming."""
REJECTED = ("n_rejected", "qpu.n_rejected")
"""Figures that count jobs which were turned away; waits of the others say nothing of them."""
Look = Callable[[int, Sequence[int]], Sample]
"""Takes a point and seeds, counted from 0, and gives its runs."""


class BudgetSpentError(Exception):
    """The next look would take more runs than the study allows."""


@dataclass(slots=True)
class Judged:
    """What is known of one point."""

    point: int
    verdict: str
    why: str
    """In words; for a point that fails, the figure that does."""
    limits: list[Limits] = field(default_factory=list)
    """Of each constraint; empty: nothing was run."""
    failing: int | None = None
    """Which constraint it does not meet."""
    confirmed: bool = False
    """Whether it met all constraints on new seeds."""


class Judge:
    """Judges points by looking at them with more and more seeds.

    A point is given up as soon as one constraint is known to fail. With K looks, those of the confirmation among them,
    and C constraints, each test uses error / (K · C · ``n_ways``): a plan that does meet its constraints is given up
    with no more than the error allowed. A point that looks as if it met all goes to ``confirm``: new seeds, twice as
    many if they leave it open, and half of the error for the first look at new seeds, a quarter for the second, and so
    on over all points. However many points were screened, a plan that does not meet a constraint is returned with no
    more than the error allowed.

    Args:
        constraints: What must hold.
        seeds: First look, last look, confirmation.
        look: Runs a point.
        budget: Most runs.
        n_ways: Tests by which one point may be given up; more than 1 where others prove it to fail.
        rejected: Whether runs may turn jobs away.
    """

    def __init__(
        self,
        constraints: Sequence[Constraint],
        seeds: Seeds,
        look: Look,
        budget: int,
        n_ways: int = 1,
        rejected: bool = False,
    ) -> None:
        self.constraints, self.seeds, self.look, self.budget = constraints, seeds, look, budget
        self.looks = looks(seeds.first, seeds.most)
        self.n_tests = (len(self.looks) + CONFIRMATIONS) * len(constraints) * n_ways
        self.rejected = rejected
        self.n_runs = 0
        self.n_confirmations = 0
        """Looks at new seeds, over all points."""

    def screen(self, point: int) -> Judged:
        """Return whether a point seems to meet the constraints, fails, or is left open at the most seeds."""
        seen = 0
        found = Judged(point, OPEN, "")
        for n_seeds in self.looks:
            self._spend(n_seeds - seen)
            seen = n_seeds
            sample = self.look(point, range(n_seeds))
            least = LENIENT if n_seeds == self.looks[-1] else 0.0
            errors = [(c.error / self.n_tests, max(c.error, least)) for c in self.constraints]
            found = self._judge(point, sample, errors)
            if found.verdict != OPEN or not found.limits:
                return found
        return found

    def confirm(self, point: int) -> Judged:
        """Return the same on new seeds, with the errors that are left."""
        found = Judged(point, OPEN, "")
        for n_seeds in range(self.seeds.confirm, CONFIRMATIONS * self.seeds.confirm + 1, self.seeds.confirm):
            self._spend(self.seeds.confirm)
            self.n_confirmations += 1
            sample = self.look(point, range(self.seeds.most, self.seeds.most + n_seeds))
            errors = [(c.error / self.n_tests, c.error / 2.0**self.n_confirmations) for c in self.constraints]
            found = self._judge(point, sample, errors)
            if found.verdict != OPEN or not found.limits:
                break
        found.confirmed = found.verdict == MEETS
        return found

    def _spend(self, n_runs: int) -> None:
        if self.n_runs + n_runs > self.budget:
            raise BudgetSpentError
        self.n_runs += n_runs

    def _judge(self, point: int, sample: Sample, errors: Sequence[tuple[float, float]]) -> Judged:
        """Return what a sample says, with (error of giving up, error of accepting) for each constraint."""
        if sample.problem:
            return Judged(point, IMPOSSIBLE if sample.impossible else OPEN, sample.problem)
        if not self.rejected and (why := turned_away(sample)):
            return Judged(point, FAILS, why)
        found = Judged(point, MEETS, "")
        for k, (constraint, (giving_up, accepting)) in enumerate(zip(self.constraints, errors, strict=True)):
            values = _values(sample, constraint.figure)
            if len(values) < len(sample.rows):
                why = f"{len(sample.rows) - len(values)} of {len(sample.rows)} runs have no {constraint.figure}"
                return Judged(point, OPEN, why)
            seen = verdict_of(constraint, values, giving_up, accepting)
            found.limits.append(seen[1])
            if seen[0] == FAILS and found.failing is None:
                found.failing = k
            if seen[0] != MEETS and found.verdict != FAILS:
                found.verdict, found.why = seen[0], constraint.figure
        return found


def verdict_of(
    constraint: Constraint, values: Sequence[float], giving_up: float, accepting: float
) -> tuple[str, Limits]:
    """Return whether values show a constraint to be met, not to be met, or neither; and the limits of their mean."""
    if constraint.side == BELOW:
        seen = limits(values, giving_up, accepting)
        verdict = MEETS if seen.high < constraint.limit else FAILS if seen.low >= constraint.limit else OPEN
    else:
        seen = limits(values, accepting, giving_up)
        verdict = MEETS if seen.low > constraint.limit else FAILS if seen.high <= constraint.limit else OPEN
    return verdict, seen


def _values(sample: Sample, figure: str) -> list[float]:
    names = list(dict.fromkeys(name for row in sample.rows.values() for name in row))
    if figure not in names:
        raise StudyError(
            f"no figure {shorten(figure)!r}",
            where="constraints",
            suggestion=nearest(figure, names),
            hint="the names are those of summary.json, joined by dots; qhpcsim sweep writes them into results.csv",
        )
    return sample.values(figure)


def turned_away(sample: Sample) -> str:
    """Return in words whether runs turned jobs away; empty: none did."""
    for name in REJECTED:
        for seed, row in sorted(sample.rows.items()):
            if number := row.get(name):
                return f"{number:,} jobs are turned away under seed {seed}"
    return ""
