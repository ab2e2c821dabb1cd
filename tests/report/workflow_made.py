"""Runs with applications for reports: a small centre without other jobs."""

from __future__ import annotations

import qhpcsim
from qhpcsim.results.result import Result


def centre(*changes: str) -> Result:
    """Return two dozen applications that come one a minute."""
    small = [
        "workload.n_applications=24",
        "workload.background=none",
        "workload.gaps.mean_s=1min",
        "facility.partitions.a100.nodes=4",
    ]
    return qhpcsim.simulate(qhpcsim.load("hybrid_centre", [*small, *changes]))
