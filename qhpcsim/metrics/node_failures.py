"""What the failures and outages of nodes did to a run; absent where nodes never go away."""

from __future__ import annotations

from typing import Any

import numpy as np

from qhpcsim.core.records import JobState
from qhpcsim.metrics.machine import busy_node_s
from qhpcsim.metrics.run_data import RunData

HOUR_S = 3600.0


def node_failures(run: RunData) -> dict[str, dict[str, Any]]:
    """Return ``{"node_failures": figures}``, or nothing for a machine whose nodes never go away.

    Model: restarts count lost runs after which a job began again; lost node-hours are those of these runs and of the
        jobs that were killed because they lost a node. Availability and the utilisation of available nodes are over
        the window of the run: 1 - down / (m T), and held / (m T - down), node-seconds each.
    """
    schedule = run.schedule
    if schedule.lost is None or schedule.down is None:
        return {}
    first, last = run.window
    inside = np.minimum(schedule.down.end_s, last) - np.maximum(schedule.down.start_s, first)
    down_s, area = float(np.sum(np.maximum(inside, 0.0))), run.n_nodes * run.window_s
    killed = np.flatnonzero(schedule.state == JobState.COMPLETED_KILLED)
    lost_s = float(np.sum(run.lost_node_s) + np.sum((run.share_nodes * run.hold_s)[killed]))
    figures = {
        "n_absences": len(schedule.down.node),
        "down_node_h": down_s / HOUR_S,
        "availability_frac": 1.0 - down_s / area if area > 0 else None,
        "available_utilisation_frac": float(np.sum(busy_node_s(run))) / (area - down_s) if area > down_s else None,
        "n_restarts": len(schedule.lost.job),
        "n_jobs_restarted": len(np.unique(schedule.lost.job)),
        "n_killed_by_failure": len(killed),
        "lost_node_h": lost_s / HOUR_S,
    }
    return {"node_failures": figures}
