"""Slowdowns: how many times longer a job took than it ran.

Plain slowdown is undefined for jobs of no length and explodes for short ones; the bounded forms take every job for at
least tau = 10 s long.
"""

from __future__ import annotations

import numpy as np

from qhpcsim.core.records import FloatArray
from qhpcsim.metrics.metric import metric
from qhpcsim.metrics.run_data import BoolArray, RunData
from qhpcsim.metrics.waiting import largest, mean

TAU_S = 10.0
"""Shortest run time that bounded slowdown takes a job for, in seconds: the field's convention."""
FEITELSON = "Feitelson et al. (1997), Theory and practice in parallel job scheduling, doi:10.1007/3-540-63574-2_14"
PER_PROCESSOR = "Zotkin, Keleher (1999), Job-length estimation and performance in backfilling schedulers, HPDC"


def has_slowdown(run: RunData) -> BoolArray:
    """Return the (n,) jobs whose slowdown is defined: finished, with p > 0."""
    return run.finished & (run.run_s > 0)


def slowdown(run: RunData) -> FloatArray:
    """Return r / p of the jobs that have one, in job order."""
    chosen = has_slowdown(run)
    return np.asarray(run.turnaround_s[chosen] / run.run_s[chosen])


def bounded_slowdown(run: RunData, per_processor: bool = False) -> FloatArray:
    """Return (n,) bounded slowdowns, NaN for jobs that did not finish.

    Model: max(1, (w + p) / max(p, tau)); per processor: max(1, (w + p) / (q max(p, tau))).
    """
    bound = np.maximum(run.run_s, TAU_S)
    if per_processor:
        bound = bound * run.table.nodes
    return np.asarray(np.maximum(1.0, run.turnaround_s / bound))


@metric("mean_slowdown", "1", "mean of r / p over finished jobs with p > 0", FEITELSON)
def mean_slowdown(run: RunData) -> float | None:
    """Return the mean slowdown (Batsim: stretch); jobs of zero run time are left out."""
    return mean(slowdown(run))


@metric("max_slowdown", "1", "max of r / p over finished jobs with p > 0", FEITELSON)
def max_slowdown(run: RunData) -> float | None:
    """Return the largest slowdown; jobs of zero run time are left out."""
    return largest(slowdown(run))


@metric("mean_bounded_slowdown", "1", "mean of max(1, (w+p) / max(p, 10 s)) over finished jobs", FEITELSON)
def mean_bounded_slowdown(run: RunData) -> float | None:
    """Return the mean bounded slowdown, tau = 10 s."""
    return mean(bounded_slowdown(run)[run.finished])


@metric("max_bounded_slowdown", "1", "max of max(1, (w+p) / max(p, 10 s)) over finished jobs", FEITELSON)
def max_bounded_slowdown(run: RunData) -> float | None:
    """Return the largest bounded slowdown, tau = 10 s."""
    return largest(bounded_slowdown(run)[run.finished])


@metric("mean_pp_bounded_slowdown", "1", "mean of max(1, (w+p) / (q max(p, 10 s))) over finished jobs", PER_PROCESSOR)
def mean_pp_bounded_slowdown(run: RunData) -> float | None:
    """Return the mean per-processor bounded slowdown, tau = 10 s, q in nodes."""
    return mean(bounded_slowdown(run, per_processor=True)[run.finished])
