"""The simulated schedule as SWF: wait and run times as simulated, the rest as read."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from qhpcsim.core.records import JobState
from qhpcsim.core.registry import register
from qhpcsim.metrics.run_data import RunData
from qhpcsim.results.result import Result

FAILED, COMPLETED, CANCELLED, UNKNOWN = 0, 1, 5, -1
"""Job status in SWF 2.2, field 11."""
STATUS = {
    JobState.COMPLETED_SUCCESSFULLY: COMPLETED,
    JobState.COMPLETED_FAILED: FAILED,
    JobState.COMPLETED_WALLTIME_REACHED: FAILED,
    JobState.COMPLETED_KILLED: CANCELLED,
    JobState.REJECTED: CANCELLED,
    JobState.RUNNING: UNKNOWN,
    JobState.QUEUED: UNKNOWN,
}


@register(
    "export",
    "swf",
    summary="Standard Workload Format 2.2 with simulated wait and run times (.swf, .swf.gz)",
    source="https://www.cs.huji.ac.il/labs/parallel/workload/swf.html",
)
def export_swf(result: Result, path: str | Path) -> tuple[str, ...]:
    """Write the schedule as SWF and return the columns that this format cannot hold.

    Wait and run time are -1 for jobs that never started. A job killed at its limit has status 0 (failed), a rejected
    one 5 (cancelled), one that did not finish -1.
    """
    from qhpcsim.workloads.swf_writer import write_swf

    run = RunData(result.table, result.schedule, result.partitions)
    codes = np.array([STATUS[state] for state in JobState], dtype=np.int32)
    status = codes[result.schedule.state]
    return write_swf(result.table, path, wait_s=run.wait_s, ran_s=run.run_s, status=status)
