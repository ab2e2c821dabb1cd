"""What became of the jobs that waited at a moment, and of those that came after it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.records import FloatArray, JobState
from qhpcsim.metrics.run_data import RunData
from qhpcsim.metrics.slowdown import bounded_slowdown

if TYPE_CHECKING:
    from qhpcsim.results.result import Result

Figures = dict[str, float | None]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Span:
    """The times that the figures are about, on the simulation's axis."""

    at_s: float
    """The moment."""
    until_s: float
    """Jobs that come later are not counted; inf: all are."""
    window_end_s: float
    """Utilisation is that from the moment until then."""


def span_of(result: Result, at_s: float, until_s: float) -> Span:
    """Return the times of a comparison: utilisation up to the last submission, or as long as something runs."""
    submit_s = result.table.submit_s[np.isfinite(result.table.submit_s)]
    last_s = float(submit_s.max(initial=at_s))
    if result.hybrid is not None:
        last_s = max([last_s, *(job.submit_s for job in result.hybrid.jobs)])
    if math.isfinite(until_s):
        return Span(at_s, until_s, until_s)
    return Span(at_s, until_s, last_s if last_s > at_s else max(at_s, end_of(result)))


def end_of(result: Result) -> float:
    """Return when the last job of a result has left nodes and QPUs, on the simulation's axis."""
    ends = [result.table.submit_s[np.isfinite(result.table.submit_s)], result.schedule.end_s]
    if result.qpu is not None:
        ends.append(result.qpu.schedule.ended_s)
    return float(np.nanmax(np.concatenate(ends), initial=0.0))


def figures(result: Result, span: Span, as_is: Result) -> Figures:
    """Return the figures of one future; None where nobody counts.

    Args:
        result: The future.
        span: The times.
        as_is: The future without changes: says who waits at the moment.
    """
    run = RunData(result.table, result.schedule, result.partitions)
    waiting, after = groups(result, span, as_is)
    found: Figures = {"n_waiting": float(waiting.sum()), "n_after": float(after.sum())}
    found |= _waits(run, waiting | after, "")
    found |= _waits(run, waiting, "waiting.")
    found |= _waits(run, after, "after.")
    found["queue_empty_s"] = _empty(run, waiting, span)
    found["n_never_started"] = float(((waiting | after) & ~run.started).sum())
    found["utilisation_frac"] = utilisation(run, span)
    if result.hybrid is not None:
        found |= _solutions(result, span)
    if result.qpu is not None:
        found |= _of_qpus(result, span)
    return found


def groups(result: Result, span: Span, as_is: Result) -> tuple[Mask, Mask]:
    """Return which jobs wait at the moment, and which come from then on; jobs that never join a queue are neither."""
    table, schedule = result.table, result.schedule
    accepted = schedule.state != JobState.REJECTED
    if as_is.table.n == table.n:
        accepted = accepted | (as_is.schedule.state != JobState.REJECTED)
    before = table.submit_s < span.at_s
    return (
        accepted & before & ~(schedule.start_s < span.at_s),
        accepted & ~before & (table.submit_s < span.until_s),
    )


def _waits(run: RunData, who: Mask, prefix: str) -> Figures:
    waits = run.wait_s[who & run.started]
    slowdowns = bounded_slowdown(run)[who & run.finished]
    return {
        f"{prefix}mean_wait_s": float(waits.mean()) if waits.size else None,
        f"{prefix}median_wait_s": float(np.median(waits)) if waits.size else None,
        f"{prefix}p95_wait_s": float(np.quantile(waits, 0.95)) if waits.size else None,
        f"{prefix}mean_bounded_slowdown": float(slowdowns.mean()) if slowdowns.size else None,
    }


def _empty(run: RunData, waiting: Mask, span: Span) -> float | None:
    """Return after how long the last of the jobs that wait at the moment starts; None: one of them never does."""
    if not waiting.any():
        return 0.0
    last_s = float(run.schedule.start_s[waiting].max())
    return None if math.isnan(last_s) else last_s - span.at_s


def utilisation(run: RunData, span: Span) -> float | None:
    """Return the share of the nodes there were that jobs held."""
    low, high = span.at_s, span.window_end_s
    on = run.started
    held_s = _overlap(run.schedule.start_s[on], _ends(run)[on], low, high)
    area, busy = run.n_nodes * (high - low), float((run.share_nodes[on] * held_s).sum())
    if run.schedule.down is not None:
        area -= float(_overlap(run.schedule.down.start_s, run.schedule.down.end_s, low, high).sum())
    lost = run.schedule.lost
    if lost is not None:
        busy += float((_overlap(lost.start_s, lost.end_s, low, high) * run.table.nodes[lost.job]).sum())
    return busy / area if area > 0 else None


def _ends(run: RunData) -> FloatArray:
    return np.where(np.isfinite(run.schedule.end_s), run.schedule.end_s, np.inf)


def _overlap(start_s: FloatArray, end_s: FloatArray, low: float, high: float) -> FloatArray:
    return np.asarray(np.maximum(0.0, np.minimum(end_s, high) - np.maximum(start_s, low)))


def _solutions(result: Result, span: Span) -> Figures:
    """Return how long hybrid jobs that had not ended took from submission to the end."""
    assert result.hybrid is not None
    data = result.hybrid.data
    chosen = (data.submitted_s < span.until_s) & ~(data.ended_s <= span.at_s)
    took_s = (data.ended_s - data.submitted_s)[chosen & (data.state == "COMPLETED")]
    lost = int((chosen & (data.state != "COMPLETED")).sum())
    return {
        "hybrid.mean_time_to_solution_s": float(took_s.mean()) if took_s.size else None,
        "hybrid.n_jobs": float(chosen.sum()),
        "hybrid.n_not_completed": float(lost),
    }


def _of_qpus(result: Result, span: Span) -> Figures:
    """Return the wait of QPU jobs sent from the moment on, and how busy the QPUs that were there were."""
    assert result.qpu is not None
    jobs, schedule = result.qpu.jobs, result.qpu.schedule
    own = np.ones(jobs.n, np.bool_) if jobs.background is None else ~jobs.background
    counted = own & (schedule.submitted_s >= span.at_s) & (schedule.submitted_s < span.until_s)
    wait_s = (schedule.started_s - schedule.submitted_s)[counted & np.isfinite(schedule.started_s)]
    low, high = span.at_s, span.window_end_s
    ended_s = np.where(np.isfinite(schedule.ended_s), schedule.ended_s, np.inf)
    busy_s = np.where(np.isfinite(schedule.started_s), _overlap(schedule.started_s, ended_s, low, high), 0.0)
    for job, pieces in schedule.pieces.items():
        busy_s[job] = sum(max(0.0, min(b, high) - max(a, low)) for a, b in pieces)
    area = len(schedule.qpu_names) * (high - low)
    return {
        "qpu.n_jobs": float(counted.sum()),
        "qpu.mean_wait_s": float(wait_s.mean()) if wait_s.size else None,
        "qpu.utilisation_frac": float(busy_s.sum()) / area if area > 0 else None,
    }
