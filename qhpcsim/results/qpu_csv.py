"""``qpu.csv``: one row a QPU job, in the order of the table.

Rules: times are seconds on the simulation's own axis, numbers the shortest decimals that read back exactly. Cells
without a value are empty: a rejected job has no QPU and no times but its submission; columns that the workload does
not give are empty throughout. ``used_s`` is time on the QPU with lost attempts, ``billed_s`` what is charged,
``energy_j`` is empty where the QPU states no power. Text that a spreadsheet would run is prefixed with ``'``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from qhpcsim.core.qpu_records import QpuJobState, QpuJobTable, QpuMode, QpuSchedule
from qhpcsim.core.records import Categories, FloatArray
from qhpcsim.facility.qpu_ledger import Ledger
from qhpcsim.results.csv_text import cells

COLUMNS = (
    "job_id",
    "user",
    "qpu",
    "mode",
    "session",
    "submitted_s",
    "queued_s",
    "started_s",
    "ended_s",
    "circuits",
    "shots",
    "predicted_s",
    "drawn_s",
    "used_s",
    "billed_s",
    "fidelity",
    "cost",
    "energy_j",
    "state",
)
CHUNK = 8192


def write_qpu_csv(path: Path, jobs: QpuJobTable, schedule: QpuSchedule, book: Ledger) -> None:
    """Write ``qpu.csv``.

    Args:
        path: Target file.
        jobs: The jobs.
        schedule: What became of them.
        book: What they cost.
    """
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(",".join(COLUMNS) + "\n")
        for low in range(0, jobs.n, CHUNK):
            file.writelines(_rows(jobs, schedule, book, slice(low, min(low + CHUNK, jobs.n))))


def _rows(jobs: QpuJobTable, schedule: QpuSchedule, book: Ledger, part: slice) -> Iterator[str]:
    n = part.stop - part.start
    qpu = schedule.qpu[part]
    mode = np.zeros(n, np.int32) if jobs.mode is None else jobs.mode[part]
    session = np.full(n, -1) if jobs.session is None else jobs.session[part]
    columns = [
        cells(range(part.start, part.stop) if jobs.job_id is None else jobs.job_id[part].tolist()),
        _words(jobs.user, part),
        cells(schedule.qpu_names[k] if k >= 0 else "" for k in qpu.tolist()),
        [QpuMode(k).name.lower() for k in mode.tolist()],
        [str(k) if k >= 0 else "" for k in session.tolist()],
        _reals(schedule.submitted_s[part]),
        _reals(schedule.queued_s[part]),
        _reals(schedule.started_s[part]),
        _reals(schedule.ended_s[part]),
        [""] * n if jobs.circuits is None else list(map(str, jobs.circuits[part].tolist())),
        [""] * n if jobs.shots is None else list(map(str, jobs.shots[part].tolist())),
        _reals(_there(jobs.drawn_s if jobs.predicted_s is None else jobs.predicted_s, qpu, part)),
        _reals(_there(jobs.drawn_s, qpu, part)),
        _reals(schedule.used_s[part]),
        _reals(schedule.billed_s[part]),
        [""] * n if jobs.fidelity is None else _reals(_there(jobs.fidelity, qpu, part)),
        _reals(book.cost[part]),
        _reals(book.energy_j[part]),
        [QpuJobState(k).name for k in schedule.state[part].tolist()],
    ]
    return (",".join(row) + "\n" for row in zip(*columns, strict=True))


def _there(values: FloatArray, qpu: np.ndarray, part: slice) -> FloatArray:
    """Return each job's value on the QPU that took it; NaN for a rejected job where QPUs differ."""
    if values.ndim == 1:
        return values[part]
    rows = values[part]
    return np.where(qpu >= 0, rows[np.arange(len(rows)), np.maximum(qpu, 0)], np.nan)


def _words(column: Categories | None, part: slice) -> list[str]:
    if column is None:
        return [""] * (part.stop - part.start)
    return cells(column.names[k] if k >= 0 else "" for k in column.code[part].tolist())


def _reals(values: FloatArray) -> list[str]:
    return [_real(value) for value in values.tolist()]


def _real(value: float) -> str:
    """Return a number as its shortest decimal, without ``.0`` where it is whole; nothing for NaN and inf."""
    if value - value != 0.0:
        return ""
    return repr(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
