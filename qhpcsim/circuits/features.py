"""What a circuit costs: counts, depth and, on a device, how long one shot of it lasts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from qhpcsim.circuits.walk import Step, steps

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

Durations = Callable[[Any, tuple[int, ...]], float | None]
"""(operation, qubits) -> seconds; None: not known."""
_COUNTS = ("n_1q", "n_2q", "n_multi", "n_measurements", "n_resets")


@dataclass(frozen=True, slots=True)
class Features:
    """A circuit in numbers: loops unrolled, definitions expanded, of branches the largest figure of each kind."""

    n_qubits: int
    """Qubits on which something acts; barriers and delays do not count."""
    width: int
    """Qubits declared (on a device: qubits of the device)."""
    n_1q: int
    n_2q: int
    n_multi: int
    """Gates on three or more qubits; 0 once compiled."""
    n_measurements: int
    n_resets: int
    depth: int
    """As ``QuantumCircuit.depth()``: measurements, resets and delays count, barriers align but do not count."""
    dynamic: bool
    """Whether it decides on an outcome, or uses a qubit again after measuring it."""
    duration_s: float | None = None
    """Length of one shot from first gate to last readout; None: no device given, or a time is not on its card."""

    @property
    def n_gates(self) -> int:
        """All unitary gates."""
        return self.n_1q + self.n_2q + self.n_multi

    def vector(self) -> tuple[float, float, float]:
        """Return what the service-time models need: depth, two-qubit gates, qubits."""
        return float(self.depth), float(self.n_2q), float(self.n_qubits)


def features(circuit: QuantumCircuit, durations: Durations | None = None, *, serial: bool = False) -> Features:
    """Return the features of a circuit as it stands; nothing is compiled.

    Args:
        circuit: A checked circuit.
        durations: Time of each instruction; None: ``duration_s`` stays None.
        serial: Gates run one at a time, as in a single ion chain; readouts still run side by side.

    Raises:
        CircuitError: for an endless loop or a gate without a definition.
    """
    tally = _Tally.empty(circuit.num_qubits, circuit.num_clbits)
    _play(steps(circuit), tally, durations, serial)
    ends = None if durations is None or tally.unknown else max(tally.time_s, default=0.0)
    return Features(
        n_qubits=len(tally.used),
        width=circuit.num_qubits,
        depth=max(tally.level, default=0),
        dynamic=tally.dynamic,
        duration_s=ends,
        **tally.counts,
    )


@dataclass(slots=True)
class _Tally:
    """State of the walk: for each qubit, then each classical bit, its depth and the time at which it is free."""

    n_qubits: int
    level: list[int]
    time_s: list[float]
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_COUNTS, 0))
    used: set[int] = field(default_factory=set)
    measured: set[int] = field(default_factory=set)
    dynamic: bool = False
    unknown: bool = False
    gates_end_s: float = 0.0

    @classmethod
    def empty(cls, n_qubits: int, n_clbits: int) -> _Tally:
        """Return the state before the first instruction."""
        n_bits = n_qubits + n_clbits
        return cls(n_qubits, [0] * n_bits, [0.0] * n_bits)

    def copy(self) -> _Tally:
        """Return an independent copy."""
        return _Tally(
            self.n_qubits, self.level[:], self.time_s[:], dict(self.counts), set(self.used), set(self.measured),
            self.dynamic, self.unknown, self.gates_end_s,
        )  # fmt: skip

    def take_largest(self, ways: list[_Tally]) -> None:
        """Become the largest of several ways on, figure by figure."""
        for way in ways:
            self.level = [max(pair) for pair in zip(self.level, way.level, strict=True)]
            self.time_s = [max(pair) for pair in zip(self.time_s, way.time_s, strict=True)]
            self.counts = {name: max(self.counts[name], way.counts[name]) for name in _COUNTS}
            self.used |= way.used
            self.measured |= way.measured
            self.unknown |= way.unknown
            self.gates_end_s = max(self.gates_end_s, way.gates_end_s)


def _play(path: Iterable[Step], tally: _Tally, durations: Durations | None, serial: bool) -> None:
    """Advance the state over instructions, each as early as its bits are free."""
    for step in path:
        bits = [*step.qubits, *(tally.n_qubits + bit for bit in step.clbits)]
        if step.branches:
            _branch(step, tally, durations, serial)
            continue
        kind = _kind(step)
        start_s = max((tally.time_s[bit] for bit in bits), default=0.0)
        if serial and kind in ("n_1q", "n_2q", "n_multi"):
            start_s = max(start_s, tally.gates_end_s)
        lasts = 0.0 if durations is None or kind == "barrier" else durations(step.operation, step.qubits)
        tally.unknown |= lasts is None
        end_s = start_s + (lasts or 0.0)
        if serial and kind in ("n_1q", "n_2q", "n_multi"):
            tally.gates_end_s = end_s
        level = max((tally.level[bit] for bit in bits), default=0) + (kind != "barrier")
        for bit in bits:
            tally.level[bit], tally.time_s[bit] = level, end_s
        _count(step, kind, tally)


def _branch(step: Step, tally: _Tally, durations: Durations | None, serial: bool) -> None:
    """Advance over an if or a switch: nothing in it starts before its condition is known."""
    tally.dynamic = True
    condition = [tally.n_qubits + bit for bit in step.clbits]
    level = max((tally.level[bit] for bit in condition), default=0)
    known_s = max((tally.time_s[bit] for bit in condition), default=0.0)
    for qubit in step.qubits:
        tally.level[qubit] = max(tally.level[qubit], level)
        tally.time_s[qubit] = max(tally.time_s[qubit], known_s)
    ways = [tally.copy() for _ in step.branches]
    for way, branch in zip(ways, step.branches, strict=True):
        _play(branch, way, durations, serial)
    tally.take_largest(ways)


def _kind(step: Step) -> str:
    """Return the count that an instruction adds to, ``delay`` or ``barrier``."""
    name = step.operation.name
    if name == "barrier" or getattr(step.operation, "_directive", False):
        return "barrier"
    special = {"measure": "n_measurements", "reset": "n_resets", "delay": "delay"}.get(name)
    return special or {1: "n_1q", 2: "n_2q"}.get(len(step.qubits), "n_multi")


def _count(step: Step, kind: str, tally: _Tally) -> None:
    if kind in ("barrier", "delay") or not step.qubits:
        return
    tally.counts[kind] += 1
    tally.dynamic |= any(qubit in tally.measured for qubit in step.qubits)
    tally.used.update(step.qubits)
    if kind == "n_measurements":
        tally.measured.update(step.qubits)
