"""The hybrid jobs of a run as the arrays that figures, reports and checks share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.hybrid_records import POOL, STOPPED
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
    """(n,) node time that it had allocated, with its share of pilots."""
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
    def unanswered(self) -> NDArray[np.bool_]:
        """(m,) whether the phase is wait or run of a call that its job was stopped before the answer of."""
        wait, on_qpu = KINDS.index("qpu_wait"), KINDS.index("qpu")
        found = np.zeros(len(self.phase_job), dtype=bool)
        last = np.flatnonzero(np.diff(self.phase_job, append=-1) != 0)
        last = last[np.isin(self.state[self.phase_job[last]], STOPPED)]
        found[last] = np.isin(self.phase_kind[last], (wait, on_qpu))
        before = last[(self.phase_kind[last] == on_qpu) & (last > 0)] - 1
        same = self.phase_job[before] == self.phase_job[before + 1]
        found[before[same & (self.phase_kind[before] == wait)]] = True
        return found

    @cached_property
    def n_calls(self) -> IntArray:
        """(n,) QPU calls that were answered."""
        answered = (self.phase_kind == KINDS.index("qpu")) & ~self.unanswered
        return np.bincount(self.phase_job[answered], minlength=self.n)

    @cached_property
    def horizon_s(self) -> float:
        """The last instant that anything is known of; 0 without jobs."""
        known = np.concatenate([self.submitted_s, self.ended_s, self.phase_end_s])
        return float(np.nanmax(known)) if len(known) else 0.0


@dataclass
class Parts:
    """What hybrid jobs were given by the batch system: rows ``JOB.PART`` and pilots ``POOL.K`` of ``jobs.csv``."""

    row: IntArray
    """(k,) row of the batch table."""
    job: IntArray
    """(k,) index of the hybrid job; -1: a pilot, which several share."""
    name: NDArray[np.object_]
    """(k,) name of the part."""

    @cached_property
    def are_shared(self) -> NDArray[np.bool_]:
        """(k,) whether it is a pilot."""
        return self.job < 0

    @cached_property
    def are_nodes(self) -> NDArray[np.bool_]:
        """(k,) whether it is nodes, not a QPU or a token."""
        return ~np.isin(self.name, QPU_PARTS)

    @cached_property
    def are_qpus(self) -> NDArray[np.bool_]:
        """(k,) whether it is a QPU that the job has for itself."""
        return np.asarray(self.name == QPU_PART)


def parts_of(job_ids: Iterable[object], names: Sequence[str]) -> Parts:
    """Return those rows of a batch table that are parts of hybrid jobs, or pilots that they share.

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
        elif dot and (owner == POOL or owner.startswith(f"{POOL}-")):
            found.append((row, -1, POOL))
    return Parts(
        row=np.array([row for row, _, _ in found], dtype=np.int64),
        job=np.array([job for _, job, _ in found], dtype=np.int64),
        name=np.array([part for _, _, part in found], dtype=object),
    )
