"""What became of the hybrid jobs of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from qhpcsim.core.hybrid_records import HybridJob, HybridRun
from qhpcsim.metrics.hybrid import Held, held_node_s, summarise_hybrid
from qhpcsim.metrics.hybrid_data import KINDS, HybridData


@dataclass
class HybridOutcome:
    """Hybrid jobs and what became of each, in the workload's order."""

    coupling: str
    jobs: Sequence[HybridJob]
    runs: Sequence[HybridRun]
    n_qpus: int
    pilots: Sequence[Held] = ()
    """Nodes, start and end of the pilots that they shared."""

    @cached_property
    def summary(self) -> dict[str, Any]:
        """The figures under key ``hybrid`` of ``summary.json``."""
        return {"coupling": self.coupling, **summarise_hybrid(self.jobs, self.runs, self.n_qpus, self.pilots)}

    @cached_property
    def data(self) -> HybridData:
        """The rows of ``hybrid.csv`` and ``phases.csv`` as arrays."""
        phases = [
            (job, KINDS.index(kind), start_s, end_s)
            for job, run in enumerate(self.runs)
            for kind, start_s, end_s in run.phases
        ]
        table = np.array(phases, dtype=np.float64).reshape(-1, 4)
        return HybridData(
            name=[job.name for job in self.jobs],
            nodes=np.array([job.nodes for job in self.jobs], dtype=np.int64),
            submitted_s=np.array([job.submit_s for job in self.jobs], dtype=np.float64),
            started_s=np.array([run.started_s for run in self.runs], dtype=np.float64),
            ended_s=np.array([run.ended_s for run in self.runs], dtype=np.float64),
            state=np.array([run.state for run in self.runs], dtype=object),
            held_node_s=np.array([held_node_s(run) for run in self.runs], dtype=np.float64),
            phase_job=table[:, 0].astype(np.int64),
            phase_kind=table[:, 1].astype(np.int64),
            phase_start_s=table[:, 2].copy(),
            phase_end_s=table[:, 3].copy(),
        )
