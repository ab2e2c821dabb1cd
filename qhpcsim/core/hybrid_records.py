"""Hybrid jobs: loops of a classical phase on nodes and a call to a QPU, and what became of them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from qhpcsim.core.records import FloatArray, JobTable

POOL = "pilot"
"""Pool of pilots that all hybrid jobs share; that of one user is called ``pilot-USER``. Its batch jobs: ``POOL.K``."""
STOPPED = ("WALLTIME", "FAILED")
"""States of a hybrid job that ended before its last step."""


@dataclass(frozen=True, slots=True)
class CallSize:
    """What one call asks of a QPU; layers, gates and qubits are those of each circuit."""

    n_circuits: int = 1
    shots: int = 1000
    """Of each circuit."""
    depth: int = 0
    """Layers."""
    n_2q: int = 0
    """Two-qubit gates."""
    n_qubits: int = 1


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
    """(n_calls,) or (n_calls, q) time of each call on a QPU; inf where it cannot run."""
    last_s: float = 0.0
    """Classical phase after the last call."""
    walltime_s: float = np.inf
    """Walltime that it asks for."""
    min_nodes: int = 1
    """Nodes that a malleable job keeps while its QPU calls run."""
    partition: str = ""
    """Partition of the classical phases; empty: the first one."""
    user: str = ""
    call: CallSize | None = None
    """What each of its calls asks of a QPU, for fidelity, cost and limits; None: nobody says."""
    min_fidelity: float = np.nan
    """QPUs with a lower or an unknown expected fidelity do not take its calls; NaN: any will do."""

    @property
    def n_calls(self) -> int:
        """Number of QPU calls."""
        return len(self.cpu_s)

    @property
    def least_qpu_s(self) -> FloatArray:
        """(n_calls,) time of each call on the QPU that is fastest for it."""
        return self.qpu_s if self.qpu_s.ndim == 1 else self.qpu_s.min(axis=1)

    def phase_s(self, k: int) -> float:
        """Return the length of the classical phase before call ``k``; ``k = n_calls``: of the last one."""
        return float(self.cpu_s[k]) if k < self.n_calls else self.last_s


@dataclass(slots=True)
class HybridRun:
    """What became of one hybrid job; times on the simulation's axis, NaN where a thing never happened."""

    started_s: float = np.nan
    """First classical phase began."""
    ended_s: float = np.nan
    state: str = "QUEUED"
    """COMPLETED, WALLTIME (its allocation ended first), FAILED (a call was refused or failed, or a node did), QUEUED or
    RUNNING."""
    phases: list[tuple[str, float, float]] = field(default_factory=list)
    """(kind, start, end): ``queue`` (waits for nodes), ``cpu``, ``qpu_wait``, ``qpu``, ``launch``, ``resize``.

    Of a job that was stopped, the last one is what it was at, cut short.
    """
    held: list[tuple[str, int, float, float]] = field(default_factory=list)
    """(part, nodes, start, end) of everything it had allocated."""
    shared_node_s: float = 0.0
    """Its share of the node time of pilots, in proportion to what its classical phases used of it."""


@dataclass(slots=True)
class HybridWork:
    """A workload with hybrid jobs: what generators give back instead of a plain table."""

    table: JobTable
    """Rigid jobs beside them."""
    jobs: list[HybridJob]
