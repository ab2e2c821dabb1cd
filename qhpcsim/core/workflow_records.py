"""Workflows: stages of tasks with what they need, and in which order they run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.records import FloatArray


class Need(NamedTuple):
    """What one task wants for itself on one node, or on several whole nodes."""

    cores: float = 1.0
    gpus: float = 0.0
    qpus: float = 0.0
    nodes: int = 0
    """Whole nodes of one pilot at the same time (an MPI gang); 0: a part of one node."""


@dataclass(slots=True)
class Bag:
    """n independent tasks for the slots of pilots."""

    run_s: FloatArray
    """(n,) time of each task on its slot, alone on the node, without dispatch and start-up."""
    need: Need = Need()  # noqa: RUF009
    predicted_s: FloatArray | None = None
    """(n,) what its model predicts; None: ``run_s``."""
    fails: NDArray[np.bool_] | None = None
    """(n,) the first attempt raises an error."""
    kind: str = "classical"
    """``sampling``, ``expectation``, ``sub_experiments``, ``classical`` …: a registered ``work`` if it can run."""
    device_class: str = "cpu"
    device: str = ""
    """Card of the device whose model gave the times."""
    circuit: tuple[str, ...] = ()
    """Circuit of each task, or one for all: ``family:n:params``; empty: none."""
    observable: str = ""
    n_qubits: int = 0
    shots: int = 0
    pilot: str = ""
    """Pilot that the application names; empty: the binding decides."""


@dataclass(slots=True)
class ClientWork:
    """Serial work in the application itself: finding cuts, an optimiser's step, a reconstruction."""

    seconds: float
    kind: str = "classical"


@dataclass(slots=True)
class Calls:
    """QPU jobs sent at the same time to the QPU service."""

    qpu_s: FloatArray
    """(n,) or (n, q) time on each QPU."""
    n_circuits: int = 1
    shots: int = 0
    """Of each circuit."""
    n_qubits: int = 0
    mode: str = "job"
    """``job``, ``batch`` or ``session``; a session lasts as long as its workflow."""


Work = Bag | ClientWork | Calls


@dataclass(slots=True)
class Stage:
    """One step of a workflow; its work begins when the stages before it are over."""

    name: str
    work: Work
    after: tuple[int, ...] = ()
    """Stages that must be over, as indices; all lower than this one's own."""


@dataclass(slots=True)
class Workflow:
    """An application: stages in an order that respects ``after``; loops are unrolled."""

    name: str
    motif: str
    stages: list[Stage] = field(default_factory=list)
    submit_s: float = 0.0
    user: str = ""

    def add(self, name: str, work: Work, after: tuple[int, ...] | None = None) -> int:
        """Append a stage and return its index; ``after=None``: it follows the last one."""
        if after is None:
            after = (len(self.stages) - 1,) if self.stages else ()
        self.stages.append(Stage(name, work, after))
        return len(self.stages) - 1
