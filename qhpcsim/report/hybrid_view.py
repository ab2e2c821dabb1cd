"""The hybrid jobs of a run as the report shows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from qhpcsim.core.records import FloatArray
from qhpcsim.metrics.hybrid_data import KINDS, HybridData, IntArray, parts_of
from qhpcsim.report.columns import JobColumns
from qhpcsim.report.qpu_view import QpuView
from qhpcsim.report.time_axis import TimeAxis, time_axis

MAX_LANES = 36
"""Jobs that are drawn one by one; more are drawn together."""
_CLOCK = "time since the simulation began"


class Phase(NamedTuple):
    """Something that a hybrid job's time goes into, as figures show it."""

    kinds: tuple[str, ...]
    label: str
    colour: str


PHASES = (
    Phase(("cpu",), "classical phase", "#0173B2"),
    Phase(("qpu",), "on a QPU", "#029E73"),
    Phase(("launch", "resize"), "launch, resize", "#D55E00"),
    Phase(("qpu_wait",), "waits for a QPU", "#F0B951"),
    Phase(("queue",), "waits for nodes", "#C3C7CD"),
)
"""In the order in which they are stacked: work, then waits."""
OTHER = Phase((), "in no phase", "#8A7FB8")
"""Results on their way back, and what a job was at when it was stopped."""
ROUNDING = 1e-9
"""What is left of a time after its phases counts as nothing below this share of it."""
HELD_COLOUR = "#CC78BC"
"""Held, but idle."""
PHASE_OF_KIND = np.array([next(k for k, phase in enumerate(PHASES) if kind in phase.kinds) for kind in KINDS])
"""Place in ``PHASES`` of each kind."""


class Held(NamedTuple):
    """What was allocated, and when, as arrays of one length."""

    start_s: FloatArray
    end_s: FloatArray
    weight: FloatArray


@dataclass
class HybridView:
    """Hybrid jobs, what they held, and their figures."""

    data: HybridData
    summary: Mapping[str, Any]
    """Key ``hybrid`` of ``summary.json``."""
    nodes: Held
    """Nodes of hybrid jobs."""
    own_qpus: Held
    """QPUs that hybrid jobs had for themselves."""
    rigid: Held
    """Nodes of all other batch jobs."""
    tokens: frozenset[int]
    """Partitions that are QPUs or tokens of QPUs, not nodes."""
    n_qpus: int
    qpus: QpuView | None = None
    """The QPU service; None: it had no job."""
    baseline: Mapping[str, Any] = field(default_factory=dict)
    """The same figures under the baseline policy."""

    @cached_property
    def axis(self) -> TimeAxis:
        """The time axis of the figures of hybrid jobs."""
        data = self.data
        return time_axis(float(data.submitted_s.min()) if data.n else 0.0, data.horizon_s, _CLOCK)

    @property
    def one_by_one(self) -> bool:
        """Whether there are so few jobs that each is drawn by itself."""
        return self.data.n <= MAX_LANES

    @cached_property
    def phase(self) -> IntArray:
        """(m,) place in ``PHASES`` of each phase of a job."""
        return PHASE_OF_KIND[self.data.phase_kind]

    @cached_property
    def spent_s(self) -> FloatArray:
        """(n, 6) time of each job in each of ``PHASES``, then in none of them; the last NaN where it has not ended."""
        by_phase = by_phases(self.data.spent_s)
        rest_s = self.data.time_to_solution_s - by_phase.sum(axis=1)
        noise_s = ROUNDING * max(1.0, self.data.horizon_s)
        return np.column_stack([by_phase, np.where(rest_s > noise_s, rest_s, rest_s * 0.0)])

    @cached_property
    def seen(self) -> list[int]:
        """Those of ``PHASES`` that any job was ever in."""
        return [k for k in range(len(PHASES)) if (self.phase == k).any()]


def by_phases(by_kind: FloatArray) -> FloatArray:
    """Return (…, 5) amounts by ``PHASES`` from (…, 6) amounts by kind of phase."""
    return np.stack([by_kind[..., k == PHASE_OF_KIND].sum(axis=-1) for k in range(len(PHASES))], axis=-1)


def hybrid_view(
    data: HybridData,
    summary: Mapping[str, Any],
    jobs: JobColumns,
    first_nodes: IntArray,
    qpus: QpuView | None,
    baseline: Mapping[str, Any],
) -> HybridView:
    """Return the view of a run's hybrid jobs.

    Args:
        data: The jobs.
        summary: Figures of the run, as in ``summary.json``.
        jobs: All batch jobs.
        first_nodes: First node of each partition.
        qpus: The QPU service.
        baseline: Figures of the run under the baseline policy; empty: there is none.
    """
    parts = parts_of(jobs.job_id, data.name)
    rigid = np.ones(jobs.n, dtype=bool)
    rigid[parts.row] = False
    no_nodes = np.isin(jobs.range_job, parts.row[~parts.are_nodes])
    homes = np.searchsorted(first_nodes, jobs.range_lo[no_nodes], side="right") - 1
    return HybridView(
        data=data,
        summary=summary["hybrid"],
        nodes=_held(jobs, parts.row[parts.are_nodes]),
        own_qpus=_held(jobs, parts.row[parts.are_qpus]),
        rigid=_held(jobs, np.flatnonzero(rigid)),
        tokens=frozenset(homes.tolist()),
        n_qpus=len(dict(dict(summary.get("qpu") or {}).get("by_qpu") or {})),
        qpus=qpus,
        baseline=dict(baseline.get("hybrid") or {}),
    )


def _held(jobs: JobColumns, rows: IntArray) -> Held:
    ran = rows[jobs.started[rows]]
    return Held(jobs.start_s[ran], jobs.finish_s[ran], jobs.nodes[ran].astype(np.float64))
