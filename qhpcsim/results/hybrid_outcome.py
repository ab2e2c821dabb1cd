"""What became of the hybrid jobs of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from qhpcsim.core.hybrid_records import HybridJob, HybridRun
from qhpcsim.metrics.hybrid import summarise_hybrid


@dataclass
class HybridOutcome:
    """Hybrid jobs and what became of each, in the workload's order."""

    coupling: str
    jobs: Sequence[HybridJob]
    runs: Sequence[HybridRun]
    n_qpus: int

    @cached_property
    def summary(self) -> dict[str, Any]:
        """The figures under key ``hybrid`` of ``summary.json``."""
        return {"coupling": self.coupling, **summarise_hybrid(self.jobs, self.runs, self.n_qpus)}
