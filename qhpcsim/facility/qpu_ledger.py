"""What QPU jobs cost: QPU time, shots, money, energy, by job, user and QPU."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qhpcsim.core.qpu_records import QpuJobState, QpuJobTable, QpuSchedule
from qhpcsim.core.records import Categories, FloatArray
from qhpcsim.qpu_scenario import Prices, QpuService


@dataclass(frozen=True, slots=True)
class Ledger:
    """One value a job; jobs that were rejected, or failed before they started, cost nothing."""

    used_s: FloatArray
    billed_s: FloatArray
    shots: FloatArray
    cost: FloatArray
    """Money, in the currency of the job's QPU; NaN for jobs of the background load, whose shots nobody knows."""
    energy_j: FloatArray
    """NaN where the QPU states no power."""


@dataclass(frozen=True, slots=True)
class Account:
    """What the jobs of one user, or on one QPU, add up to; costs as far as they are known."""

    name: str
    n_jobs: int
    used_s: float
    billed_s: float
    shots: float
    cost: float


def ledger(jobs: QpuJobTable, schedule: QpuSchedule, service: QpuService) -> Ledger:
    """Return what each job used and costs.

    Model: cost = per_second · billed_s + per_shot · shots + per_task + per_hqc · hqc, with the prices of the QPU that
        ran the job; energy = busy_w · used_s.
    Assumes: a job that started is charged whether or not it was completed.
    Not modelled: free quotas, minimum charges, taxes, watts of an idle or calibrating QPU.
    Source: the providers' price lists; see the cards.
    """
    devices = list(service.qpus.values())
    charged = np.isfinite(schedule.started_s) & (schedule.qpu >= 0)
    shots = np.where(charged, np.zeros(jobs.n) if jobs.shots is None else jobs.shots, 0.0)
    credits_used = np.zeros(jobs.n) if jobs.hqc is None else jobs.hqc
    cost, energy_j = np.zeros(jobs.n), np.full(jobs.n, np.nan)
    for k, device in enumerate(devices):
        here, prices = charged & (schedule.qpu == k), device.prices or Prices()
        cost[here] = (
            prices.per_second * schedule.billed_s[here]
            + prices.per_shot * shots[here]
            + prices.per_task
            + prices.per_hqc * credits_used[here]
        )
        if device.busy_w is not None:
            energy_j[here] = device.busy_w * schedule.used_s[here]
    if jobs.background is not None:
        cost[jobs.background] = np.nan
    return Ledger(
        used_s=np.where(charged, schedule.used_s, 0.0),
        billed_s=np.where(charged, schedule.billed_s, 0.0),
        shots=shots,
        cost=cost,
        energy_j=energy_j,
    )


def by_qpu(book: Ledger, schedule: QpuSchedule) -> list[Account]:
    """Return one account a QPU, in the service's order."""
    return [_account(name, schedule.qpu == k, book, schedule) for k, name in enumerate(schedule.qpu_names)]


def by_user(book: Ledger, schedule: QpuSchedule, user: Categories) -> list[Account]:
    """Return one account a user, in the order of the column's names."""
    return [_account(name, user.code == k, book, schedule) for k, name in enumerate(user.names)]


def _account(name: str, here: np.ndarray, book: Ledger, schedule: QpuSchedule) -> Account:
    done = here & (schedule.state == QpuJobState.COMPLETED)
    sums = (float(np.nansum(column[here])) for column in (book.used_s, book.billed_s, book.shots, book.cost))
    return Account(name, int(done.sum()), *sums)
