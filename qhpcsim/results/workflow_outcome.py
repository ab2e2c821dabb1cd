"""What became of the applications of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from qhpcsim.core.task_records import TaskTable
from qhpcsim.metrics.workflows import ApplicationRow, summarise_workflows


@dataclass
class WorkflowOutcome:
    """Applications, in order of submission, and their tasks."""

    applications: Sequence[ApplicationRow]
    tasks: TaskTable

    @cached_property
    def summary(self) -> dict[str, Any]:
        """The figures under key ``workflows`` of ``summary.json``."""
        return summarise_workflows(self.applications, self.tasks)
