"""``jobs.csv``: one row a job, in the order of the workload, under Batsim's 17 columns.

Rules, so that evalys, pandas and a spreadsheet read back what was simulated:

- Times are seconds on the input file's own axis. Numbers are the shortest decimals that read back exactly (never
  rounded), without ``.0`` where they are whole.
- ``requested_time`` is -1 where there is no limit; ``consumed_energy`` (joules) is -1 where energy is off.
- Cells without a value are empty: a rejected job, or one that never started, has no times but its submission, no
  stretch, no allocation, no energy; a job still running has its start, wait and allocation; a job of zero run time
  has no stretch. ``final_state`` adds RUNNING and QUEUED to Batsim's words.
- ``allocated_resources`` are node ids as in ``0-3 7``; ids count up through the partitions.
- ``metadata`` is a JSON text (user, partition, gpus_per_node …) or empty.
- Text that a spreadsheet would run as a formula is prefixed with ``'``.

Source: Batsim, https://batsim.readthedocs.io/en/latest/output-jobs.html.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from qhpcsim.core.records import JobState, Schedule
from qhpcsim.results.csv_text import cell, cells
from qhpcsim.results.job_columns import COLUMNS, PROFILE, STATES, JobColumns
from qhpcsim.results.text_grid import Block, constant, integers, reals, rows, words

CHUNK = 8192
"""Rows formatted at a time: their bytes stay in the processor's cache."""
_STATE_NAMES = [name.encode() for name in STATES]


def write_jobs_csv(path: Path, columns: JobColumns, schedule: Schedule) -> None:
    """Write ``jobs.csv``.

    Args:
        path: Target file.
        columns: What to write.
        schedule: Gives the node ids.
    """
    with path.open("wb") as file:
        file.write((",".join(COLUMNS) + "\n").encode())
        for text in jobs_csv_chunks(columns, schedule):
            file.write(text)


def jobs_csv_chunks(columns: JobColumns, schedule: Schedule) -> Iterator[bytes]:
    """Yield the rows, ``CHUNK`` at a time."""
    extras = cells(columns.metadata_texts)
    named = columns.job_id.dtype == object
    for low in range(0, len(columns.state), CHUNK):
        part = slice(low, low + CHUNK)
        parts = [
            _lines(_left_blocks(columns, part, named)),
            allocations(schedule, low, min(low + CHUNK, len(columns.state))),
            _lines([reals(columns.consumed_energy[part])]),
            [extras[k] for k in columns.metadata_code[part].tolist()],
        ]
        if named:
            parts.insert(0, cells(columns.job_id[part].tolist()))
        yield ("\n".join(map(",".join, zip(*parts, strict=True))) + "\n").encode()


def allocations(schedule: Schedule, low: int, high: int) -> list[str]:
    """Return the node ids of jobs ``low`` to ``high - 1`` as interval texts, empty for a job without nodes."""
    from qhpcsim.facility.allocation import to_interval_strings

    first, last = int(schedule.offset[low]), int(schedule.offset[high])
    offset = schedule.offset[low : high + 1] - first
    return list(to_interval_strings(offset, schedule.lo[first:last], schedule.hi[first:last]))


def _left_blocks(columns: JobColumns, part: slice, named: bool) -> list[Block]:
    """Return the cells from the job's number (unless jobs have names) to its stretch."""
    state = columns.state[part]
    success = (state == JobState.COMPLETED_SUCCESSFULLY).astype(np.int64)
    fixed = f"{cell(columns.workload_name)},{PROFILE}".encode()
    return [
        *([] if named else [integers(columns.job_id[part].astype(np.int64))]),
        constant(fixed, len(state)),
        reals(columns.submission_time[part]),
        integers(columns.requested_number_of_resources[part]),
        reals(columns.requested_time[part]),
        integers(success),
        words(state, _STATE_NAMES),
        reals(columns.starting_time[part]),
        reals(columns.execution_time[part]),
        reals(columns.finish_time[part]),
        reals(columns.waiting_time[part]),
        reals(columns.turnaround_time[part]),
        reals(columns.stretch[part]),
    ]


def _lines(blocks: list[Block]) -> list[str]:
    """Return the rows as texts. The workload's name may hold a line end, so they are told apart by a byte 1."""
    return rows(blocks, end=b"\1").decode().split("\1")[:-1]
