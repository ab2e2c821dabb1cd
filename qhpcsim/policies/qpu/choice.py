"""What a rule that chooses among QPUs may know."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from qhpcsim.qpu_scenario import QpuChoice


class ServiceView(Protocol):
    """The service at the instant at which a job has to be sent to one of its QPUs; read-only."""

    @property
    def n_qpus(self) -> int:
        """Number of QPUs."""

    def completion_s(self, job: int, qpu: int) -> float:
        """Return when the job is predicted to end there, behind what waits there now."""

    def predicted_s(self, job: int, qpu: int) -> float:
        """Return the time that the job is predicted to take there."""

    def queue_s(self, qpu: int) -> float:
        """Return how long the QPU is predicted to work on what runs and waits there now, pauses included."""

    def fidelity(self, job: int, qpu: int) -> float:
        """Return the job's expected fidelity there now, NaN if nobody said."""

    def stream(self, name: str) -> np.random.Generator:
        """Return a named random stream."""


class Choice(Protocol):
    """Sends each job to a QPU."""

    def __init__(self, view: ServiceView, params: QpuChoice) -> None: ...

    def choose(self, job: int, able: Sequence[int]) -> int:
        """Return one of the QPUs that are able to run the job; at least two are."""


class BatchChoice(ABC):
    """Sends jobs to QPUs batch by batch; until then they wait at the front door.

    Jobs that have no choice, because one QPU only can run them or they name it or their session has it, do not wait.
    """

    max_batch: int
    """A batch is sent when it has so many jobs …"""
    interval_s: float
    """… or when its first job has waited so long."""

    @abstractmethod
    def choose_all(self, jobs: Sequence[int], able: Sequence[Sequence[int]]) -> list[int]:
        """Return one QPU for each job, out of those that are able to run it; jobs in order of arrival."""

    def choose(self, job: int, able: Sequence[int]) -> int:
        """Return the QPU for a batch of one job."""
        return self.choose_all([job], [able])[0]


def known(fidelity: float) -> float:
    """Return a fidelity, with 0 for one that is not known."""
    return fidelity if fidelity == fidelity else 0.0
