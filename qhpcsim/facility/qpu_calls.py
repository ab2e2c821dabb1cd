"""The jobs that came to a QPU service while the simulation ran, as a table."""

from __future__ import annotations

import numpy as np

from qhpcsim.core.qpu_records import QpuJobTable
from qhpcsim.core.records import Categories
from qhpcsim.facility.qpu_service import QpuSystem


def calls_of(system: QpuSystem) -> QpuJobTable:
    """Return every job of a service that began without a table, in order of submission."""
    jobs = system.jobs
    return QpuJobTable(
        submit_s=np.array(jobs.submitted_s),
        drawn_s=np.array(jobs.drawn_s).T.copy(),
        predicted_s=np.array(jobs.predicted_s).T.copy(),
        user=Categories(np.array(jobs.user, dtype=np.int32), tuple(jobs.user_names)),
        mode=np.array(jobs.mode, dtype=np.int32),
        session=np.array(jobs.session, dtype=np.int32),
        qpu=np.array(jobs.named, dtype=np.int32),
        background=np.array(jobs.background, dtype=np.bool_) if any(jobs.background) else None,
    )
