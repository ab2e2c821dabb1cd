"""Records of QPU services that cross room boundaries: the jobs sent to QPUs and what became of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.records import Categories, FloatArray, IntArray


class QpuMode(IntEnum):
    """How a job gets at its QPU."""

    JOB = 0
    """On its own, through the queue."""
    BATCH = 1
    """With the other jobs of its batch, one right after the other; the QPU is given back when none waits."""
    SESSION = 2
    """Inside a session that keeps the QPU to itself, also between its jobs."""
    DEDICATED = 3
    """Inside a reservation of its user, and only there."""


class QpuJobState(IntEnum):
    """Final state of a QPU job."""

    COMPLETED = 0
    FAILED = 1
    """Its session or reservation closed before it started, or it was interrupted too often."""
    REJECTED = 2
    """The service did not take it: the queue is full, or no QPU can ever run it."""
    RUNNING = 3
    """On a QPU when the simulation stopped."""
    QUEUED = 4
    """Waiting when the simulation stopped (interrupted ones too), or held by a job that never ended."""


class QpuInterval(NamedTuple):
    """[start, end) of one QPU in which it does something else than jobs, or is not for everyone."""

    qpu: int
    start_s: float
    end_s: float
    kind: str
    """``calibration``, ``warm_up``, ``outage``, ``closed`` (outside its opening hours) or ``reservation``."""


@dataclass(slots=True)
class QpuDemand:
    """QPU jobs as their users know them, before any device is chosen: arrays of length n, in submission order.

    ``models.qpu_fleet`` makes a ``QpuJobTable`` of it for given QPUs.
    """

    submit_s: FloatArray
    """(n,) submission time; non-decreasing."""
    n_circuits: FloatArray
    shots: FloatArray
    """(n,) shots of each circuit."""
    depth_total: FloatArray
    """(n,) layers, summed over the job's circuits; so are the next two."""
    n_2q_total: FloatArray
    n_qubits_total: FloatArray
    service_s: FloatArray | None = None
    """(n,) time on the QPU where it is given; NaN or None: the QPU's model draws it."""
    job_id: NDArray[np.generic] | None = None
    """(n,) unique; None: 0, 1, …"""
    user: Categories | None = None
    group: Categories | None = None
    """Who shares an allocation; None: every user is a group."""
    mode: IntArray | None = None
    """(n,) ``QpuMode``; None: all are single jobs."""
    session: IntArray | None = None
    """(n,) number of the batch or session, -1 for none."""
    closes_session: NDArray[np.bool_] | None = None
    qpu: Categories | None = None
    """QPU asked for by name; code -1: the service chooses."""
    priority: IntArray | None = None
    depends_on: IntArray | None = None
    """(n,) index of the job whose result must be back first, -1 for none."""
    think_s: FloatArray | None = None
    """(n,) time between that result and this submission."""
    min_fidelity: FloatArray | None = None
    """(n,) QPUs with a lower or an unknown expected fidelity do not take the job; NaN or None: any will do."""
    origin: str = ""
    """File that the jobs come from; empty: none."""
    line: IntArray | None = None
    """(n,) line of each job in that file."""

    @property
    def n(self) -> int:
        """Number of jobs."""
        return len(self.submit_s)

    def place(self, job: int) -> str:
        """Return where a job stands, for a message: its line in the file, else its id."""
        if self.line is not None:
            return f"{self.origin}:{self.line[job]}"
        return f"qpu_workload: job {job if self.job_id is None else self.job_id[job]}"


@dataclass(slots=True)
class QpuJobTable:
    """The jobs sent to one QPU service as arrays of length n, in submission order.

    Columns of shape (n,) hold for every QPU; (n, q) gives one value a QPU, in the service's order.
    """

    submit_s: FloatArray
    """(n,) submission time; non-decreasing."""
    drawn_s: FloatArray
    """(n,) or (n, q) time that the job takes on the QPU, ≥ 0; inf where it cannot run."""
    predicted_s: FloatArray | None = None
    """(n,) or (n, q) what the service thinks that it takes; None: the drawn time."""
    job_id: NDArray[np.generic] | None = None
    """(n,) unique; None: 0, 1, …"""
    user: Categories | None = None
    group: Categories | None = None
    """Who shares an allocation, for fair share; None: every user is a group."""
    mode: IntArray | None = None
    """(n,) ``QpuMode``; None: all are single jobs."""
    session: IntArray | None = None
    """(n,) number of the batch or session that the job belongs to, -1 for none."""
    closes_session: NDArray[np.bool_] | None = None
    """(n,) the job's user closes the session when it ends."""
    qpu: IntArray | None = None
    """(n,) QPU asked for by name, as its index; -1: the service chooses."""
    priority: IntArray | None = None
    """(n,) the higher goes first."""
    depends_on: IntArray | None = None
    """(n,) index of the job whose result must be back first, -1 for none."""
    think_s: FloatArray | None = None
    """(n,) time between that result and this submission, ≥ 0."""
    circuits: IntArray | None = None
    shots: NDArray[np.int64] | None = None
    """(n,) shots of all circuits together."""
    fidelity: FloatArray | None = None
    """(n,) or (n, q) expected fidelity in [0, 1]."""
    hqc: FloatArray | None = None
    """(n,) vendor credits."""
    min_fidelity: FloatArray | None = None
    """(n,) QPUs with a lower or an unknown expected fidelity do not take the job; NaN or None: any will do."""
    background: NDArray[np.bool_] | None = None
    """(n,) the job belongs to the background load of other users; None: no job does."""

    @property
    def n(self) -> int:
        """Number of jobs."""
        return len(self.submit_s)


@dataclass(slots=True)
class QpuSchedule:
    """What became of each job of a ``QpuJobTable``; times on the table's axis, NaN where a thing never happened."""

    submitted_s: FloatArray
    """(n,) when the user sent it: the table's time, or later if it waited for another job's result."""
    queued_s: FloatArray
    """(n,) when it reached the service: one network latency later."""
    started_s: FloatArray
    ended_s: FloatArray
    used_s: FloatArray
    """(n,) QPU time, lost attempts included, pauses not."""
    billed_s: FloatArray
    """(n,) time that is charged: ``used_s``, or wall-clock time inside sessions."""
    qpu: IntArray
    """(n,) index of the QPU, -1 if rejected."""
    state: NDArray[np.int8]
    """(n,) ``QpuJobState``."""
    qpu_names: tuple[str, ...]
    pieces: dict[int, list[tuple[float, float]]] = field(default_factory=dict)
    """Stretches on the QPU, in order, of jobs that were interrupted or still run; all others ran from start to end."""
    calibrations: list[QpuInterval] = field(default_factory=list)
    """Calibration and warm-up work that had no fixed window, begun before ``end_s``."""
    windows: list[QpuInterval] = field(default_factory=list)
    """Times, begun before ``end_s``, at which a QPU was closed or down; where two overlap, the first to begin counts.
    Reservations are here too, whole: they may overlap the others, and jobs of their holder run in them."""
    holds: list[tuple[int, int, float, float]] = field(default_factory=list)
    """(session, QPU, start, end) of the times at which a session had a QPU to itself."""
    end_s: float = 0.0
    """When the simulation stopped: the last job's end, or later where it was told to go on."""

    @property
    def n(self) -> int:
        """Number of jobs."""
        return len(self.started_s)
