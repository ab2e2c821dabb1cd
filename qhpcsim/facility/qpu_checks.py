"""What must hold at the end of every simulation of a QPU service; a breach is a bug here, never the user's fault."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.errors import InvariantError
from qhpcsim.core.qpu_records import QpuJobState, QpuSchedule
from qhpcsim.core.records import FloatArray
from qhpcsim.facility.qpu_closures import overlaps
from qhpcsim.facility.qpu_server import QpuServer
from qhpcsim.facility.qpu_service import QpuSystem

ROUNDING = 1e-9
"""Relative to the length of the simulation."""


def check_schedule(system: QpuSystem, schedule: QpuSchedule) -> None:
    """Raise ``InvariantError`` if a job got lost, two things shared a QPU, or a job ran while it was closed."""
    background = np.array(system.jobs.background, dtype=np.bool_)
    _check_jobs(schedule, background)
    qpu, start_s, end_s = stretches(schedule)
    for server in system.servers:
        _check_left(server, schedule, background)
        here = qpu == server.index
        _check_alone(schedule, server.index, start_s[here], end_s[here], server.name)
        if server.calendar is not None and here.any():
            closed = server.calendar.closed_until(float(end_s[here].max()))
            broken = overlaps(closed, start_s[here], end_s[here])
            if broken.size:
                raise InvariantError(f"t = {broken[0]} s: a job ran on {server.name} while it was closed")


def stretches(schedule: QpuSchedule) -> tuple[NDArray[np.int32], FloatArray, FloatArray]:
    """Return (QPU, start, end) of every stretch that a job spent on a QPU."""
    whole = np.isfinite(schedule.ended_s)
    whole[list(schedule.pieces)] = False
    parts = [(schedule.qpu[job], *piece) for job, pieces in schedule.pieces.items() for piece in pieces]
    columns = np.array(parts, dtype=np.float64).reshape(-1, 3).T
    qpu = np.concatenate([schedule.qpu[whole], columns[0].astype(np.int32)])
    start_s = np.concatenate([schedule.started_s[whole], columns[1]])
    return qpu, start_s, np.concatenate([schedule.ended_s[whole], columns[2]])


def _check_left(server: QpuServer, schedule: QpuSchedule, background: NDArray[np.bool_]) -> None:
    """What is left on a QPU and in front of it are jobs of other users, each in one place."""
    here = schedule.qpu == server.index
    n_queued = int((here & (schedule.state == QpuJobState.QUEUED)).sum())
    running = np.flatnonzero(here & (schedule.state == QpuJobState.RUNNING)).tolist()
    counted = server.n_waiting == len(server.queue) == n_queued and running == [server.job] * (server.job >= 0)
    kept = server.session is not None or server.dedicated or (server.working and not background.any())
    if kept or not counted:
        raise InvariantError(f"{server.name}: the simulation ended, but there is still work on it or before it")


def _check_jobs(schedule: QpuSchedule, background: NDArray[np.bool_]) -> None:
    """Every job of the workload ended exactly once, in order: submitted, queued, started, ended."""
    state = schedule.state
    left = (state == QpuJobState.QUEUED) | (state == QpuJobState.RUNNING)
    lost = np.flatnonzero(left & ~background)
    if lost.size:
        raise InvariantError(f"job {lost[0]} neither ended, failed nor was rejected")
    done = state == QpuJobState.COMPLETED
    ordered = (schedule.submitted_s <= schedule.queued_s) & (schedule.queued_s <= schedule.started_s)
    wrong = np.flatnonzero(done & ~(ordered & (schedule.started_s <= schedule.ended_s)))
    if wrong.size:
        raise InvariantError(f"job {wrong[0]} started before it came, or ended before it started")


def _check_alone(schedule: QpuSchedule, qpu: int, start_s: FloatArray, end_s: FloatArray, name: str) -> None:
    """No two jobs or calibrations share the QPU."""
    other = np.array([row[1:3] for row in schedule.calibrations if row.qpu == qpu], dtype=np.float64).reshape(-1, 2)
    starts, ends = np.concatenate([start_s, other[:, 0]]), np.concatenate([end_s, other[:, 1]])
    order = np.lexsort((ends, starts))
    starts, ends = starts[order], ends[order]
    if not len(starts):
        return
    slack_s = ROUNDING * max(1.0, float(ends.max()))
    shared = np.flatnonzero(starts[1:] < np.maximum.accumulate(ends)[:-1] - slack_s)
    if shared.size:
        raise InvariantError(f"t = {starts[1:][shared[0]]} s: two things at once on {name}")
