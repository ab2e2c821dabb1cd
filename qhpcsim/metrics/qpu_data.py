"""One run's QPU jobs as the arrays that figures and checks share: the columns of ``qpu.csv`` and the QPUs' intervals.

Times are seconds on the simulation's own axis; NaN where a thing never happened or is not known.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.qpu_records import QpuJobState
from qhpcsim.core.records import Categories, FloatArray, IntArray

BoolArray = NDArray[np.bool_]

KINDS = ("calibration", "warm_up", "outage", "closed", "reservation", "session")
"""What a QPU was kept for: own work, failure, closing time, a reservation, a session or batch that held it."""
CLOSURES = ("calibration", "outage", "closed")
"""Kinds during which nobody's job may be on the QPU."""

IntervalRow = tuple[int, str, float, float, int]
"""(QPU, kind, start, end, session or -1), as ``qpu_intervals.csv`` has them."""


@dataclass(frozen=True, slots=True)
class QpuIntervals:
    """Stretches of time during which a QPU was kept for something, as arrays of length k."""

    qpu: IntArray
    kind: IntArray
    """(k,) index into ``KINDS``."""
    start_s: FloatArray
    end_s: FloatArray
    session: IntArray
    """(k,) session or batch that held the QPU, -1 for the other kinds."""

    @classmethod
    def of(cls, rows: Iterable[IntervalRow]) -> QpuIntervals:
        """Return rows as arrays.

        Raises:
            ValueError: if a kind is not one of ``KINDS``.
        """
        listed = list(rows)
        columns = tuple(zip(*listed, strict=True)) if listed else ((), (), (), (), ())
        kind = [KINDS.index(word) for word in columns[1]]
        return cls(
            qpu=np.array(columns[0], dtype=np.int32),
            kind=np.array(kind, dtype=np.int32),
            start_s=np.array(columns[2], dtype=np.float64),
            end_s=np.array(columns[3], dtype=np.float64),
            session=np.array(columns[4], dtype=np.int32),
        )

    def spans(self, qpu: int, *kinds: str) -> FloatArray:
        """Return the (k, 2) starts and ends of a QPU's intervals of some kinds, in the table's order."""
        here = (self.qpu == qpu) & np.isin(self.kind, [KINDS.index(kind) for kind in kinds])
        return np.column_stack([self.start_s[here], self.end_s[here]])


@dataclass
class QpuData:
    """The rows of ``qpu.csv`` as columns of length n, the QPUs, their intervals, and how long the run was."""

    submitted_s: FloatArray
    queued_s: FloatArray
    """(n,) when it reached the service: one network latency after its submission."""
    started_s: FloatArray
    ended_s: FloatArray
    used_s: FloatArray
    """(n,) time on the QPU, lost attempts included, pauses not."""
    billed_s: FloatArray
    qpu: IntArray
    """(n,) index into ``qpu_names``, -1 for none."""
    mode: IntArray
    """(n,) ``QpuMode``."""
    session: IntArray
    """(n,) session or batch, -1 for none."""
    state: NDArray[np.int8]
    """(n,) ``QpuJobState``."""
    background: BoolArray
    """(n,) the job belongs to the load of other users."""
    qpu_names: tuple[str, ...]
    horizon_s: float
    """When the run stopped; it began at 0."""
    drawn_s: FloatArray | None = None
    """(n,) time that the job takes on its QPU; None: not known."""
    shots: FloatArray | None = None
    """(n,) shots of all circuits together; None: no job says."""
    fidelity: FloatArray | None = None
    """(n,) expected fidelity at the start; None: not known."""
    cost: FloatArray | None = None
    """(n,) money, in the currency of the job's QPU; None: no prices."""
    energy_j: FloatArray | None = None
    currency: tuple[str, ...] = ()
    """Currency of each QPU's prices, empty where it has none."""
    user: Categories | None = None
    intervals: QpuIntervals = field(default_factory=lambda: QpuIntervals.of(()))
    job_id: NDArray[np.generic] | None = None
    """(n,) for messages; None: 0, 1, …"""

    @property
    def n(self) -> int:
        """Number of jobs, workload and background."""
        return len(self.submitted_s)

    @cached_property
    def started(self) -> BoolArray:
        """(n,) whether the job got a QPU."""
        return np.isfinite(self.started_s)

    @cached_property
    def finished(self) -> BoolArray:
        """(n,) whether the job got a QPU and left it again, completed or given up."""
        return np.asarray(self.started & np.isfinite(self.ended_s))

    @cached_property
    def wait_s(self) -> FloatArray:
        """(n,) from reaching the service to the start; NaN if it never started."""
        return self.started_s - self.queued_s

    @cached_property
    def until_s(self) -> FloatArray:
        """(n,) end of the job, the run's end for one that was still on its QPU; NaN if it never started."""
        return np.where(self.started & ~self.finished, self.horizon_s, np.where(self.started, self.ended_s, np.nan))

    def count(self, members: BoolArray, *states: QpuJobState) -> int:
        """Return how many of the members ended in one of these states."""
        return int((members & np.isin(self.state, [int(state) for state in states])).sum())

    def name(self, job: int) -> str:
        """Return a job's id as text."""
        return str(job if self.job_id is None else self.job_id[job])
