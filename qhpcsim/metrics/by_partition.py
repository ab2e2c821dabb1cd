"""What each partition did; jobs, node-seconds and joules of the partitions add up to the facility's."""

from __future__ import annotations

import numpy as np

from qhpcsim.metrics.energy import energies_j
from qhpcsim.metrics.machine import busy_node_s
from qhpcsim.metrics.run_data import RunData
from qhpcsim.metrics.waiting import mean


def by_partition(run: RunData) -> dict[str, dict[str, float | int | None]]:
    """Return nodes, jobs, held node-seconds, utilisation, mean wait and energy of every partition.

    Rejected jobs were sent to no partition and appear in none.
    """
    busy, energies = busy_node_s(run), energies_j(run)
    table: dict[str, dict[str, float | int | None]] = {}
    for k, (name, partition) in enumerate(run.partitions.items()):
        members = run.schedule.partition == k
        held = float(np.sum(busy[members]))
        capacity = partition.nodes * run.window_s
        table[name] = {
            "nodes": partition.nodes,
            "n_jobs": int(members.sum()),
            "n_finished": int((members & run.finished).sum()),
            "busy_node_s": held,
            "utilisation_frac": held / capacity if capacity > 0 else None,
            "mean_wait_s": mean(run.wait_s[members & run.started]),
            "energy_j": energies[k],
        }
    return table
