"""``qpu.csv``: one row a QPU job, in the order of the table.

Rules: times are seconds on the simulation's own axis, numbers the shortest decimals that read back exactly. Cells
without a value are empty: a rejected job has no QPU and no times but its submission; columns that the workload does
not give are empty throughout. The workload's own jobs come first (``origin`` workload), then those of other users
(background) in order of submission. ``used_s`` is time on the QPU with lost attempts, ``billed_s`` what is charged,
``fidelity`` what is expected at the start, ``energy_j`` empty where the QPU states no power. Text that a spreadsheet
would run is prefixed with ``'``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from qhpcsim.core.qpu_records import QpuJobState, QpuMode
from qhpcsim.core.records import Categories, FloatArray
from qhpcsim.results.csv_text import cells
from qhpcsim.results.qpu_outcome import QpuOutcome, there

COLUMNS = (
    "job_id",
    "user",
    "origin",
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
TEXT_COLUMNS = ("user", "origin", "qpu", "mode", "state")
"""Columns of words; ``job_id`` is one too where the workload names its jobs."""
ORIGINS = ("workload", "background")
INTERVAL_COLUMNS = ("qpu", "kind", "start_s", "end_s", "session")
QUALITY_COLUMNS = ("qpu", "time_s", "error_2q", "error_readout", "t1_s", "t2_s", "n_dead_couplers")
CHUNK = 8192


def write_qpu_csv(path: Path, outcome: QpuOutcome) -> None:
    """Write ``qpu.csv``."""
    n = outcome.jobs.n
    parts = (slice(low, min(low + CHUNK, n)) for low in range(0, n, CHUNK))
    _write(path, COLUMNS, (row for part in parts for row in _rows(outcome, part)))


def write_intervals(path: Path, outcome: QpuOutcome) -> None:
    """Write ``qpu_intervals.csv``: what each QPU was kept for besides single jobs, by QPU, then by start."""
    names = cells(outcome.schedule.qpu_names)
    _write(
        path,
        INTERVAL_COLUMNS,
        (
            (names[qpu], kind, real(start_s), real(end_s), str(session) if session >= 0 else "")
            for qpu, kind, start_s, end_s, session in outcome.intervals()
        ),
    )


def write_quality(path: Path, outcome: QpuOutcome) -> None:
    """Write ``qpu_quality.csv``: the errors of each QPU from every calibration on, the first at time 0."""
    _write(
        path,
        QUALITY_COLUMNS,
        (
            (name, *map(real, row))
            for name, rows in zip(cells(outcome.schedule.qpu_names), outcome.quality, strict=True)
            for row in rows
        ),
    )


def _write(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(",".join(columns) + "\n")
        file.writelines(",".join(row) + "\n" for row in rows)


def _rows(outcome: QpuOutcome, part: slice) -> Iterator[Sequence[str]]:
    jobs, schedule, book = outcome.jobs, outcome.schedule, outcome.book
    n = part.stop - part.start
    qpu = schedule.qpu[part]
    names = [*cells(schedule.qpu_names), ""]
    mode = np.zeros(n, np.int32) if jobs.mode is None else jobs.mode[part]
    session = np.full(n, -1) if jobs.session is None else jobs.session[part]
    others = np.zeros(n, np.bool_) if jobs.background is None else jobs.background[part]
    columns = [
        cells(range(part.start, part.stop) if jobs.job_id is None else jobs.job_id[part].tolist()),
        _words(jobs.user, part),
        [ORIGINS[k] for k in others.astype(int).tolist()],
        [names[k] for k in qpu.tolist()],
        [QpuMode(k).name.lower() for k in mode.tolist()],
        [str(k) if k >= 0 else "" for k in session.tolist()],
        _reals(schedule.submitted_s[part]),
        _reals(schedule.queued_s[part]),
        _reals(schedule.started_s[part]),
        _reals(schedule.ended_s[part]),
        _counts(jobs.circuits, part, others),
        _counts(jobs.shots, part, others),
        _reals(there(jobs.drawn_s if jobs.predicted_s is None else jobs.predicted_s, schedule.qpu)[part]),
        _reals(there(jobs.drawn_s, schedule.qpu)[part]),
        _reals(schedule.used_s[part]),
        _reals(schedule.billed_s[part]),
        _reals(outcome.fidelity[part]),
        _reals(book.cost[part]),
        _reals(book.energy_j[part]),
        [QpuJobState(k).name for k in schedule.state[part].tolist()],
    ]
    return zip(*columns, strict=True)


def _counts(values: np.ndarray | None, part: slice, others: np.ndarray) -> list[str]:
    """Return whole numbers; nothing for the jobs of other users, of which nobody knows."""
    if values is None:
        return [""] * len(others)
    return ["" if other else str(k) for k, other in zip(values[part].tolist(), others.tolist(), strict=True)]


def _words(column: Categories | None, part: slice) -> list[str]:
    if column is None:
        return [""] * (part.stop - part.start)
    return cells(column.names[k] if k >= 0 else "" for k in column.code[part].tolist())


def _reals(values: FloatArray) -> list[str]:
    return [real(value) for value in values.tolist()]


def real(value: float) -> str:
    """Return a number as its shortest decimal, without ``.0`` where it is whole; nothing for NaN and inf."""
    value = float(value)
    if value - value != 0.0:
        return ""
    return repr(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
