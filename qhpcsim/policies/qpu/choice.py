"""What a rule that chooses among QPUs may know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from qhpcsim.qpu_scenario import QpuChoice


class ServiceView(Protocol):
    """The service at the instant at which a job has to be sent to one of its QPUs; read-only."""

    @property
    def n_qpus(self) -> int:
        """Number of QPUs."""

    def completion_s(self, job: int, qpu: int) -> float:
        """Return when the job is predicted to end there, behind what waits there now."""

    def fidelity(self, job: int, qpu: int) -> float:
        """Return the job's expected fidelity there, NaN if nobody said."""


class Choice(Protocol):
    """Sends each job to a QPU."""

    def __init__(self, view: ServiceView, params: QpuChoice) -> None: ...

    def choose(self, job: int, able: Sequence[int]) -> int:
        """Return one of the QPUs that are able to run the job; at least two are."""


def known(fidelity: float) -> float:
    """Return a fidelity, with 0 for one that is not known."""
    return fidelity if fidelity == fidelity else 0.0
