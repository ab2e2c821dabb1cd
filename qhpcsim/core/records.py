"""Records that cross room boundaries: the jobs of a workload and the schedule that a simulation made of them.

Times inside the simulator are float64 seconds since the workload's own zero (``JobTable.zero_s`` on the input
file's axis); only readers and writers convert.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int32]


class JobState(IntEnum):
    """Final state of a job; the names are Batsim's ``final_state`` words."""

    COMPLETED_SUCCESSFULLY = 0
    COMPLETED_FAILED = 1
    COMPLETED_WALLTIME_REACHED = 2
    COMPLETED_KILLED = 3
    REJECTED = 4
    RUNNING = 5
    """Still on its nodes when the simulation stopped."""
    QUEUED = 6
    """Never started: still waiting, or held by a dependency, when the simulation stopped."""


class Categories(NamedTuple):
    """A column of words as small integers: ``names[code[j]]``; code -1 means "not given"."""

    code: IntArray
    names: tuple[str, ...]


class Waits(NamedTuple):
    """Which jobs each job waits for: those of job j are ``before[k]`` for ``k`` in ``offset[j]..offset[j+1]-1``."""

    offset: NDArray[np.int64]
    before: IntArray
    """Index of a job that must end first; all of them must."""
    ok: NDArray[np.bool_]
    """True: it must also succeed (Slurm ``afterok``); False: end in whatever way (``afterany``)."""


class ArrayTasks(NamedTuple):
    """Job arrays of which only some tasks may run at a time."""

    code: IntArray
    """(n,) array that the job is a task of, -1 for none."""
    names: tuple[str, ...]
    """Ids of the arrays."""
    limit: tuple[int, ...]
    """Most tasks of each array that may run or wait in the queue at a time (Slurm ``--array=0-9%4``)."""


@dataclass(slots=True)
class JobTable:
    """The jobs of one workload as arrays of length n, in (submit, file line) order.

    Columns that are None were not given by the workload and cost nothing.
    """

    job_id: NDArray[np.generic]
    """(n,) int64, or an object array of str; unique."""
    submit_s: FloatArray
    """(n,) submission time since ``zero_s``; non-decreasing, first one usually 0."""
    runtime_s: FloatArray
    """(n,) true run time, ≥ 0."""
    walltime_s: FloatArray
    """(n,) requested time, > 0; inf where there is no limit. Also the estimate that schedulers see."""
    nodes: IntArray
    """(n,) nodes requested, ≥ 1. One SWF processor is one node unless the facility says otherwise."""
    zero_s: float = 0.0
    """Time of the simulator's zero on the input file's axis (see ``workloads.clean.rebase``)."""
    workload_name: str = "workload"
    machine_nodes: int | None = None
    """Machine size that the file states (SWF MaxProcs, Batsim nb_res), if any."""
    unix_start_s: float | None = None
    """Unix time of the file's own zero, if the file states it."""
    user: Categories | None = None
    group: Categories | None = None
    account: Categories | None = None
    qos: Categories | None = None
    partition: Categories | None = None
    feature: Categories | None = None
    """Node feature that the job's nodes must carry (Slurm --constraint, one word)."""
    gpu_type: Categories | None = None
    gpus_per_node: IntArray | None = None
    cores_per_node: IntArray | None = None
    """(n,) cores wanted on each node of a shared partition; 0 or None: the whole node."""
    memory_per_node_bytes: FloatArray | None = None
    depends_on: IntArray | None = None
    """(n,) index of the job that must end first (SWF field 17), -1 for none."""
    think_s: FloatArray | None = None
    """(n,) least time between that job's end and this one's eligibility (SWF field 18), ≥ 0."""
    waits: Waits | None = None
    """Dependencies of several jobs or on success, besides ``depends_on``."""
    array: ArrayTasks | None = None
    fails: NDArray[np.bool_] | None = None
    """(n,) whether the job fails by itself at the end of its run time."""
    status: IntArray | None = None
    """(n,) SWF status of the job in the original log, for information: a job that failed then need not fail here."""
    header: tuple[str, ...] = ()
    """Comment lines at the head of the file, in order, without their ``;``."""
    cleaned: dict[str, int] = field(default_factory=dict)
    """What the reader changed or dropped: rule in words -> number of jobs."""

    @property
    def n(self) -> int:
        """Number of jobs."""
        return len(self.submit_s)


class LostRuns(NamedTuple):
    """Runs of jobs that a node's failure or an outage cut short before the job began again, in order of their end."""

    job: IntArray
    start_s: FloatArray
    end_s: FloatArray
    offset: NDArray[np.int64]
    """Node ids as in ``Schedule``, one entry a lost run."""
    lo: IntArray
    hi: IntArray


class DownTimes(NamedTuple):
    """Times that nodes were away, cut at the end of the run, in order of their beginning."""

    node: IntArray
    start_s: FloatArray
    end_s: FloatArray


@dataclass(slots=True)
class Schedule:
    """What became of each job of a ``JobTable``; times since the table's zero.

    Node ids of job j are the inclusive ranges ``lo[k]..hi[k]`` for ``k`` in ``offset[j]..offset[j+1]-1``.
    Ids count through the facility's partitions in their order (``node_base``).
    """

    start_s: FloatArray
    """(n,) NaN if the job never started; of a job that began again, the last start."""
    end_s: FloatArray
    """(n,) start + time on the nodes; NaN if the job never started or still runs."""
    state: NDArray[np.int8]
    """(n,) ``JobState``."""
    partition: IntArray
    """(n,) index of the partition the job was sent to, -1 if rejected."""
    order: IntArray
    """(≤ 2n,) what happened on the nodes, in order: j for a start of job j, ~j (bitwise not) for its end."""
    offset: NDArray[np.int64]
    lo: IntArray
    hi: IntArray
    n_passes: int = 0
    """Scheduling passes made."""
    engine: str = "general"
    """``general`` or ``kernel``."""
    lost: LostRuns | None = None
    """Runs before the last one of each job; None: nodes never were away."""
    down: DownTimes | None = None
    """None: nodes never were away."""
    reason: Categories | None = None
    """Why a job was killed or never started, in Slurm's words; None: no job has one."""
