"""What a QPU's pending jobs, seen once a minute, say; and the series that a background law gives by itself."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from qhpcsim.core.records import FloatArray, IntArray
from qhpcsim.core.rng import Rng
from qhpcsim.workloads.qpu_background import BackgroundStream, Batch, QpuBackground

MINUTE_S = 60.0


@dataclass(frozen=True, slots=True)
class SeriesStatistics:
    """Figures of a series of pending jobs with one value a minute.

    A rise between two minutes in a row counts as one batch that came at the later minute; its size is the rise.
    Minutes without a value are left out, and so are rises across them.
    """

    median: float
    """Median of pending jobs."""
    p99: float
    """99th percentile of pending jobs."""
    batch_gap_cv: float
    """Standard deviation over mean of the times between batches."""
    job_gap_cv: float
    """The same between arriving jobs, where all jobs of a batch after its first come after a gap of 0."""
    n_batches: int
    n_jobs: int
    """Sum of all rises."""


@dataclass(frozen=True, slots=True)
class BackgroundRun:
    """Jobs of a background law on a QPU of its own, first come first served, in order of submission."""

    submit_s: FloatArray
    service_s: FloatArray
    finish_s: FloatArray
    user: IntArray

    @property
    def wait_s(self) -> FloatArray:
        """Time of each job from submission to its start."""
        return np.maximum(self.finish_s - self.service_s - self.submit_s, 0.0)

    def pending(self, n_minutes: int) -> IntArray:
        """Return jobs in the queue and on the QPU at minutes 0, 1, …, n_minutes − 1."""
        at_s = np.arange(n_minutes) * MINUTE_S
        came = np.searchsorted(self.submit_s, at_s, side="right")
        return (came - np.searchsorted(self.finish_s, at_s, side="right")).astype(np.int32)


def statistics(pending: FloatArray | IntArray) -> SeriesStatistics:
    """Return the figures of a series.

    Args:
        pending: (minutes,) pending jobs; nan where there is no value.
    """
    series = np.asarray(pending, dtype=np.float64)
    rise = np.nan_to_num(np.diff(series), nan=0.0)
    at = np.flatnonzero(rise > 0)
    gap = np.diff(at).astype(np.float64)
    n_jobs = int(rise[at].sum())
    seen = series[~np.isnan(series)]
    batch_cv = float(gap.std() / gap.mean()) if len(gap) else math.nan
    gap_jobs = int(rise[at[1:]].sum())
    job_cv = math.sqrt((1.0 + batch_cv**2) * gap_jobs / len(gap) - 1.0) if len(gap) else math.nan
    return SeriesStatistics(float(np.median(seen)), float(np.percentile(seen, 99)), batch_cv, job_cv, len(at), n_jobs)


def simulate(law: QpuBackground, horizon_s: float, rng: Rng) -> BackgroundRun:
    """Return the background load alone on its QPU from time 0 to the horizon, in seconds."""
    stream = BackgroundStream(law, rng)
    batches: list[Batch] = []
    finish_s: list[float] = []
    n_done = 0
    batch = stream.initial()
    while True:
        if batch is not None:
            batches.append(batch)
            free_s = max(batch.time_s, finish_s[-1] if finish_s else 0.0)
            finish_s.extend((free_s + np.cumsum(batch.service_s)).tolist())
        now_s = stream.next_look_s
        if now_s >= horizon_s:
            return _table(batches, finish_s)
        while n_done < len(finish_s) and finish_s[n_done] <= now_s:
            n_done += 1
        batch = stream.look(len(finish_s) - n_done)


def _table(batches: list[Batch], finish_s: list[float]) -> BackgroundRun:
    sizes = [len(batch.service_s) for batch in batches]
    return BackgroundRun(
        np.repeat(np.array([batch.time_s for batch in batches]), sizes),
        np.concatenate([batch.service_s for batch in batches] or [np.empty(0)]),
        np.array(finish_s),
        np.repeat(np.array([batch.user for batch in batches], dtype=np.int32), sizes),
    )
