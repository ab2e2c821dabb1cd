"""A small run on two QPUs, worked by hand, and the tables that a run folder has of it."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd

from qhpcsim.core.qpu_records import QpuJobState
from qhpcsim.metrics.checks.qpu_tables import read_tables
from qhpcsim.metrics.qpu_data import QpuData

JOBS = """\
job_id,user,origin,qpu,mode,session,submitted_s,queued_s,started_s,ended_s,circuits,shots,predicted_s,drawn_s,used_s,billed_s,fidelity,cost,energy_j,state
p0,ann,workload,a,job,,0,1,1,11,1,100,10,10,10,10,0.9,5,1000,COMPLETED
p1,bob,workload,a,session,7,2,3,11,21,1,200,10,10,10,19,0.8,9.5,1000,COMPLETED
p2,bob,workload,a,session,7,29,30,30,40,1,300,10,10,10,70,0.7,35,1000,COMPLETED
p3,u1,background,a,job,,4,5,100,150,,,40,40,40,40,,20,4000,COMPLETED
p4,eve,workload,a,dedicated,,19,20,160,170,1,400,10,10,10,10,,5,1000,COMPLETED
p5,ann,workload,,job,,49,50,,,1,500,,,0,0,,0,,REJECTED
p6,ann,workload,a,session,9,89,90,,,1,600,10,10,0,0,,0,,FAILED
p7,u2,background,a,job,,189,190,,,,,10,10,0,0,,0,,QUEUED
p8,ann,workload,b,batch,8,0,0,20,30,1,700,10,10,10,10,0.6,1,,COMPLETED
p9,u1,background,b,job,,59,60,150,,,,99,99,50,50,,3,,RUNNING
"""
INTERVALS = """\
qpu,kind,start_s,end_s,session
a,session,11,100,7
a,outage,110,120,
a,reservation,160,180,
a,calibration,180,190,
b,warm_up,0,20,
b,closed,40,140,
b,session,20,30,8
"""
QPUS = {"horizon_s": 200.0, "by_qpu": {"a": {"currency": "USD"}, "b": {"currency": "EUR"}}}


def frames() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows of both tables."""
    return pd.read_csv(io.StringIO(JOBS)), pd.read_csv(io.StringIO(INTERVALS))


def hand_run() -> QpuData:
    """Return the run as arrays."""
    return read_tables(*frames(), QPUS)


def empty_run() -> QpuData:
    """Return a run of one QPU without jobs."""
    none = np.empty(0)
    return QpuData(
        *(none.copy() for _ in range(6)),
        *(np.empty(0, dtype=np.int32) for _ in range(3)),
        np.empty(0, dtype=np.int8),
        np.empty(0, dtype=np.bool_),
        ("a",),
        0.0,
    )


STATES = {state.name: int(state) for state in QpuJobState}
