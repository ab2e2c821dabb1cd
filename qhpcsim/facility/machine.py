"""The batch side of a simulation, for those who change it while it runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qhpcsim.core.records import JobTable
from qhpcsim.facility.batch_system import BatchSystem
from qhpcsim.facility.clock import Clock
from qhpcsim.facility.outcome import Demand
from qhpcsim.scenario import Partition, Policy, Scheduler


@dataclass(slots=True)
class Machine:
    """The batch side of a simulation: what there is to change."""

    clock: Clock
    table: JobTable
    wants: Demand
    partitions: dict[str, Partition]
    """As at the beginning."""
    systems: Sequence[BatchSystem]
    policy: Policy
    """In force."""
    scheduler: Scheduler
