"""QPU jobs of other users, known beforehand, on a service that also gets jobs while the simulation runs."""

from __future__ import annotations

from functools import partial

import numpy as np

from qhpcsim.core.qpu_records import QpuJobTable, QpuMode
from qhpcsim.core.records import Categories
from qhpcsim.facility.clock import Clock
from qhpcsim.facility.open_jobs import NORMAL
from qhpcsim.facility.qpu_jobs import NAN, QpuJob
from qhpcsim.facility.qpu_service import QpuSystem

FIRST_SESSION = 1_000_000_000
"""Number of their session 0, so that no other job of the simulation means the same session."""


class Guests:
    """A table of QPU jobs that is sent to a service row by row.

    Model: as in a run of the service alone: a job is sent at its time, or ``think_s`` after the answer to the one that
        it depends on.
    Assumes: their sessions are none of the simulation's other jobs.
    Not modelled: users who react to the queue; those are the background load.
    Source: none.

    Args:
        clock: The facility's clock.
        system: The service.
        table: The jobs.
    """

    def __init__(self, clock: Clock, system: QpuSystem, table: QpuJobTable) -> None:
        self.table, self._clock, self._system = table, clock, system
        self.row_of: dict[int, int] = {}
        """Job of the service -> row of the table."""
        self._after: dict[int, list[int]] = {}
        for row in range(table.n):
            before = -1 if table.depends_on is None else int(table.depends_on[row])
            if before >= 0:
                self._after.setdefault(before, []).append(row)
            else:
                clock.call_at(float(table.submit_s[row]), partial(self._send, row), NORMAL)

    def _send(self, row: int, _event: object = None) -> None:
        self.row_of[self._system.submit(self._job(row), partial(self._answered, row))] = row

    def _answered(self, row: int, _job: int, now_s: float) -> None:
        """Let the jobs that wait for this one's answer be sent."""
        think_s, submit_s = self.table.think_s, self.table.submit_s
        for after in self._after.pop(row, ()):
            due_s = now_s + (0.0 if think_s is None else float(think_s[after]))
            self._clock.call_at(max(due_s, float(submit_s[after])), partial(self._send, after), NORMAL)

    def _job(self, row: int) -> QpuJob:
        table = self.table
        session = -1 if table.session is None else int(table.session[row])
        return QpuJob(
            drawn_s=_values(table.drawn_s, row),
            predicted_s=() if table.predicted_s is None else _values(table.predicted_s, row),
            user=_word(table.user, row),
            group=_word(table.group, row),
            mode=QpuMode.JOB if table.mode is None else QpuMode(int(table.mode[row])),
            session=session + FIRST_SESSION if session >= 0 else -1,
            closes_session=table.closes_session is not None and bool(table.closes_session[row]),
            qpu=-1 if table.qpu is None else int(table.qpu[row]),
            priority=0 if table.priority is None else int(table.priority[row]),
            fidelity=() if table.fidelity is None else _values(table.fidelity, row),
            min_fidelity=NAN if table.min_fidelity is None else float(table.min_fidelity[row]),
        )


def _word(column: Categories | None, row: int) -> str:
    return "" if column is None or column.code[row] < 0 else column.names[column.code[row]]


def _values(column: np.ndarray, row: int) -> tuple[float, ...]:
    """Return one value a QPU, or one for all."""
    return tuple(np.atleast_1d(column[row]).tolist())
