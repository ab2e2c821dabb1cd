"""The hybrid jobs of a run as the arrays that figures, reports and checks share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.records import FloatArray
from qhpcsim.metrics.hybrid import QPU_PARTS

IntArray = NDArray[np.int64]

KINDS = ("queue", "cpu", "qpu_wait", "qpu", "launch", "resize")
"""What a hybrid job's time goes into."""
QPU_PART = "qpu"
"""Part of an allocation that is a QPU of the job's own."""


@dataclass
class HybridData:
    """n hybrid jobs and their m phases; times on the simulation's axis, NaN where there is none."""

    name: Sequence[str]
    nodes: IntArray
    """(n,) nodes of each classical phase."""
    submitted_s: FloatArray
    started_s: FloatArray
    ended_s: FloatArray
    state: NDArray[np.object_]
    """(n,) COMPLETED, WALLTIME, FAILED, QUEUED or RUNNING."""
    held_node_s: FloatArray
    """(n,) node time that it had allocated."""
    phase_job: IntArray
    """(m,) index of the job, non-decreasing."""
    phase_kind: IntArray
    """(m,) index into ``KINDS``."""
    phase_start_s: FloatArray
    phase_end_s: FloatArray

    @property
    def n(self) -> int:
        """Number of jobs."""
        return len(self.submitted_s)

    @cached_property
    def completed(self) -> NDArray[np.bool_]:
        """(n,) whether the job did all of its phases."""
        return np.asarray(self.state == "COMPLETED")

    @property
    def time_to_solution_s(self) -> FloatArray:
        """(n,) from submission to end; NaN for a job that never ended."""
        return self.ended_s - self.submitted_s

    @cached_property
    def spent_s(self) -> FloatArray:
        """(n, 6) time that each job spent in each kind of phase."""
        cell = self.phase_job * len(KINDS) + self.phase_kind
        length_s = self.phase_end_s - self.phase_start_s
        total_s = np.bincount(cell, length_s, self.n * len(KINDS)).astype(np.float64)
        return total_s.reshape(self.n, len(KINDS))

    @property
    def used_node_s(self) -> FloatArray:
        """(n,) node time in classical phases."""
        return self.spent_s[:, KINDS.index("cpu")] * self.nodes

    @cached_property
    def n_calls(self) -> IntArray:
        """(n,) QPU calls that were answered."""
        return np.bincount(self.phase_job[self.phase_kind == KINDS.index("qpu")], minlength=self.n)

    @cached_property
    def horizon_s(self) -> float:
        """The last instant that anything is known of; 0 without jobs."""
        known = np.concatenate([self.submitted_s, self.ended_s, self.phase_end_s])
        return float(np.nanmax(known)) if len(known) else 0.0


@dataclass
class Parts:
    """What hybrid jobs were given by the batch system: rows ``JOB.PART`` of ``jobs.csv``."""

    row: IntArray
    """(k,) row of the batch table."""
    job: IntArray
    """(k,) index of the hybrid job."""
    name: NDArray[np.object_]
    """(k,) name of the part."""

    @cached_property
    def are_nodes(self) -> NDArray[np.bool_]:
        """(k,) whether it is nodes, not a QPU or a token."""
        return ~np.isin(self.name, QPU_PARTS)

    @cached_property
    def are_qpus(self) -> NDArray[np.bool_]:
        """(k,) whether it is a QPU that the job has for itself."""
        return np.asarray(self.name == QPU_PART)


def parts_of(job_ids: Iterable[object], names: Sequence[str]) -> Parts:
    """Return those rows of a batch table that are parts of hybrid jobs.

    Args:
        job_ids: Ids of all batch jobs.
        names: Names of the hybrid jobs.
    """
    place = {name: k for k, name in enumerate(names)}
    found = []
    for row, job_id in enumerate(job_ids):
        owner, dot, part = str(job_id).rpartition(".")
        if dot and owner in place:
            found.append((row, place[owner], part))
    return Parts(
        row=np.array([row for row, _, _ in found], dtype=np.int64),
        job=np.array([job for _, job, _ in found], dtype=np.int64),
        name=np.array([part for _, _, part in found], dtype=object),
    )
