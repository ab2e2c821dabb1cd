"""What became of the applications of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from qhpcsim.core.records import JobTable, Schedule
from qhpcsim.core.task_records import TaskTable
from qhpcsim.metrics.pilots import PilotTable, pilot_table
from qhpcsim.metrics.qpu_data import QpuData
from qhpcsim.metrics.workflows import ApplicationRow, summarise_use, summarise_workflows
from qhpcsim.scenario import Partition


@dataclass
class WorkflowOutcome:
    """Applications, in order of submission, and their tasks."""

    applications: Sequence[ApplicationRow]
    tasks: TaskTable

    @cached_property
    def summary(self) -> dict[str, Any]:
        """The figures that their own tables tell."""
        return summarise_workflows(self.applications, self.tasks)

    def figures(
        self, table: JobTable, schedule: Schedule, partitions: Mapping[str, Partition], qpu: QpuData | None
    ) -> dict[str, Any]:
        """Return the figures under key ``workflows`` of ``summary.json``.

        Args:
            table: All batch jobs.
            schedule: What became of them.
            partitions: The machine.
            qpu: Jobs of the QPU service; None: there is none.
        """
        own, names = self.summary, list(partitions)
        use = summarise_use(self.applications, self.tasks, self.pilots(table, schedule, partitions), names, qpu)
        motifs = {name: {**figures, **use["by_motif"][name]} for name, figures in own["by_motif"].items()}
        return {**own, **use, "by_motif": motifs, "zero_s": table.zero_s}

    def pilots(self, table: JobTable, schedule: Schedule, partitions: Mapping[str, Partition]) -> PilotTable:
        """Return the pilots among the batch jobs; one that still runs is held until the last thing that happened."""
        known = np.concatenate([table.submit_s, schedule.start_s, schedule.end_s])
        last_s = float(np.nanmax(known)) if np.isfinite(known).any() else 0.0
        runs = np.isfinite(schedule.start_s) & ~np.isfinite(schedule.end_s)
        given = np.diff(schedule.offset) > 0
        first_node = np.full(table.n, -1, dtype=np.int64)
        first_node[given] = schedule.lo[schedule.offset[:-1][given]]
        return pilot_table(
            table.job_id.tolist(),
            [row.name for row in self.applications],
            table.nodes,
            schedule.start_s,
            np.where(runs, last_s, schedule.end_s),
            first_node,
            list(partitions.values()),
        )
