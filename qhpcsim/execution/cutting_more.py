"""Shots that are still missing: what a cut's circuits have to run again until a standard error is reached.

How many shots a target takes cannot be known before the values are: the plan's number is an estimate that can be too
low or too high (``circuits/cut_shots.py``). After a first round the derivatives and variances are known well enough to
share out the rest in the best way, n_u in proportion to √V_u (Neyman 1934), V_u = (∂E/∂e_u)² Var(one shot of u).
Assumes: looking at the standard error before deciding whether to go on does not bias the values: rounds are few and
each adds at least a twentieth of the shots.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from qhpcsim.circuits.cutting_plan import Plan
from qhpcsim.core.records import FloatArray
from qhpcsim.execution.cutting_estimate import Counts, Estimate, variance_shares
from qhpcsim.execution.cutting_run import Execution
from qhpcsim.execution.cutting_work import Ran

ROUNDS = 12
"""Most rounds of one run."""
_NEAR = 1.01
"""A standard error this many times the target counts as reached."""
_GROWTH, _LEAST = 9.0, 0.05
"""Most and least shots of a round, as shares of those before: estimates from few shots are not to be trusted far."""


def missing_shots(
    plan: Plan, counts: Sequence[Counts | None], found: Estimate, weights: FloatArray, target: float
) -> NDArray[np.int64]:
    """Return the (D,) shots that each experiment should get next; all 0 if the target is reached.

    Args:
        plan: The sum.
        counts: Of each experiment so far; None for one without bits.
        found: The estimate from them.
        weights: Sums whose standard errors are meant, shape (sums, observables).
        target: Standard error of each sum.
    """
    shots = np.array([0 if each is None else each.shots for each in counts], dtype=np.float64)
    variance = np.einsum("sk,kl,sl->s", weights, found.covariance, weights)
    short = variance > (_NEAR * target) ** 2
    if not short.any():
        return np.zeros(shots.size, np.int64)
    shares = np.maximum(variance_shares(plan, counts, weights)[short], 0.0)
    beyond = variance[short] / shares.sum(axis=1)  # what is not of first order in 1/n
    roots = np.sqrt(shares * shots)
    wanted = (roots * (roots.sum(axis=1) * beyond)[:, None]).max(axis=0) / target**2
    extra = np.maximum(0.0, wanted - shots)
    total = float(np.clip(extra.sum(), _LEAST * shots.sum(), _GROWTH * shots.sum()))
    rounded: NDArray[np.int64] = np.ceil(extra * (total / extra.sum())).astype(np.int64)
    return rounded


def add(done: Execution, more: Execution) -> None:
    """Add what another round gave; shots of one circuit count as one run of it."""
    for name, ran in more.ran.items():
        before = done.ran.get(name)
        done.ran[name] = ran if before is None else _joined(before, ran)
    done.resumed |= more.resumed
    done.tasks += more.tasks


def _joined(one: Ran, other: Ran) -> Ran:
    keys = np.concatenate([one.counts.keys, other.counts.keys])
    numbers = np.concatenate([one.counts.numbers, other.counts.numbers])
    unique, place = np.unique(keys, return_inverse=True)
    counts = Counts(unique, np.bincount(place, numbers).astype(np.float64), one.counts.shots + other.counts.shots)
    return Ran(one.name, counts, one.seconds + other.seconds, one.cpu_s + other.cpu_s)
