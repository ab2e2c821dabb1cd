"""What a coupling asks for, one action after the other; the middleware carries them out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from qhpcsim.core.hybrid_records import HybridJob
from qhpcsim.scenario import CouplingParams

TOKENS = "qpu"
"""Partition whose nodes are the QPUs, or their tokens, as generic resources of the batch system."""


@dataclass(frozen=True, slots=True)
class Part:
    """Something that a hybrid job asks the batch system for."""

    name: str
    nodes: int
    walltime_s: float
    partition: str = ""
    """Empty: the partition of the job's classical phases."""


@dataclass(frozen=True, slots=True)
class Start:
    """Submit parts, several as one het job, and wait until they run."""

    parts: tuple[Part, ...]
    aged: bool = False
    """They stand in a first-come queue where the hybrid job itself stood, before all who came later."""


@dataclass(frozen=True, slots=True)
class Release:
    """Give a part back."""

    part: str


@dataclass(frozen=True, slots=True)
class Compute:
    """Run the classical phase before call ``k``; ``k = n_calls``: the last one."""

    k: int


@dataclass(frozen=True, slots=True)
class Call:
    """Send call ``k`` to a QPU and wait for its result."""

    k: int
    owned: bool = False
    """The job holds the QPU itself, so the call starts at once and nobody else's is in its way."""
    session: bool = False
    """The call belongs to the job's session, which keeps the QPU between calls; the last call closes it."""


@dataclass(frozen=True, slots=True)
class OpenSession:
    """Wait until the job's QPU session is active."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Hold everything without using it: a launch, a resize."""

    seconds: float
    kind: str = "resize"


@dataclass(frozen=True, slots=True)
class Task:
    """Run the classical phase before call ``k`` on nodes of shared pilots: wait for room, launch, compute."""

    k: int
    launch_s: float = 0.0


Action = Start | Release | Compute | Call | OpenSession | Pause | Task


@dataclass(frozen=True, slots=True)
class PilotPlan:
    """Pilots that several hybrid jobs share."""

    pool: str
    """Jobs that name the same pool share its pilots; these are batch jobs ``POOL.0``, ``POOL.1``, …"""
    count: int
    """At most so many are queued or running at a time."""
    nodes: int
    """Of each; 0: as many as the largest job of the pool needs."""
    walltime_s: float
    partition: str = ""
    """Empty: that of the jobs' classical phases."""


class Coupling:
    """A way of holding resources; the base of all couplings.

    ``steps`` must yield the same actions however often it is asked: the middleware runs it once beforehand to learn
    what will be asked of the batch system.

    Args:
        params: Parameters; a dataclass of the coupling's own.
    """

    def __init__(self, params: CouplingParams) -> None:
        self.params = params

    def steps(self, job: HybridJob) -> Iterator[Action]:
        """Yield what the job does, in order; the next step is asked for when the last one is done."""
        raise NotImplementedError

    def pilots(self, job: HybridJob) -> PilotPlan | None:
        """Return the pilots on which a job's ``Task`` steps run; None: it has none."""
        return None

    def n_tokens(self, n_qpus: int) -> int:
        """Return the nodes of the partition ``qpu`` that it needs for so many QPUs; 0: it needs none."""
        return 0

    def admits(self, job: HybridJob, admitted: Sequence[HybridJob], n_nodes: int) -> bool:
        """Return whether a job may begin beside those that have begun and not ended.

        Args:
            job: The job.
            admitted: The others.
            n_nodes: Nodes of the partition of its classical phases.
        """
        return True
