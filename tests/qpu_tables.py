"""Small QPU workloads for tests."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from qhpcsim.core.qpu_records import QpuJobTable, QpuMode
from qhpcsim.core.records import Categories
from qhpcsim.qpu_scenario import QpuDevice, QpuDiscipline, QpuService, Sessions

MODES = {"j": QpuMode.JOB, "b": QpuMode.BATCH, "s": QpuMode.SESSION, "d": QpuMode.DEDICATED}


def words(values: Sequence[str]) -> Categories:
    """A column of words."""
    names = tuple(sorted(set(values)))
    return Categories(np.array([names.index(value) for value in values], dtype=np.int32), names)


def qpu_jobs(rows: Sequence[tuple[float, float, str]], users: Sequence[str] | None = None) -> QpuJobTable:
    """Jobs from (submit, length, mode), mode ``j``, ``d``, or ``b`` or ``s`` with the session's number: ``s0``."""
    submit_s, drawn_s, modes = zip(*rows, strict=True)
    return QpuJobTable(
        np.array(submit_s, dtype=float),
        np.array(drawn_s, dtype=float),
        user=None if users is None else words(users),
        mode=np.array([MODES[mode[0]] for mode in modes], dtype=np.int32),
        session=np.array([int(mode[1:] or -1) for mode in modes], dtype=np.int32),
    )


def one_qpu(
    device: QpuDevice | None = None, discipline: QpuDiscipline | None = None, sessions: Sessions | None = None
) -> QpuService:
    """A service with one QPU."""
    return QpuService({"qpu": device or QpuDevice()}, discipline or QpuDiscipline(), sessions=sessions or Sessions())
