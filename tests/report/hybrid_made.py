"""Runs with hybrid jobs for reports: small studies of every coupling."""

from __future__ import annotations

import dataclasses

import qhpcsim
from qhpcsim.qpu_scenario import CalibrationWindow, Outages, QpuDevice, QpuService
from qhpcsim.results.result import Result

SMALL = ("workload.n_jobs=6", "workload.loops=4", "workload.rigid.n_jobs=40", "workload.gaps.mean_s=5min")
TWO_QPUS = QpuService(
    {
        "a": QpuDevice(windows=(CalibrationWindow(3600.0, 900.0, 300.0, "resume"),)),
        "b": QpuDevice(outages=Outages(mtbf_s=10_000.0)),
    },
    latency_s=20.0,
)
"""A call's result is on its way back for a while, so that jobs spend time in no phase."""


def study(*changes: str, qpus: QpuService | None = None) -> Result:
    """Return a small coupling study."""
    scenario = qhpcsim.load("coupling_study", [*SMALL, *changes])
    if qpus is not None:
        scenario = dataclasses.replace(scenario, qpu=qpus)
    return qhpcsim.simulate(scenario)


def loops(*changes: str) -> Result:
    """Return hybrid jobs in a closed loop."""
    return qhpcsim.simulate(qhpcsim.load("hybrid_loop", list(changes)))
