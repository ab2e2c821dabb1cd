"""What became of the QPU side of a run: jobs, schedule, ledger, fidelity, and how good the QPUs were."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from qhpcsim.core.qpu_records import QpuJobTable, QpuSchedule
from qhpcsim.core.records import FloatArray
from qhpcsim.facility.qpu_ledger import Ledger
from qhpcsim.metrics.qpu import summarise_qpu
from qhpcsim.metrics.qpu_data import KINDS, IntervalRow, QpuData, QpuIntervals
from qhpcsim.qpu_scenario import QpuService


@dataclass
class QpuOutcome:
    """The QPU side of one simulation; times on the simulation's own axis."""

    service: QpuService
    """As simulated: prices filled in from the cards."""
    jobs: QpuJobTable
    """The workload's own jobs in its order, then those of other users in order of submission."""
    schedule: QpuSchedule
    book: Ledger
    fidelity: FloatArray
    """(n,) expected fidelity at each job's start; NaN where it never started or nothing is known."""
    quality: Sequence[Sequence[Sequence[float]]]
    """Of each QPU: (time_s, error_2q, error_readout, t1_s, t2_s, n_dead_couplers), one row a calibration."""
    notes: tuple[str, ...] = ()
    """What a reader of the figures must know, a sentence each."""

    @cached_property
    def summary(self) -> dict[str, Any]:
        """The figures under key ``qpu`` of ``summary.json``, and the notes."""
        return {**summarise_qpu(self.data), "notes": list(self.notes)}

    @cached_property
    def data(self) -> QpuData:
        """The columns of ``qpu.csv`` and the rows of ``qpu_intervals.csv`` as arrays."""
        jobs, schedule, n = self.jobs, self.schedule, self.jobs.n
        others = np.zeros(n, np.bool_) if jobs.background is None else jobs.background
        energy_j = self.book.energy_j
        prices = [device.prices for device in self.service.qpus.values()]
        return QpuData(
            submitted_s=schedule.submitted_s,
            queued_s=schedule.queued_s,
            started_s=schedule.started_s,
            ended_s=schedule.ended_s,
            used_s=schedule.used_s,
            billed_s=schedule.billed_s,
            qpu=schedule.qpu,
            mode=np.zeros(n, np.int32) if jobs.mode is None else jobs.mode,
            session=np.full(n, -1, np.int32) if jobs.session is None else jobs.session,
            state=schedule.state,
            background=others,
            qpu_names=schedule.qpu_names,
            horizon_s=schedule.end_s,
            drawn_s=there(jobs.drawn_s, schedule.qpu),
            shots=None if jobs.shots is None else np.where(others, np.nan, jobs.shots),
            fidelity=self.fidelity,
            cost=self.book.cost,
            energy_j=energy_j if bool(np.isfinite(energy_j).any()) else None,
            currency=tuple("" if price is None else price.currency for price in prices),
            user=jobs.user,
            intervals=QpuIntervals.of(self.intervals()),
            job_id=jobs.job_id,
        )

    def intervals(self) -> list[IntervalRow]:
        """Return (QPU, kind, start, end, session or -1) of all that QPUs were kept for, by QPU, then by start."""
        schedule = self.schedule
        rows: list[IntervalRow] = [(i.qpu, i.kind, i.start_s, i.end_s, -1) for i in schedule.windows]
        rows += [(i.qpu, i.kind, i.start_s, i.end_s, -1) for i in schedule.calibrations]
        rows += [(qpu, "session", start_s, end_s, session) for session, qpu, start_s, end_s in schedule.holds]
        return sorted(rows, key=lambda row: (row[0], row[2], KINDS.index(row[1]), row[3], row[4]))


def there(values: FloatArray, qpu: np.ndarray) -> FloatArray:
    """Return (n,) each job's value on the QPU that took it; NaN for a rejected job where QPUs differ.

    Args:
        values: (n,) or (n, q).
        qpu: (n,) index of the QPU, -1 for none.
    """
    if values.ndim == 1:
        return values
    return np.where(qpu >= 0, values[np.arange(len(values)), np.maximum(qpu, 0)], np.nan)
