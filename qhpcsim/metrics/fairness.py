"""Fairness between users."""

from __future__ import annotations

import numpy as np

from qhpcsim.core.records import FloatArray
from qhpcsim.metrics.metric import metric
from qhpcsim.metrics.run_data import BoolArray, RunData
from qhpcsim.metrics.slowdown import bounded_slowdown

JAIN = "Jain, Chiu, Hawe (1984), A quantitative measure of fairness and discrimination, DEC-TR-301, arXiv:cs/9809099"


def jain_index(values: FloatArray) -> float | None:
    """Return (sum x)^2 / (n sum x^2): 1 if all x are equal, 1/n if one user has everything; None of nothing."""
    squares = float(np.sum(values * values))
    return float(np.sum(values)) ** 2 / (values.size * squares) if squares > 0 else None


def has_user(run: RunData) -> BoolArray:
    """Return the (n,) finished jobs whose user is known."""
    if run.table.user is None:
        return np.zeros(run.table.n, dtype=np.bool_)
    return run.finished & (run.table.user.code >= 0)


def user_slowdowns(run: RunData) -> FloatArray:
    """Return each user's mean bounded slowdown over his finished jobs; users without one are left out."""
    if run.table.user is None:
        return np.zeros(0)
    chosen = has_user(run)
    code = run.table.user.code[chosen]
    total = np.bincount(code, weights=bounded_slowdown(run)[chosen])
    jobs = np.bincount(code)
    return np.asarray(total[jobs > 0] / jobs[jobs > 0])


@metric("jain_fairness", "1", "(sum x)^2 / (n sum x^2), x = a user's mean bounded slowdown (tau 10 s)", JAIN)
def jain_fairness(run: RunData) -> float | None:
    """Return Jain's index over users' mean bounded slowdowns; None if no job names its user."""
    return jain_index(user_slowdowns(run))
