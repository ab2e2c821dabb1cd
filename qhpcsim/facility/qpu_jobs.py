"""The jobs of a QPU service while it runs: lists, because they are read and written one value at a time."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from qhpcsim.core.hybrid_records import CallSize
from qhpcsim.core.qpu_records import QpuJobState, QpuJobTable, QpuMode
from qhpcsim.core.records import Categories, FloatArray
from qhpcsim.policies.qpu.discipline import QueueJobs

NAN = float("nan")
_UNKNOWN = (NAN,)
_QUEUED = int(QpuJobState.QUEUED)


@dataclass(slots=True)
class QpuJob:
    """One job that is sent to the service while the simulation runs."""

    drawn_s: tuple[float, ...]
    """One value a QPU, or one for all."""
    predicted_s: tuple[float, ...] = ()
    """Like ``drawn_s``; empty: the drawn time."""
    user: str = ""
    group: str = ""
    mode: QpuMode = QpuMode.JOB
    session: int = -1
    closes_session: bool = False
    qpu: int = -1
    priority: int = 0
    fidelity: tuple[float, ...] = ()
    min_fidelity: float = NAN
    """QPUs with a lower or an unknown fidelity do not take the job; NaN: any will do."""
    background: bool = False
    size: CallSize | None = None
    """What it asks of the QPU, for fidelity and cost; None: nobody says."""
    opens: bool = False
    """It runs nothing itself but opens a session for calls of that size."""


@dataclass(slots=True)
class QpuJobs(QueueJobs):
    """What came in, and what has become of it so far."""

    drawn_s: list[list[float]] = field(default_factory=list)
    """By QPU, then by job."""
    fidelity: list[list[float]] = field(default_factory=list)
    min_fidelity: list[float] = field(default_factory=list)
    background: list[bool] = field(default_factory=list)
    sizes: dict[int, CallSize] = field(default_factory=dict)
    """Of the jobs that were sent with one while the simulation ran."""
    opens: set[int] = field(default_factory=set)
    """Jobs that run nothing but open a session."""
    mode: list[int] = field(default_factory=list)
    session: list[int] = field(default_factory=list)
    closes: set[int] = field(default_factory=set)
    named: list[int] = field(default_factory=list)
    user_names: list[str] = field(default_factory=list)
    submitted_s: list[float] = field(default_factory=list)
    queued_s: list[float] = field(default_factory=list)
    started_s: list[float] = field(default_factory=list)
    ended_s: list[float] = field(default_factory=list)
    state: list[int] = field(default_factory=list)
    where: list[int] = field(default_factory=list)
    left_s: dict[int, float] = field(default_factory=dict)
    """Work that interrupted jobs still have to do."""
    pieces: dict[int, list[tuple[float, float]]] = field(default_factory=dict)
    held_s: dict[int, float] = field(default_factory=dict)
    """Time that a session kept its QPU idle after the job."""
    watchers: dict[int, Callable[[int, float], None]] = field(default_factory=dict)
    user_codes: dict[str, int] = field(default_factory=dict)
    group_codes: dict[str, int] = field(default_factory=dict)
    """Places in ``user_names`` and ``group_names``."""

    def append(self, job: QpuJob, time_s: float) -> int:
        """Add a job that is sent at ``time_s`` and return its index."""
        index = len(self.ticket)
        _append(self.drawn_s, job.drawn_s)
        _append(self.predicted_s, job.predicted_s or job.drawn_s)
        _append(self.fidelity, job.fidelity or _UNKNOWN)
        self.ticket.append(-1)
        self.priority.append(job.priority)
        self.user.append(_code(self.user_names, self.user_codes, job.user))
        self.group.append(_code(self.group_names, self.group_codes, job.group or job.user))
        self.mode.append(int(job.mode))
        self.session.append(job.session)
        self.named.append(job.qpu)
        self.state.append(_QUEUED)
        self.where.append(-1)
        self.queued_s.append(NAN)
        self.started_s.append(NAN)
        self.ended_s.append(NAN)
        self.min_fidelity.append(job.min_fidelity)
        self.background.append(job.background)
        self.submitted_s.append(time_s)
        if job.closes_session:
            self.closes.add(index)
        if job.size is not None:
            self.sizes[index] = job.size
        if job.opens:
            self.opens.add(index)
        return index

    def used_s(self, job: int) -> float:
        """Return the time that an ended job has had on a QPU."""
        pieces = self.pieces.get(job)
        if pieces is None:
            return self.ended_s[job] - self.started_s[job]
        return math.fsum(end_s - start_s for start_s, end_s in pieces)


def jobs_of(table: QpuJobTable, n_qpus: int) -> QpuJobs:
    """Return a table as lists."""
    n = table.n
    users = table.user
    groups = table.group if table.group is not None else users
    drawn_s = _by_qpu(table.drawn_s, n_qpus)
    predicted_s = [column.copy() for column in drawn_s] if table.predicted_s is None else None
    fidelity = np.full(n, NAN) if table.fidelity is None else table.fidelity
    closes = () if table.closes_session is None else np.flatnonzero(table.closes_session).tolist()
    return QpuJobs(
        predicted_s=predicted_s or _by_qpu(np.asarray(table.predicted_s), n_qpus),
        ticket=[-1] * n,
        priority=_ints(table.priority, n, 0),
        user=_codes(users, n),
        group=_codes(groups, n),
        group_names=[] if groups is None else list(groups.names),
        drawn_s=drawn_s,
        fidelity=_by_qpu(fidelity, n_qpus),
        min_fidelity=[NAN] * n if table.min_fidelity is None else table.min_fidelity.tolist(),
        background=[False] * n,
        mode=_ints(table.mode, n, int(QpuMode.JOB)),
        session=_ints(table.session, n, -1),
        closes=set(closes),
        named=_ints(table.qpu, n, -1),
        user_names=[] if users is None else list(users.names),
        user_codes=_places(users),
        group_codes=_places(groups),
        submitted_s=table.submit_s.tolist(),
        queued_s=[NAN] * n,
        started_s=[NAN] * n,
        ended_s=[NAN] * n,
        state=[_QUEUED] * n,
        where=[-1] * n,
    )


def _by_qpu(values: FloatArray, n_qpus: int) -> list[list[float]]:
    """Return one list a QPU."""
    return [(values[:, qpu] if values.ndim == 2 else values).tolist() for qpu in range(n_qpus)]


def _append(columns: list[list[float]], values: tuple[float, ...]) -> None:
    """Append one value a QPU, or one for all."""
    if len(values) == 1:
        for column in columns:
            column.append(values[0])
    else:
        for qpu, column in enumerate(columns):
            column.append(values[qpu])


def _ints(values: np.ndarray | None, n: int, default: int) -> list[int]:
    return [default] * n if values is None else values.tolist()


def _codes(words: Categories | None, n: int) -> list[int]:
    return [-1] * n if words is None else words.code.tolist()


def _places(words: Categories | None) -> dict[str, int]:
    return {} if words is None else {word: place for place, word in enumerate(words.names)}


def _code(names: list[str], places: dict[str, int], word: str) -> int:
    """Return the place of a word in a list of names, to which it is added if it is new; -1 for no word."""
    if not word:
        return -1
    code = places.setdefault(word, len(names))
    if code == len(names):
        names.append(word)
    return code
