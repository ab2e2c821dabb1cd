"""The columns of ``jobs.csv`` as arrays, on the input file's own time axis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.records import FloatArray, JobState, JobTable, Schedule
from qhpcsim.metrics.energy import ENERGY_OFF, job_energy_j
from qhpcsim.metrics.run_data import RunData
from qhpcsim.results.metadata import metadata
from qhpcsim.scenario import Partition

COLUMNS = (
    "job_id",
    "workload_name",
    "profile",
    "submission_time",
    "requested_number_of_resources",
    "requested_time",
    "success",
    "final_state",
    "starting_time",
    "execution_time",
    "finish_time",
    "waiting_time",
    "turnaround_time",
    "stretch",
    "allocated_resources",
    "consumed_energy",
    "metadata",
)
"""Batsim's columns in Batsim's order."""
TEXT_COLUMNS = ("workload_name", "profile", "final_state", "allocated_resources", "metadata")
"""Columns of words; ``job_id`` is one too where the workload names its jobs."""
PROFILE = "rigid"
"""Profile of a job that is one allocation with a known run time."""
NO_LIMIT = -1.0
STATES = tuple(state.name for state in JobState)


@dataclass(slots=True)
class JobColumns:
    """Arrays of length n; NaN where a cell stays empty."""

    job_id: NDArray[np.generic]
    workload_name: str
    submission_time: FloatArray
    requested_number_of_resources: NDArray[np.int32]
    requested_time: FloatArray
    """-1 where there is no limit."""
    state: NDArray[np.int8]
    starting_time: FloatArray
    execution_time: FloatArray
    finish_time: FloatArray
    waiting_time: FloatArray
    turnaround_time: FloatArray
    stretch: FloatArray
    """turnaround / execution; NaN for a job of zero run time."""
    consumed_energy: FloatArray
    """Joules; -1 where energy is off."""
    metadata_code: NDArray[np.int64]
    metadata_texts: list[str]


def job_columns(table: JobTable, schedule: Schedule, partitions: Mapping[str, Partition]) -> JobColumns:
    """Return the columns of a run.

    Differences (waiting, execution, turnaround) come from times since the workload's zero and are exact even where
    submissions are Unix times; turnaround is waiting + execution.
    """
    run = RunData(table, schedule, partitions)
    with np.errstate(divide="ignore", invalid="ignore"):
        stretch = np.where(run.run_s > 0, run.turnaround_s / run.run_s, np.nan)
    energy = job_energy_j(run)
    codes, texts = metadata(table, schedule, partitions)
    return JobColumns(
        job_id=table.job_id,
        workload_name=table.workload_name,
        submission_time=table.zero_s + table.submit_s,
        requested_number_of_resources=table.nodes,
        requested_time=np.where(np.isfinite(table.walltime_s), table.walltime_s, NO_LIMIT),
        state=schedule.state,
        starting_time=table.zero_s + schedule.start_s,
        execution_time=run.run_s,
        finish_time=table.zero_s + schedule.end_s,
        waiting_time=run.wait_s,
        turnaround_time=run.turnaround_s,
        stretch=stretch,
        consumed_energy=np.where(run.finished, ENERGY_OFF, np.nan) if energy is None else energy,
        metadata_code=codes,
        metadata_texts=texts,
    )
