"""What workflows ask device models: how long circuits take on a simulator or on the QPUs of a service."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

import numpy as np

from qhpcsim.core.errors import ConfigError
from qhpcsim.core.records import FloatArray


@dataclass(frozen=True, slots=True)
class CircuitRun:
    """What one task, or one QPU job, runs."""

    circuit: str
    """``family:n:params``."""
    shots: int = 0
    """Of each circuit; simulators need none for an expectation value, which they give exactly."""
    observable: str = ""
    """Sum of Pauli strings whose expectation value is wanted; empty: outcomes are counted."""
    n_circuits: int = 1
    """Copies of the circuit, one after the other."""
    stretch: float = 1.0
    """Mean length of the copies over the circuit's own: gates that are folded make it longer."""

    def __post_init__(self) -> None:
        if not self.shots and not self.observable:
            raise ConfigError("neither shots nor an observable", where=self.circuit)

    @property
    def n_qubits(self) -> int:
        """Width that the circuit's name states."""
        return int(self.circuit.split(":")[1])

    @property
    def kind(self) -> str:
        """Registered ``work`` that does it for real."""
        return "expectation" if self.observable else "sampling"


@dataclass(frozen=True, slots=True)
class Simulator:
    """Devices that simulate circuits for one task."""

    device_class: str
    """``cpu`` or ``gpu``."""
    card: str
    """Calibration card of the device."""
    n_devices: int = 1
    """Devices that hold one state vector together."""
    cluster: str = ""
    """Card of the links between them, where there are several."""

    @classmethod
    def of(cls, text: str, where: str = "device") -> Simulator:
        """Return the simulator called ``cpu:CARD`` or ``gpu:CARD``.

        Raises:
            ConfigError: for anything else.
        """
        device_class, _, card = text.partition(":")
        if device_class not in ("cpu", "gpu") or not card:
            raise ConfigError(f"{text!r}", where=where, allowed=f"cpu:CARD, gpu:CARD or {QPU}")
        return cls(device_class, card)

    def several(self, n_devices: int, cluster: str) -> Simulator:
        """Return so many of the same devices."""
        return replace(self, n_devices=n_devices, cluster=cluster)


QPU = "qpu"
"""Device of circuits that go to the QPU service."""


class Answer(NamedTuple):
    """Times of n equal runs."""

    drawn_s: FloatArray
    """(n,) or, from a QPU service, (n, q): one time on each QPU, infinite where it cannot run the job."""
    predicted_s: FloatArray
    """The same shape: the models' medians."""
    run: CircuitRun
    """What is really run: error mitigation asks for more than the application."""
    sigma: float = 0.0
    """Standard deviation of the logarithm of a time about its median, as the model states it."""
    fidelity: FloatArray | None = None
    """(q,) expected of a run on each QPU of a service, NaN where nobody knows; None: nobody said."""
    cost: FloatArray | None = None
    """(q,) predicted price of a run on each QPU, in the service's first currency; NaN where none is known."""


class CircuitTimes(Protocol):
    """Seconds for circuits on devices."""

    def simulated(self, run: CircuitRun, n: int, device: Simulator, rng: np.random.Generator) -> Answer:
        """Return the times of n runs on a simulator; a random factor for each.

        Raises:
            QhpcsimError: if the circuit or the card is wrong, or the state does not fit.
        """

    def qpu(self, run: CircuitRun, n: int, rng: np.random.Generator) -> Answer:
        """Return the times of n QPU jobs on every QPU of the service.

        Raises:
            QhpcsimError: if the circuit is wrong.
        """


@dataclass(frozen=True, slots=True)
class ConstantTimes:
    """The same time for every circuit: for tests and what-if studies.

    Model:
        seconds = time a circuit · copies · stretch; nothing is random.
    Assumes:
        Neither width nor shots matter.
    Not modelled:
        Devices.
    Source:
        none needed.
    """

    simulated_s: float = 1.0
    qpu_s: float = 1.0

    def simulated(self, run: CircuitRun, n: int, device: Simulator, rng: np.random.Generator) -> Answer:
        """Return the times of n runs on a simulator."""
        return _constant(self.simulated_s, run, n)

    def qpu(self, run: CircuitRun, n: int, rng: np.random.Generator) -> Answer:
        """Return the times of n QPU jobs."""
        return _constant(self.qpu_s, run, n)


def _constant(seconds: float, run: CircuitRun, n: int) -> Answer:
    each_s = np.full(n, seconds * run.n_circuits * run.stretch)
    return Answer(each_s, each_s.copy(), run)
