"""Parameters of the couplings."""

from __future__ import annotations

from dataclasses import dataclass

from qhpcsim.scenario import CouplingParams


@dataclass(frozen=True)
class TokenParams(CouplingParams):
    """Jobs that share QPUs through tokens."""

    name: str = "vqpu"
    tokens: int = 2
    """Tokens of each QPU."""


@dataclass(frozen=True)
class SplitParams(CouplingParams):
    """Jobs that are cut into pieces."""

    name: str = "split"
    launch_s: float = 0.0
    """Time that each piece takes to begin, on its nodes."""
    walltime_factor: float = 1.5
    """Walltime that a piece asks for, over what it needs."""


@dataclass(frozen=True)
class PilotParams(CouplingParams):
    """Jobs that send their classical phases into pilots which they share."""

    name: str = "pilot"
    pilots: int = 1
    """Pilots that may be queued or running at a time, of each pool."""
    pilot_nodes: int = 0
    """Nodes of a pilot; 0: those of the largest hybrid job."""
    walltime_s: float = 86400.0
    """Walltime of a pilot; it is renewed when a phase finds no room after that."""
    launch_s: float = 0.0
    """Time that each phase takes to begin, on its nodes."""
    per_user: bool = False
    """Every user has pilots of their own; False: all hybrid jobs share them."""


@dataclass(frozen=True)
class MalleableParams(CouplingParams):
    """Jobs that give nodes back and take them again."""

    name: str = "malleable"
    resize_s: float = 0.0
    """Time that a resize takes, on all nodes, each time the job grows again."""
    walltime_factor: float = 1.5
    """Walltime that the returning nodes are asked for, over what is needed."""
