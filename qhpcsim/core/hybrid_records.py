"""Hybrid jobs: loops of a classical phase on nodes and a call to a QPU, and what became of them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from qhpcsim.core.records import FloatArray, JobTable


@dataclass(slots=True)
class HybridJob:
    """One hybrid job: ``n_calls`` times a classical phase and a QPU call, then a last classical phase."""

    name: str
    submit_s: float
    nodes: int
    """Nodes of each classical phase."""
    cpu_s: FloatArray
    """(n_calls,) length of the classical phase before each call."""
    qpu_s: FloatArray
    """(n_calls,) or (n_calls, q) time of each call on a QPU."""
    last_s: float = 0.0
    """Classical phase after the last call."""
    walltime_s: float = np.inf
    """Walltime that it asks for."""
    min_nodes: int = 1
    """Nodes that a malleable job keeps while its QPU calls run."""
    partition: str = ""
    """Partition of the classical phases; empty: the first one."""
    user: str = ""

    @property
    def n_calls(self) -> int:
        """Number of QPU calls."""
        return len(self.cpu_s)


@dataclass(slots=True)
class HybridRun:
    """What became of one hybrid job; times on the simulation's axis, NaN where a thing never happened."""

    started_s: float = np.nan
    """First classical phase began."""
    ended_s: float = np.nan
    state: str = "QUEUED"
    """COMPLETED, WALLTIME (its allocation ended first), FAILED (the QPU service refused a call), QUEUED or RUNNING."""
    phases: list[tuple[str, float, float]] = field(default_factory=list)
    """(kind, start, end): ``queue`` (waits for nodes), ``cpu``, ``qpu_wait``, ``qpu``, ``launch``, ``resize``."""
    held: list[tuple[str, int, float, float]] = field(default_factory=list)
    """(part, nodes, start, end) of everything it had allocated."""


@dataclass(slots=True)
class HybridWork:
    """A workload with hybrid jobs: what generators give back instead of a plain table."""

    table: JobTable
    """Rigid jobs beside them."""
    jobs: list[HybridJob]
