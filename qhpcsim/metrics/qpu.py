"""The figures of QPU jobs and QPUs: key ``qpu`` of ``summary.json``."""

from __future__ import annotations

from typing import Any

import numpy as np

from qhpcsim.core.qpu_records import QpuJobState, QpuMode
from qhpcsim.core.records import FloatArray
from qhpcsim.metrics.qpu_data import CLOSURES, BoolArray, QpuData
from qhpcsim.metrics.qpu_spans import clipped, length_s, without
from qhpcsim.metrics.waiting import largest, mean

FRACTIONS = {
    "calibration_frac": "calibration",
    "warm_up_frac": "warm_up",
    "outage_frac": "outage",
    "closed_frac": "closed",
    "reserved_frac": "reservation",
}
"""Key of a QPU's figures -> the kind of interval that it adds up."""


def summarise_qpu(data: QpuData) -> dict[str, Any]:
    """Return the figures of a run's QPU jobs, ready for JSON: no NaN, None where nothing counts.

    The workload's own jobs come first; those of other users stand under ``background`` and enter nothing else but
    ``by_qpu``, which is about the machines. docs/qpu.md gives the formula of every key.
    """
    own = ~data.background
    modes = {mode.name.lower(): own & (data.mode == mode) for mode in QpuMode}
    return {
        **job_figures(data, own),
        "n_background": int(data.background.sum()),
        "horizon_s": float(data.horizon_s),
        "by_mode": {name: {"n": int(members.sum()), **wait_figures(data, members)} for name, members in modes.items()},
        "background": job_figures(data, data.background),
        "by_qpu": {name: qpu_figures(data, qpu) for qpu, name in enumerate(data.qpu_names)},
    }


def job_figures(data: QpuData, members: BoolArray) -> dict[str, Any]:
    """Return counts, waits, turnarounds, fidelity and what was used and charged, of some of the jobs.

    The four counts add up to ``n_jobs``. Sums of nothing are 0; means of nothing are None.
    """
    started, finished = members & data.started, members & data.finished
    turnaround_s = (data.ended_s - data.submitted_s)[finished]
    return {
        "n_jobs": int(members.sum()),
        "n_completed": data.count(members, QpuJobState.COMPLETED),
        "n_failed": data.count(members, QpuJobState.FAILED),
        "n_rejected": data.count(members, QpuJobState.REJECTED),
        "n_unfinished": data.count(members, QpuJobState.RUNNING, QpuJobState.QUEUED),
        **wait_figures(data, members),
        "max_wait_s": largest(data.wait_s[started]),
        "mean_turnaround_s": mean(turnaround_s),
        "p95_turnaround_s": percentile(turnaround_s, 95),
        "mean_service_s": mean(data.used_s[finished]),
        "mean_fidelity": mean(_known(data.fidelity, started)),
        "qpu_s": float(np.sum(data.used_s[started])),
        "billed_s": float(np.sum(data.billed_s[started])),
        "shots": _whole(_total(data.shots, started)),
        "cost": costs(data, members),
        "energy_j": _total(data.energy_j, started),
    }


def wait_figures(data: QpuData, members: BoolArray) -> dict[str, float | None]:
    """Return mean, median and 95th percentile of the wait, from reaching the service to the start."""
    wait_s = data.wait_s[members & data.started]
    return {"mean_wait_s": mean(wait_s), "median_wait_s": percentile(wait_s, 50), "p95_wait_s": percentile(wait_s, 95)}


def costs(data: QpuData, members: BoolArray) -> dict[str, float]:
    """Return what jobs cost in each currency, in the order of the QPUs.

    Currencies without a price, and those in which no started job's cost is known, are left out.
    """
    found: dict[str, float] = {}
    for word in dict.fromkeys(word for word in data.currency if word):
        there = np.isin(data.qpu, [qpu for qpu, other in enumerate(data.currency) if other == word])
        started = members & data.started & there
        known = _known(data.cost, started)
        if len(known) or not started.any():
            found[word] = float(np.sum(known))
    return found


def qpu_figures(data: QpuData, qpu: int) -> dict[str, Any]:
    """Return how one QPU spent the run, all users' jobs together.

    Fractions are of the whole run and each is taken by itself: an outage at night counts as outage and as closed.
    """
    here = data.qpu == qpu
    horizon_s = data.horizon_s
    spent_s = {key: length_s(clipped(data.intervals.spans(qpu, kind), horizon_s)) for key, kind in FRACTIONS.items()}
    times_s = {
        "utilisation_frac": float(np.sum(data.used_s[here & data.started])),
        **spent_s,
        "held_idle_frac": held_idle_s(data, qpu),
    }
    return {
        "n_jobs": int(here.sum()),
        **{key: _share(time_s, horizon_s) for key, time_s in times_s.items()},
        "mean_queue_length": _share(float(np.sum(waited_s(data)[here])), horizon_s),
        "mean_wait_s": mean(data.wait_s[here & data.started]),
        "cost": _total(data.cost, here & data.started) if data.currency and data.currency[qpu] else None,
        "currency": data.currency[qpu] if data.currency else "",
    }


def held_idle_s(data: QpuData, qpu: int) -> float:
    """Return the seconds at which a session or batch held an open QPU and had no job on it."""
    here = (data.qpu == qpu) & data.started & (data.session >= 0)
    busy = np.column_stack([data.started_s[here], data.until_s[here]])
    shut = data.intervals.spans(qpu, *CLOSURES, "warm_up")
    holds = clipped(data.intervals.spans(qpu, "session"), data.horizon_s)
    return length_s(without(holds, np.concatenate([busy, shut])))


def waited_s(data: QpuData) -> FloatArray:
    """Return the (n,) time in the queue: to the start, or to the run's end for a job that still waited then.

    A job that failed before it started counts 0: the table does not say when it left. The time that an interrupted
    job waits to go on is no wait here.
    """
    never = ~data.started & (data.state == QpuJobState.QUEUED)
    left_s = np.where(never, data.horizon_s, data.started_s)
    return np.nan_to_num(np.maximum(left_s - data.queued_s, 0.0))


def percentile(values: FloatArray, q: float) -> float | None:
    """Return the q-th percentile, linear between order statistics, or None of nothing."""
    return float(np.percentile(values, q)) if values.size else None


def _known(values: FloatArray | None, members: BoolArray) -> FloatArray:
    """Return the members' values that are numbers."""
    if values is None:
        return np.empty(0)
    chosen = values[members]
    return chosen[np.isfinite(chosen)]


def _total(values: FloatArray | None, members: BoolArray) -> float | None:
    """Return the sum of the values that are numbers, or None if there are none."""
    known = _known(values, members)
    return float(np.sum(known)) if known.size else None


def _whole(amount: float | None) -> int | None:
    return None if amount is None else round(amount)


def _share(amount: float, whole: float) -> float | None:
    return amount / whole if whole > 0 else None
