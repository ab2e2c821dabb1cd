"""Executed tasks as the table that the simulator fills too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from qhpcsim.core.task_records import TaskTable, word_column
from qhpcsim.execution.task import TaskResult


def task_table(results: Sequence[TaskResult], **columns: Any) -> TaskTable:
    """Return executed tasks as a table, times in Unix seconds.

    Args:
        results: In the order of the rows.
        **columns: Other fields of ``TaskTable``, such as ``circuit`` or ``predicted_s``.
    """
    return TaskTable(
        task_id=np.array([each.task_id for each in results], dtype=object),
        submitted_s=np.array([each.submitted_s for each in results]),
        started_s=np.array([each.started_s for each in results]),
        ended_s=np.array([each.ended_s for each in results]),
        state=np.array([each.state for each in results], dtype=np.int8),
        worker=word_column([each.worker for each in results]),
        error=word_column([each.error for each in results]),
        attempts=np.array([each.attempts for each in results], dtype=np.int32),
        **columns,
    )
