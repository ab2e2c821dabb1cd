"""The jobs that came to a QPU service while the simulation ran, as tables: own jobs first, then those of others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from qhpcsim.core.qpu_records import QpuJobTable, QpuSchedule
from qhpcsim.core.records import Categories, FloatArray, IntArray
from qhpcsim.facility.qpu_jobs import QpuJobs
from qhpcsim.facility.qpu_service import QpuSystem
from qhpcsim.facility.qpu_simulation import schedule_of

_BY_JOB = ("submitted_s", "queued_s", "started_s", "ended_s", "used_s", "billed_s", "qpu", "state")


class Calls(NamedTuple):
    """Everything that came to a service while the simulation ran."""

    order: IntArray
    """Number that the service gave to the job of each row."""
    jobs: QpuJobTable
    schedule: QpuSchedule


def calls_of(system: QpuSystem) -> Calls:
    """Return what came to a service that began without a table, and what became of it, by the end of a simulation.

    First all jobs that are no background load, then that, each in order of submission.
    """
    schedule = schedule_of(system)
    order = np.argsort(np.array(system.jobs.background, dtype=np.bool_), kind="stable").astype(np.int32)
    return Calls(order, _table(system.jobs, order), _reordered(schedule, order))


def _table(jobs: QpuJobs, order: IntArray) -> QpuJobTable:
    """Return the jobs in an order."""
    others = np.array(jobs.background, dtype=np.bool_)[order]
    named = np.array(jobs.named, dtype=np.int32)[order]
    least = np.array(jobs.min_fidelity)[order]
    counts: dict[str, Any] = {}
    if jobs.sizes:
        asked = [None if job in jobs.opens else jobs.sizes.get(job) for job in order.tolist()]
        counts["circuits"] = np.array([size.n_circuits if size else 0 for size in asked], dtype=np.int32)
        counts["shots"] = np.array([size.n_circuits * size.shots if size else 0 for size in asked], dtype=np.int64)
    return QpuJobTable(
        submit_s=np.array(jobs.submitted_s)[order],
        drawn_s=_times(jobs.drawn_s, order, others, named),
        predicted_s=_times(jobs.predicted_s, order, others, named),
        user=Categories(np.array(jobs.user, dtype=np.int32)[order], tuple(jobs.user_names)),
        mode=np.array(jobs.mode, dtype=np.int32)[order],
        session=np.array(jobs.session, dtype=np.int32)[order],
        qpu=named,
        fidelity=np.array(jobs.fidelity).T[order],
        min_fidelity=least if np.isfinite(least).any() else None,
        background=others if others.any() else None,
        **counts,
    )


def _times(columns: list[list[float]], order: IntArray, others: np.ndarray, named: IntArray) -> FloatArray:
    """Return (n, q) times; jobs of the background load run on their own QPU only."""
    times: FloatArray = np.array(columns).T[order]
    elsewhere = others[:, None] & (named[:, None] != np.arange(len(columns)))
    return np.where(elsewhere, np.inf, times)


def _reordered(schedule: QpuSchedule, order: IntArray) -> QpuSchedule:
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    columns = {name: getattr(schedule, name)[order] for name in _BY_JOB}
    pieces = {int(place[job]): stretches for job, stretches in schedule.pieces.items()}
    return replace(schedule, **columns, pieces=pieces)
