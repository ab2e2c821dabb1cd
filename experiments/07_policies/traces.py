"""Logs of real machines, read where they lie: none is copied into the project."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from qhpcsim.core.data import data_dir

DATA = Path(os.environ.get("QHPCSIM_REFERENCE_DATA", data_dir("calibration").parent / "../shared/data"))


class Trace(NamedTuple):
    """A log and what it is replayed on; one processor of the log is one node."""

    file: str
    n_nodes: int
    weeks: int
    """Of a sample, so that a log gives 10 to 30 if it is long enough: fewer say little, and shorter ones depend on each
    other (Schmeiser 1982, doi:10.1287/opre.30.3.556)."""
    columns: dict[str, str] | None = None
    """Of a CSV file: its names -> ours; None: the file is in the Standard Workload Format."""
    max_jobs: int | None = None

    @property
    def has_users(self) -> bool:
        """Whether the log says whose jobs they are."""
        return self.columns is None or "user" in self.columns


REBUILT = {"job_id": "job_id", "submit": "submit_s", "procs": "nodes", "run": "runtime_s", "req_time": "walltime_s"}
DGX = {"job": "job_id", "submit_time": "submit_s", "node_num": "nodes", "run_time": "runtime_s"}
TRACES = {
    "KTH-SP2": Trace("traces/KTH-SP2-1996-2.1-cln.swf.gz", 100, 2),
    "SDSC-SP2": Trace("conformance/SDSC-SP2.csv.gz", 128, 4, REBUILT | {"user": "user"}),
    "ThetaGPU": Trace("traces/ALCF-ThetaGPU-2023.csv.gz", 24, 2, DGX | {"wall_time": "walltime_s"}),
    "RICC": Trace("traces/RICC-2010-2.swf.gz", 8192, 1, max_jobs=86_643),
}
"""In the order of the figure. The export of ThetaGPU names the user of 15 % of its jobs: its users are left out. After
its eighth week RICC has up to 17,520 jobs in its queue: too slow under policies that look at all of them."""


def missing() -> list[str]:
    """Return the names of the logs that are not here."""
    return [name for name, trace in TRACES.items() if not (DATA / trace.file).exists()]


def settings(name: str, folder: Path) -> tuple[str, ...]:
    """Return what scenario ``replay`` needs to replay a log; a CSV file is written anew into the folder."""
    trace = TRACES[name]
    path = DATA / trace.file
    if trace.columns is not None:
        path = folder / "jobs.csv"
        jobs = pd.read_csv(DATA / trace.file).rename(columns=trace.columns)[list(trace.columns.values())]
        jobs.astype({"job_id": int, "nodes": int}).sort_values("submit_s", kind="stable").to_csv(path, index=False)
    found = (f"workload.path={path.resolve()}", f"facility.nodes={trace.n_nodes}")
    return found if trace.max_jobs is None else (*found, f"workload.max_jobs={trace.max_jobs}")
