"""``Result.jobs``: the columns of ``jobs.csv`` as a pandas frame, without going through text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from qhpcsim.core.records import JobState, JobTable, Schedule
from qhpcsim.results.job_columns import COLUMNS, PROFILE, STATES, TEXT_COLUMNS, job_columns
from qhpcsim.results.jobs_csv import allocations
from qhpcsim.scenario import Partition

if TYPE_CHECKING:
    import pandas as pd


def jobs_frame(table: JobTable, schedule: Schedule, partitions: Mapping[str, Partition]) -> pd.DataFrame:
    """Return one row a job under Batsim's columns; what is empty in the file is NaN here."""
    import pandas as pd

    columns = job_columns(table, schedule, partitions)
    texts = np.array([text or None for text in columns.metadata_texts], dtype=object)
    alone = {
        "job_id": columns.job_id,
        "workload_name": columns.workload_name,
        "profile": PROFILE,
        "success": (columns.state == JobState.COMPLETED_SUCCESSFULLY).astype(np.int64),
        "final_state": np.array(STATES, dtype=object)[columns.state],
        "allocated_resources": [text or None for text in allocations(schedule, 0, table.n)],
        "metadata": texts[columns.metadata_code],
    }
    frame = pd.DataFrame({name: alone[name] if name in alone else getattr(columns, name) for name in COLUMNS})
    return frame.astype(dict.fromkeys(TEXT_COLUMNS, "str"))
