"""A motif under a coupling: its workflow as a hybrid job that goes round between nodes and a QPU."""

from __future__ import annotations

import numpy as np

from qhpcsim.core.errors import ConfigError
from qhpcsim.core.hybrid_records import HybridJob
from qhpcsim.core.records import FloatArray
from qhpcsim.core.workflow_records import Calls, ClientWork, Workflow


def as_hybrid_job(flow: Workflow, nodes: int, walltime_s: float = np.inf, partition: str = "") -> HybridJob:
    """Return a chain of client work and QPU calls as a hybrid job, for couplings.

    The client's work between two calls is a classical phase on all of the job's nodes; jobs that a stage sends at the
    same time are one call of their added time.

    Args:
        flow: Every stage follows the one before; no tasks for pilots.
        nodes: Nodes of each classical phase.
        walltime_s: Walltime that it asks for.
        partition: Of the nodes; empty: the first one.

    Raises:
        ConfigError: for a workflow of another shape.
    """
    cpu_s, qpu_s, since_s = [], [], 0.0
    for k, stage in enumerate(flow.stages):
        work = stage.work
        if stage.after != ((k - 1,) if k else ()) or not isinstance(work, ClientWork | Calls):
            raise ConfigError(
                f"stage {stage.name} of {flow.name} ({flow.motif}) is no client work or QPU call in a chain",
                where="coupling",
                allowed="motifs such as vqe and qaoa on a QPU",
                hint="give it pilots instead",
            )
        if isinstance(work, ClientWork):
            since_s += work.seconds
        elif len(work.qpu_s):
            cpu_s.append(since_s)
            qpu_s.append(_together(work.qpu_s))
            since_s = 0.0
    return HybridJob(
        name=flow.name,
        submit_s=flow.submit_s,
        nodes=nodes,
        cpu_s=np.array(cpu_s),
        qpu_s=np.array(qpu_s),
        last_s=since_s,
        walltime_s=walltime_s,
        partition=partition,
        user=flow.user,
    )


def _together(qpu_s: FloatArray) -> FloatArray:
    """Return the added time of jobs on each QPU."""
    return np.asarray(qpu_s.reshape(len(qpu_s), -1).sum(axis=0))
