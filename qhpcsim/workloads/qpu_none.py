"""No QPU jobs: for services that only background load uses."""

from __future__ import annotations

import numpy as np

from qhpcsim.core.qpu_records import QpuDemand
from qhpcsim.core.registry import register
from qhpcsim.core.rng import Rng
from qhpcsim.qpu_scenario import QpuWorkload


@register("qpu_generator", "none", summary="no QPU jobs", params=QpuWorkload)
def generate(params: QpuWorkload, rng: Rng) -> QpuDemand:
    """Return a demand without jobs."""
    return QpuDemand(*np.zeros((6, 0)))
