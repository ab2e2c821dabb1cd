"""Figures of a run's steady state: its series with the warm-up cut off."""

from __future__ import annotations

from typing import Any

import numpy as np

from qhpcsim.core.records import FloatArray
from qhpcsim.results.result import Result
from qhpcsim.studies.warm_up import mser5

PREFIX = "steady"


def steady_figures(result: Result) -> dict[str, Any]:
    """Return the mean waits of batch jobs and of QPU jobs after the warm-up, in order of submission.

    Returns:
        Under ``steady``: for each series its mean, the number of values cut, and whether nothing could be said of a
        steady state; the mean is then None.
    """
    found: dict[str, Any] = {}
    if result.table.n:
        wait_s = result.schedule.start_s - result.table.submit_s
        found |= _figures("wait_s", wait_s[np.isfinite(wait_s)])
    if result.qpu is not None:
        data = result.qpu.data
        order = np.argsort(data.submitted_s[~data.background], kind="stable")
        wait_s = (data.started_s - data.submitted_s)[~data.background][order]
        found |= _figures("qpu_wait_s", wait_s[np.isfinite(wait_s)])
    return {PREFIX: found}


def _figures(name: str, series: FloatArray) -> dict[str, Any]:
    found = mser5(series)
    mean = None if found.why_not else float(series[found.n_cut :].mean())
    return {f"mean_{name}": mean, f"n_cut_{name}": found.n_cut, f"refused_{name}": bool(found.why_not)}
