"""Which job waits for which: job numbers resolved to indices, impossible ones refused."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.errors import WorkloadError
from qhpcsim.core.records import IntArray
from qhpcsim.workloads.clean import find_cycle
from qhpcsim.workloads.files import place


def resolve(
    job_id: NDArray[np.int64],
    preceding: NDArray[Any],
    lines: NDArray[Any],
    path: object,
    counts: dict[str, int],
    field: str = "preceding_job",
) -> IntArray | None:
    """Return the index of each job's predecessor, -1 for none; None where no job has one.

    Args:
        job_id: (n,) unique numbers.
        preceding: (n,) number of the job that must end first, -1 for none.
        lines: (n,) line numbers, for messages.
        path: File, for messages.
        counts: Takes note of 0 used for "none", as some converters do.
        field: Name of the column, for messages.

    Raises:
        WorkloadError: if a predecessor does not exist, or jobs wait for each other in a cycle.
    """
    given = preceding >= 0
    if not given.any():
        return None
    order = np.argsort(job_id, kind="stable")
    at = np.minimum(np.searchsorted(job_id[order], preceding), len(job_id) - 1)
    index = np.where(given, order[at], -1).astype(np.int32)
    unknown = given & (job_id[index] != preceding)
    none = unknown & (preceding == 0)
    if none.any():
        index[none] = -1
        counts[f"{field} 0, and no job 0: none taken"] = int(np.count_nonzero(none))
        unknown &= ~none
    if unknown.any():
        k = int(np.argmax(unknown))
        raise WorkloadError(
            f"{field} is {int(preceding[k])}, and no job has that number",
            where=place(str(path), int(lines[k])),
            allowed="the number of a job in this file, or -1 for none",
            hint="mend the line, or add the job",
        )
    first = find_cycle(index)
    if first is not None:
        raise WorkloadError(
            f"{field} {int(preceding[first])} of job {int(job_id[first])} closes a cycle: it waits for itself",
            where=place(str(path), int(lines[first])),
            allowed="jobs that wait for earlier ones",
            hint="set it to -1",
        )
    return index if (index >= 0).any() else None
