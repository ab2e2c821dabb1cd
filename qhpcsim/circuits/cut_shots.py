"""How many shots a cut needs for a standard error.

Model: an expectation value is a sum over joint samples s of c_s times the product of the parts' values e.
    Guaranteed: drawing s with probability |c_s|/κ and running every part once, the estimate has a variance of at most
    (κ Σ|a|)² for one draw, with κ = Πγ and the observable's coefficients a; so P (κ Σ|a|)² / ε² shots in P parts.
    Estimate: with n_u shots of each circuit u, the variance is Σ_u V_u/n_u to first order, with
    V_u = (∂E/∂e_u)² (1 − e_u²). The values are not known beforehand; they are taken as independent, of one common
    mean square, and that is (P − 1)/P, for which the variance of a product of P values is largest (0 without a cut).
    Where a part has nothing to measure its value is 1 for certain. Shots are shared out in proportion to √V_u.
Assumes: noiseless sampling; terms that share a measurement are uncorrelated; every observable is met on its own.
Not modelled: what the values are (where parts agree to give large values the estimate may be too low, where values
    are small it is too high), variance beyond the first order in 1/n_u, device noise.
Source: Mitarai & Fujii, New J. Phys. 23 (2021), doi:10.1088/1367-2630/abd7bc (κ²); Piveteau & Sutter, IEEE Trans.
    Inf. Theory 70 (2024), doi:10.1109/TIT.2023.3310797.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qhpcsim.circuits.cut_counts import PartCounts, Samples
from qhpcsim.circuits.cut_runs import PartRuns

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Values = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ShotPlan:
    """Shots that reach the target standard error of every observable."""

    target_error: float
    n_guaranteed: int
    """Shots in all parts that suffice whatever the expectation values are."""
    n_estimate: int
    """Estimated shots in all runs, shared out in the best way; one each at least."""
    n_equal: int
    """The same with equally many shots of each run."""
    per_experiment: tuple[Values, ...]
    """Whole numbers of shots behind ``n_estimate``; for each part an array of shape (R,) as in ``PartRuns``."""
    error_one_shot: tuple[float, ...]
    """Estimated standard error of each observable with one shot of each run; falls as 1/√shots."""


def shot_plan(
    parts: Sequence[PartCounts],
    runs: Sequence[PartRuns],
    drawn: Samples,
    kappa: float,
    coefficients: Sequence[Sequence[float]],
    target: float,
) -> ShotPlan:
    """Return the shots that a cut circuit needs.

    Args:
        parts: Sub-experiments of each part.
        runs: What each part runs for them.
        drawn: The joint samples.
        kappa: Product of γ over the cuts.
        coefficients: For each observable, its coefficient of each term.
        target: Standard error wanted of each observable.
    """
    import numpy as np

    variances = _variances(parts, runs, drawn, np.asarray(coefficients, dtype=float))
    n_observables = len(coefficients)
    totals = np.array([sum(float(v[o].sum()) for v in variances) for o in range(n_observables)])
    roots = np.array([sum(float(np.sqrt(v[o]).sum()) for v in variances) for o in range(n_observables)])
    shares = [(np.sqrt(v) * roots[:, None]).max(axis=0) / target**2 for v in variances]
    per_experiment = tuple(np.maximum(1.0, np.ceil(share - 1e-9)) for share in shares)
    n_runs = sum(run.n_runs for run in runs)
    largest = max(sum(abs(a) for a in row) for row in coefficients)
    return ShotPlan(
        target_error=target,
        n_guaranteed=math.ceil(len(parts) * (kappa * largest / target) ** 2 - 1e-9),
        n_estimate=int(sum(float(each.sum()) for each in per_experiment)),
        n_equal=n_runs * max(1, math.ceil(float(totals.max()) / target**2 - 1e-9)),
        per_experiment=per_experiment,
        error_one_shot=tuple(math.sqrt(total) for total in totals),
    )


def _variances(
    parts: Sequence[PartCounts], runs: Sequence[PartRuns], drawn: Samples, coefficients: Values
) -> list[Values]:
    """Return V_u of each part for one shot, of shape (observables, R)."""
    import numpy as np

    variances = [np.zeros((len(coefficients), run.n_runs)) for run in runs]
    places = [_places(part) for part in parts]
    known: dict[tuple[tuple[int, bool], ...], list[Values]] = {}
    for term in range(coefficients.shape[1]):
        where = tuple(place[term] for place in places)
        if where not in known:
            known[where] = _of_term(parts, runs, drawn, where)
        for total, each in zip(variances, known[where], strict=True):
            total += coefficients[:, term, None] ** 2 * each
    return variances


def _places(part: PartCounts) -> dict[int, tuple[int, bool]]:
    """Return, for each term, the group that serves it in a part, and whether it acts on no qubit there."""
    return {
        term: (g, quiet)
        for g, group in enumerate(part.groups)
        for term, quiet in zip(group.terms, group.silent, strict=True)
    }


def _of_term(
    parts: Sequence[PartCounts], runs: Sequence[PartRuns], drawn: Samples, where: Sequence[tuple[int, bool]]
) -> list[Values]:
    """Return V_u of each part for a term of coefficient 1, given its group in each part and where it is silent.

    Samples that run the same circuits in all parts are one summand: their weights add up before they are squared.
    """
    import numpy as np

    chosen = np.array([run.run_of[g][part.codes] for part, run, (g, _) in zip(parts, runs, where, strict=True)])
    certain = np.array(
        [np.logical_and(quiet, part.n_measured[part.codes] == 0) for part, (_, quiet) in zip(parts, where, strict=True)]
    )
    joint, first, which = np.unique(np.where(certain, -1, chosen), axis=1, return_index=True, return_inverse=True)
    summed = np.bincount(which.reshape(-1), weights=drawn.weights, minlength=joint.shape[1])
    squares = np.where(certain[:, first], 1.0, 1.0 - 1.0 / len(parts))
    found = []
    for p, run in enumerate(runs):
        others = np.prod(np.delete(squares, p, axis=0), axis=0)
        share = summed**2 * others * (1.0 - squares[p])
        varies = joint[p] >= 0
        found.append(np.bincount(joint[p][varies], weights=share[varies], minlength=run.n_runs).astype(np.float64))
    return found
