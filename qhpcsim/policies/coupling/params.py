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
class MalleableParams(CouplingParams):
    """Jobs that give nodes back and take them again."""

    name: str = "malleable"
    resize_s: float = 0.0
    """Time that a resize takes, on all nodes, each time the job grows again."""
    walltime_factor: float = 1.5
    """Walltime that the returning nodes are asked for, over what is needed."""
