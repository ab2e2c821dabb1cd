"""What a circuit task is given and what it gives back, as plain values that any worker can read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qhpcsim.core.errors import CircuitError, ConfigError, shorten

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

PRECISIONS = ("double", "single")
DEVICES = {"cpu": "CPU", "gpu": "GPU"}
"""Class of device in a table of tasks -> Aer's word for it."""


@dataclass(frozen=True, slots=True)
class CircuitTask:
    """Circuits to simulate on one worker.

    Args:
        circuits: Each an OpenQASM text, ``family:n:params``, or QPY bytes made by this program (never from a file).
        shots: Shots of each circuit, one number for all or one for each; 0 with an observable: exact values.
        observable: Sum of Pauli strings such as ``ZZI`` or ``ZZI + 0.5*IXX``, last letter on qubit 0; "": measure.
        seed: From ``execution.seeds``; a circuit's own seed is drawn from it.
        threads: Threads of the simulator.
        precision: ``double`` or ``single``.
        device_class: ``cpu`` or ``gpu``.
        repeats: Timed runs of each circuit; the shortest counts, and the values of the first.
    """

    circuits: tuple[str | bytes, ...]
    shots: int | tuple[int, ...] = 1024
    observable: str = ""
    seed: int = 0
    threads: int = 1
    precision: str = "double"
    device_class: str = "cpu"
    repeats: int = 1

    def __post_init__(self) -> None:
        if not self.circuits:
            raise ConfigError("no circuits", where="circuits", allowed="one or more")
        if self.precision not in PRECISIONS:
            raise ConfigError(f"{self.precision!r}", where="precision", allowed=", ".join(PRECISIONS))
        if self.device_class not in DEVICES:
            raise ConfigError(f"{self.device_class!r}", where="device_class", allowed=", ".join(DEVICES))
        if isinstance(self.shots, tuple) and len(self.shots) != len(self.circuits):
            raise ConfigError(f"{len(self.shots)} numbers", where="shots", allowed=f"{len(self.circuits)}, or one")
        if min(self.shots_each) < (0 if self.observable else 1):
            raise ConfigError(f"{min(self.shots_each)}", where="shots", allowed="1 or more (0 with an observable)")
        if self.threads < 1 or self.repeats < 1:
            raise ConfigError(f"{min(self.threads, self.repeats)}", where="threads, repeats", allowed="1 or more")

    @property
    def shots_each(self) -> tuple[int, ...]:
        """Shots of each circuit."""
        return self.shots if isinstance(self.shots, tuple) else (self.shots,) * len(self.circuits)


@dataclass(frozen=True, slots=True)
class CircuitResult:
    """What one circuit gave."""

    n_qubits: int
    counts: dict[str, int]
    """Bits as Qiskit writes them -> shots; empty for an expectation value."""
    value: float | None
    """Expectation value of the observable; None: it was measured instead."""
    seconds: float
    """Wall time of one warm ``run(…).result()`` on the circuit compiled at level 0; the shortest of the repeats, as in
    calibration: the one that other work on the machine disturbed least."""
    cpu_s: float
    """Least processor time of a run; well below ``seconds`` with one thread: other work had the core."""
    prepare_s: float
    """Time to read and compile the circuit before that."""


def open_circuit(source: str | bytes, where: str = "circuit") -> QuantumCircuit:
    """Return the circuit that a task names or carries.

    Raises:
        QhpcsimError: if it cannot be read.
    """
    if isinstance(source, bytes):
        return _from_qpy(source, where)
    from qhpcsim.circuits.limits import LIMITS
    from qhpcsim.circuits.named import named_circuit
    from qhpcsim.circuits.qasm2 import read_qasm2
    from qhpcsim.circuits.qasm3 import read_qasm3
    from qhpcsim.circuits.source import program

    if ";" not in source:
        return named_circuit(source, where)
    found = program(source.encode(), where, LIMITS)
    return read_qasm2(found, LIMITS) if found.language == 2 else read_qasm3(found, LIMITS, {})


def qpy_bytes(circuit: QuantumCircuit) -> bytes:
    """Return a circuit as a task carries it between processes of one program."""
    import io

    from qiskit import qpy

    stream = io.BytesIO()
    qpy.dump(circuit, stream)
    return stream.getvalue()


def _from_qpy(data: bytes, where: str) -> QuantumCircuit:
    import io

    from qiskit import qpy

    try:
        found: QuantumCircuit = qpy.load(io.BytesIO(data))[0]
    except Exception as error:
        raise CircuitError(f"the QPY cannot be read: {shorten(error, 120)}", where=where) from None
    return found
