"""Workflows: stages of tasks with what they need, in which order they run, and what applications ask for."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.records import FloatArray, IntArray, JobTable


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
    sigma: float = math.nan
    """Standard deviation of ln time about the prediction, as its model states it; NaN: not stated."""
    fails: NDArray[np.bool_] | None = None
    """(n,) the first attempt raises an error."""
    kind: str = "classical"
    """``sampling``, ``expectation``, ``sub_experiments``, ``classical`` …: a registered ``work`` if it can run."""
    device_class: str = "cpu"
    device: str = ""
    """Card of the device whose model gave the times."""
    circuit: tuple[str, ...] = ()
    """Circuit of each task, or one for all: ``family:n:params``; an empty text, or none: no circuit."""
    observable: str = ""
    n_circuits: IntArray | None = None
    """(n,) copies of its circuit that each task runs; None: one."""
    shots: int = 0
    """Of each circuit."""
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
    predicted_s: FloatArray | None = None
    """The same shape: what the models predict; None: ``qpu_s``."""
    circuit: str = ""
    observable: str = ""
    n_circuits: int = 1
    """In each job."""
    shots: int = 0
    """Of each circuit."""
    n_qubits: int = 0
    mode: str = "job"
    """``job``, ``batch`` or ``session``; a session lasts until the last of its workflow's calls is back."""
    fidelity: FloatArray | None = None
    """(q,) expected of each job on each QPU, NaN where its card states no errors; None: nobody said."""
    cost: FloatArray | None = None
    """(q,) predicted price of each job on each QPU, NaN where none is known; None: nobody said."""
    min_fidelity: float = math.nan
    """QPUs with a lower or an unknown expected fidelity do not take the jobs; NaN: any will do."""


@dataclass(slots=True)
class Alternative:
    """One way of doing what a stage is for: a workflow of its own, which must not hold a choice itself."""

    name: str
    flow: Workflow | None = None
    """What is run; None: ``make`` says."""
    make: Callable[[int], Workflow] | None = None
    """Workers that are free when the choice is made -> what is run; equal numbers give equal workflows."""
    worker: Need = Need()  # noqa: RUF009
    """What ``make`` counts: slots for such a task."""
    parts: int = 1
    """Results that are multiplied into one, as those of a cut circuit's parts are; so are their fidelities."""
    why_not: str = ""
    """Why it can never be taken, such as a state that does not fit the device; empty: it can."""

    def flow_for(self, n_workers: int) -> Workflow:
        """Return what is run, given the workers that are free."""
        if self.make is not None:
            return self.make(n_workers)
        return self.flow if self.flow is not None else Workflow("", "")


@dataclass(slots=True)
class Choice:
    """Several ways of doing the same thing; a placement policy takes one when the stage begins."""

    alternatives: tuple[Alternative, ...]
    """In the order in which ties are broken."""


Work = Bag | ClientWork | Calls | Choice


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
    load_s: float = 0.0
    """Loading the application on a node of its pilots, once for all workers there."""

    def add(self, name: str, work: Work, after: tuple[int, ...] | None = None) -> int:
        """Append a stage and return its index; ``after=None``: it follows the last one."""
        if after is None:
            after = (len(self.stages) - 1,) if self.stages else ()
        self.stages.append(Stage(name, work, after))
        return len(self.stages) - 1

    def join(self, other: Workflow, prefix: str = "") -> None:
        """Append all stages of another workflow; those that wait for nothing wait for the last stages of this one."""
        self.load_s = max(self.load_s, other.load_s)
        shift = len(self.stages)
        waited = {before for stage in self.stages for before in stage.after}
        ends = tuple(k for k in range(shift) if k not in waited)
        for stage in other.stages:
            after = tuple(k + shift for k in stage.after) or ends
            self.stages.append(Stage(prefix + stage.name, stage.work, after))

    def needs(self) -> list[Need]:
        """Return what its tasks need of pilots, each need once, in order of appearance."""
        return list(dict.fromkeys(stage.work.need for stage in self.stages if isinstance(stage.work, Bag)))


@dataclass(frozen=True, slots=True)
class PilotAsk:
    """A pilot that an application asks for when it is submitted."""

    partition: str
    nodes: int = 1
    walltime_s: float = 0.0
    """0: ``walltime_factor`` times what the application is predicted to take on its pilots."""
    cores_per_node: int = 0
    """Slots for cores on each node; 0: the partition's cores."""
    reserve: bool = False
    """Submitted only if a scaling policy asks for it."""


@dataclass(slots=True)
class Application:
    """An application of a workload: its workflow is made of it once the devices are known."""

    name: str
    motif: str
    """Registered name."""
    params: Any
    """Dataclass of the motif's parameters."""
    submit_s: float = 0.0
    user: str = ""
    pilots: tuple[PilotAsk, ...] = ()
    """Its own; empty: it uses those of ``pool``, or none."""
    pool: str = ""
    """Applications that name the same pool share the pilots of all of them; empty: a pool of its own."""
    walltime_factor: float = 2.0
    """What a user asks for over what the models predict, where a pilot's walltime is not given."""


@dataclass(slots=True)
class WorkflowWork:
    """A workload with applications: what generators give back instead of a plain table."""

    table: JobTable
    """Rigid jobs beside them."""
    applications: list[Application]
    """In order of submission."""
