"""How many shots each different circuit of a cut gets."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qhpcsim.circuits.cutting_plan import Plan
from qhpcsim.core.errors import ConfigError
from qhpcsim.core.records import FloatArray


def shots_of(plan: Plan, shots: int, total_shots: int | None) -> NDArray[np.int64]:
    """Return the (D,) shots of each experiment; 0 for one without bits.

    Args:
        plan: What runs.
        shots: Of each, where no total is given; 0: exact values.
        total_shots: Divided by how much each weighs in the sum, at least one each; None: ``shots`` each.

    Raises:
        ConfigError: if there are fewer than one for each.
    """
    runs: NDArray[np.bool_] = np.array([experiment.n_bits > 0 for experiment in plan.experiments])
    if total_shots is None:
        if shots < 0:
            raise ConfigError(f"{shots}", where="shots", allowed="1 or more; 0: exact values")
        each: NDArray[np.int64] = shots * runs.astype(np.int64)
        return each
    n_runs = int(runs.sum())
    if total_shots < n_runs:
        raise ConfigError(f"{total_shots}", where="total_shots", allowed=f"{n_runs:,} or more: one for each circuit")
    if not n_runs:
        return np.zeros(runs.size, np.int64)
    share = np.where(runs, _weight(plan), 0.0)
    exact = runs + (total_shots - n_runs) * share / share.sum()
    found: NDArray[np.int64] = np.floor(exact).astype(np.int64)
    left = total_shots - int(found.sum())
    found[np.argsort(found - exact, kind="stable")[:left]] += 1
    return found


def _weight(plan: Plan) -> FloatArray:
    """Return the (D,) largest absolute derivative that any observable can have by each experiment's mean."""
    found = np.zeros(len(plan.experiments))
    for part in plan.parts:
        for column in part.experiment.T:
            found += np.bincount(column, weights=np.abs(plan.terms.coefficients), minlength=found.size)
    return found
