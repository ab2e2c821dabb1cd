"""What hybrid jobs or applications did, as the figures that they share show it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from qhpcsim.core.records import FloatArray
from qhpcsim.metrics.hybrid_data import IntArray
from qhpcsim.metrics.qpu_data import BoolArray
from qhpcsim.report.columns import JobColumns
from qhpcsim.report.palette import IN_NO_PHASE
from qhpcsim.report.qpu_view import QpuView
from qhpcsim.report.time_axis import TimeAxis, time_axis

MAX_LANES = 36
"""Jobs that are drawn one by one; more are drawn together."""
_CLOCK = "time since the simulation began"


class Phase(NamedTuple):
    """Something that the time of a job goes into, as figures show it."""

    label: str
    colour: str


OTHER = Phase("in no phase", IN_NO_PHASE)
"""Results on their way back, and what a job was at when it was stopped."""


class Held(NamedTuple):
    """What was allocated or used, and when, as arrays of one length."""

    start_s: FloatArray
    end_s: FloatArray
    weight: FloatArray


class GpuUse(NamedTuple):
    """GPUs of one partition, in GPUs."""

    partition: str
    n_gpus: int
    used: Held
    """By tasks."""
    held: Held
    """By pilots."""


class Bar(NamedTuple):
    """Mean times and node hours of some jobs."""

    label: str
    spent_s: FloatArray
    """Seconds in each phase, then in none."""
    used_node_h: float
    held_node_h: float

    @property
    def total_s(self) -> float:
        """From submission to end."""
        return float(self.spent_s.sum())


@dataclass
class Activity:
    """n jobs, their m phases, and what they held; times on the simulation's axis, NaN where there is none."""

    noun: str
    """What a job is called."""
    looks: Sequence[Phase]
    """All phases, in the order in which they are stacked: work, then waits."""
    call: int
    """Place in ``looks`` of time on a QPU."""
    use: str
    """What nodes are held for, in a word or two."""
    name: Sequence[str]
    submitted_s: FloatArray
    ended_s: FloatArray
    done: BoolArray
    """(n,) whether the job came to its end by itself."""
    owner: IntArray
    """(m,) job of each phase."""
    phase: IntArray
    """(m,) place in ``looks``."""
    start_s: FloatArray
    end_s: FloatArray
    used_node_s: FloatArray
    """(n,) node time in use."""
    held_node_s: FloatArray
    """(n,) node time held."""
    used: Held
    """Nodes in use."""
    nodes: Held
    """Nodes held."""
    rigid: Held
    """Nodes of all other batch jobs."""
    own_qpus: Held
    """QPUs that jobs had for themselves."""
    tokens: frozenset[int]
    """Partitions that are QPUs or tokens of QPUs, not nodes."""
    n_qpus: int
    qpus: QpuView | None
    """The QPU service; None: it had no job."""
    gpus: Sequence[GpuUse] = ()
    """Partitions with GPUs that jobs held."""
    motif: Sequence[str] = ()
    """(n,) kind of each job; empty: all are of one kind."""
    baseline_mean_s: float | None = None
    """Mean time to solution under the baseline policy."""
    baseline_bar: Bar | None = None

    @property
    def n(self) -> int:
        """Number of jobs."""
        return len(self.submitted_s)

    @property
    def took_s(self) -> FloatArray:
        """(n,) from submission to end."""
        return self.ended_s - self.submitted_s

    @cached_property
    def horizon_s(self) -> float:
        """The last instant that anything is known of; 0 without jobs."""
        known = np.concatenate([self.submitted_s, self.ended_s, self.end_s])
        return float(np.nanmax(known)) if len(known) else 0.0

    @cached_property
    def axis(self) -> TimeAxis:
        """The time axis of the figures."""
        return time_axis(float(self.submitted_s.min()) if self.n else 0.0, self.horizon_s, _CLOCK)

    @property
    def one_by_one(self) -> bool:
        """Whether there are so few jobs that each is drawn by itself."""
        return self.n <= MAX_LANES

    @property
    def motifs(self) -> list[str]:
        """Kinds of job, in order of their first."""
        return list(dict.fromkeys(self.motif))

    @cached_property
    def spent_s(self) -> FloatArray:
        """(n, k + 1) time of each job in each of ``looks``, then in none: NaN where it has not ended."""
        k = len(self.looks)
        total_s = np.bincount(self.owner * k + self.phase, self.end_s - self.start_s, self.n * k).astype(np.float64)
        by_phase = total_s.reshape(self.n, k)
        rest_s = self.took_s - by_phase.sum(axis=1)
        noise_s = 4 * np.spacing(self.horizon_s) * (1 + np.bincount(self.owner, minlength=self.n))
        return np.column_stack([by_phase, np.where(rest_s > noise_s, rest_s, rest_s * 0.0)])

    @cached_property
    def seen(self) -> list[int]:
        """Those of ``looks`` that any job was ever in."""
        return [k for k in range(len(self.looks)) if (self.phase == k).any()]


def held_by(jobs: JobColumns, rows: IntArray) -> Held:
    """Return what some batch jobs held."""
    ran = rows[jobs.started[rows]]
    return Held(jobs.start_s[ran], jobs.finish_s[ran], jobs.nodes[ran].astype(np.float64))
