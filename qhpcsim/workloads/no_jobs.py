"""No batch jobs at all: for facilities of which only the QPUs are looked at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qhpcsim.core.records import JobTable
from qhpcsim.core.registry import register
from qhpcsim.core.rng import Rng
from qhpcsim.scenario import Partition, Workload


@dataclass(frozen=True)
class NoWorkload(Workload):
    """A workload without jobs."""

    source: str = "none"


@register("generator", "none", summary="no batch jobs: for scenarios with QPUs only", params=NoWorkload)
def generate(params: NoWorkload, partitions: dict[str, Partition], rng: Rng) -> JobTable:
    """Return a table without jobs."""
    none = np.zeros(0)
    return JobTable(np.zeros(0, np.int64), none, none, none, np.zeros(0, np.int32), workload_name="none")
