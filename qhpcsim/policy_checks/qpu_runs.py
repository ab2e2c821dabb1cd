"""Runs a QPU service on a case, and checks its tables."""

from __future__ import annotations

import numpy as np

from qhpcsim.core.errors import InvariantError
from qhpcsim.core.qpu_records import QpuJobTable
from qhpcsim.core.rng import Rng
from qhpcsim.facility.clock import Clock
from qhpcsim.facility.qpu_checks import check_schedule
from qhpcsim.facility.qpu_ledger import ledger
from qhpcsim.facility.qpu_service import QpuSystem
from qhpcsim.facility.qpu_simulation import schedule_of
from qhpcsim.metrics.checks.qpu import check_qpu
from qhpcsim.policy_checks.report import Fault
from qhpcsim.policy_checks.subject import Verify
from qhpcsim.qpu_scenario import QpuChoice, QpuDevice, QpuDiscipline, QpuService
from qhpcsim.results.qpu_outcome import QpuOutcome


def service_of(n_qpus: int, discipline: QpuDiscipline, choice: QpuChoice) -> QpuService:
    """Return QPUs ``qpu-1``, ``qpu-2``, … behind one front door."""
    return QpuService({f"qpu-{k + 1}": QpuDevice() for k in range(n_qpus)}, discipline, choice)


def service_system(table: QpuJobTable, service: QpuService) -> QpuSystem:
    """Return a service with its jobs, ready to run."""
    return QpuSystem(Clock(), table, service, Rng(0))


def finished(system: QpuSystem, table: QpuJobTable) -> tuple[list[tuple[int, str]], Verify]:
    """Run a service to its end; return QPU and start of every job, and a check of the run's tables.

    Raises:
        Fault: if something is left behind.
    """
    system.clock.run()
    schedule = schedule_of(system)
    try:
        check_schedule(system, schedule)
    except InvariantError as error:
        raise Fault("everyone", str(error)) from error

    def verify() -> None:
        book = ledger(table, schedule, system.service)
        fidelity = np.full(table.n, np.nan)
        outcome = QpuOutcome(system.service, table, schedule, book, fidelity, [])
        broken = check_qpu(outcome.data, outcome.summary, preemptive=False).broken
        if broken and table.n:
            raise Fault("rules", f"{broken[0].id}, job {broken[0].job}: {broken[0].text}")

    where = zip(schedule.qpu.tolist(), map(repr, schedule.started_s.tolist()), strict=True)
    return list(where), verify
