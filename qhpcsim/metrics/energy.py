"""Energy of jobs, partitions and the facility, as the exact integral of power over the window.

Model: a node draws ``idle_w`` always and ``busy_w`` instead while a job holds it (on shared nodes: in proportion to the
    share of its cores that jobs hold).
    Partition: E = idle_w N T + (busy_w - idle_w) sum_j n_j h_j, with N nodes, window length T, node share n_j and
    holding time h_j. Job: E_j = n_j busy_w h_j; the rest of a partition's energy is what its idle nodes drew.
Assumes: power has two levels; all partitions are switched on over the whole window.
Not modelled: sleep states, ramps, cooling, power that depends on the load within a job.
Source: Batsim's host energy model with two states, https://batsim.readthedocs.io.
"""

from __future__ import annotations

import math

import numpy as np

from qhpcsim.core.records import FloatArray
from qhpcsim.metrics.machine import busy_node_s
from qhpcsim.metrics.metric import metric
from qhpcsim.metrics.run_data import RunData
from qhpcsim.scenario import Partition

ENERGY_OFF = -1.0
"""What a job's energy reads where its partition states no ``busy_w`` (Batsim's convention)."""


def job_energy_j(run: RunData) -> FloatArray | None:
    """Return the (n,) energy of each job in joules, or None if no partition states its power.

    NaN for jobs that did not finish; ``ENERGY_OFF`` on a partition without power.
    """
    powers = [p.busy_w for p in run.partitions.values()]
    if all(power is None for power in powers):
        return None
    by_partition = np.array([np.nan if power is None else power for power in powers] + [np.nan])
    energy = busy_node_s(run) * by_partition[run.schedule.partition]
    energy = np.where(np.isnan(energy), ENERGY_OFF, energy)
    return np.where(run.finished, energy, np.nan)


def partition_energy_j(partition: Partition, busy: float, window_s: float) -> float | None:
    """Return the energy of one partition in joules, or None if it states no ``busy_w``.

    Args:
        partition: Its nodes and watts; a missing ``idle_w`` counts as 0 W.
        busy: Node-seconds that jobs held.
        window_s: Length of the window, in seconds.
    """
    if partition.busy_w is None:
        return None
    idle_w = partition.idle_w or 0.0
    return idle_w * partition.nodes * window_s + (partition.busy_w - idle_w) * busy


def energies_j(run: RunData) -> list[float | None]:
    """Return the energy of every partition in their order, in joules."""
    busy = busy_node_s(run)
    return [
        partition_energy_j(partition, float(np.sum(busy[run.schedule.partition == k])), run.window_s)
        for k, partition in enumerate(run.partitions.values())
    ]


@metric("energy_j", "J", "sum over partitions of idle_w N T + (busy_w - idle_w) x held node-seconds")
def energy_j(run: RunData) -> float | None:
    """Return the energy of all partitions that state their power, in joules; None if none does."""
    known = [energy for energy in energies_j(run) if energy is not None]
    return math.fsum(known) if known else None
