"""What is asked of circuit cutting: a circuit, the observables wanted, and the limits that a cut must keep."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

from qhpcsim.circuits.cost import BYTES_PER_AMPLITUDE
from qhpcsim.circuits.named import is_named, named_circuit
from qhpcsim.circuits.observable import Observable
from qhpcsim.circuits.qasm import read_circuit
from qhpcsim.core.errors import CircuitError

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

N_EXPERIMENTS_MAX = 200_000
"""Most sub-experiments that are counted; a cut with more is refused whatever the other limits say."""

_ERROR_MIN = 1e-9
"""Smallest standard error that may be asked for; the shots for it are beyond any machine."""
_COEFFICIENT_MAX = 1e9


@dataclass(frozen=True, slots=True)
class CutLimits:
    """Bounds on cuts and on the search for them; a limit of None does not apply."""

    max_cuts: int = 4
    """Gate cuts and wire cuts together."""
    max_width: int | None = None
    """Qubits of the widest part; a wire cut adds one qubit. The uncut circuit must keep it as well."""
    widths: tuple[int, ...] = ()
    """Widths to search a cut for; empty: halves, thirds and quarters of the active qubits, and one qubit more."""
    memory_bytes: int | None = None
    """Memory for one state vector; it bounds the width."""
    precision: str = "double"
    """Of a state vector: ``double`` (16 bytes an amplitude) or ``single`` (8)."""
    target_error: float = 0.01
    """Standard error that every observable must reach, in the observable's own unit."""
    max_shots: int | None = None
    """Shots in all, over all parts and sub-experiments."""
    max_candidates: int = 24
    """Candidates kept, those of the smallest sampling overhead first; the uncut circuit and explicit ones always."""
    max_states: int = 4_000
    """Search states for each width, which bounds the search for cuts without a clock."""
    budget_s: float = 10.0
    """Wall time after which no further width is searched; large, so that results do not depend on the machine."""

    def __post_init__(self) -> None:
        """Refuse limits that nothing can keep."""
        smallest = {"max_cuts": 0, "max_width": 1, "memory_bytes": 1, "max_shots": 1, "max_candidates": 1}
        smallest |= {"max_states": 1}
        for item in fields(self):
            value = getattr(self, item.name)
            if item.name in smallest and value is not None and value < smallest[item.name]:
                raise CircuitError(f"{value}", where=f"cut limit {item.name}", allowed=f"{smallest[item.name]} or more")
        if any(width < 1 for width in self.widths):
            raise CircuitError(f"{list(self.widths)}", where="cut limit widths", allowed="1 or more qubits each")
        if self.precision not in BYTES_PER_AMPLITUDE:
            allowed = ", ".join(BYTES_PER_AMPLITUDE)
            raise CircuitError(f"{self.precision!r}", where="cut limit precision", allowed=allowed)
        if not _ERROR_MIN <= self.target_error < math.inf:
            allowed = f"{_ERROR_MIN:g} or more, such as 0.01"
            raise CircuitError(f"{self.target_error}", where="cut limit target_error", allowed=allowed)
        if not self.budget_s > 0:
            raise CircuitError(f"{self.budget_s}", where="cut limit budget_s", allowed="seconds above 0")

    def width_limit(self) -> int | None:
        """Return the most qubits of a state vector that ``max_width`` and ``memory_bytes`` allow; None: no limit.

        Raises:
            CircuitError: if not even one qubit fits into the memory.
        """
        limits = [] if self.max_width is None else [self.max_width]
        if self.memory_bytes is not None:
            amplitudes = self.memory_bytes // BYTES_PER_AMPLITUDE[self.precision]
            if amplitudes < 2:
                size = 2 * BYTES_PER_AMPLITUDE[self.precision]
                raise CircuitError(
                    f"{self.memory_bytes} bytes hold no qubit",
                    where="cut limit memory_bytes",
                    allowed=f"{size} bytes or more",
                )
            limits.append(amplitudes.bit_length() - 1)
        return min(limits) if limits else None


@dataclass(frozen=True, slots=True)
class CutRequest:
    """A circuit to cut, what is wanted of it, and the limits."""

    circuit: QuantumCircuit
    """As ``read_circuit`` or ``named_circuit`` returns it; final measurements are dropped."""
    observables: tuple[Observable, ...]
    """Each a sum of Pauli strings, one letter for each qubit of the circuit, the last for qubit 0."""
    limits: CutLimits = field(default_factory=CutLimits)
    partitions: tuple[tuple[int | str, ...], ...] = ()
    """Explicit partitions to consider too: for each, one label for each qubit of the circuit, from qubit 0."""
    where: str = "circuit"
    """Name of the circuit for messages."""

    @classmethod
    def of(
        cls,
        source: str,
        observables: Sequence[str],
        limits: CutLimits | None = None,
        partitions: Sequence[Sequence[int | str]] = (),
    ) -> CutRequest:
        """Return the request in a user's words.

        Args:
            source: ``family:n:params``, or the path of an OpenQASM 2 or 3 file.
            observables: Such as ``ZZI + 0.5*IXX``.
            limits: None: the defaults.
            partitions: Labels of all qubits from qubit 0, for each explicit partition, such as ``AABB``.

        Raises:
            QhpcsimError: if the circuit or an observable cannot be read, or they do not fit each other.
        """
        circuit = named_circuit(source) if is_named(source) else read_circuit(source, measure_all=True)
        wanted = tuple(Observable.parse(text) for text in observables)
        labels = tuple(tuple(each) for each in partitions)
        return cls(circuit, wanted, limits or CutLimits(), labels, where=source)

    def __post_init__(self) -> None:
        """Check that everything fits the circuit."""
        n_qubits = self.circuit.num_qubits
        if not self.observables:
            allowed = f"one or more, such as {'Z' * min(n_qubits, 40)}"
            raise CircuitError("no observable: cutting needs to know what is wanted", where=self.where, allowed=allowed)
        for observable in self.observables:
            observable.check_fits(n_qubits, where=f"{self.where}: observable")
            largest = max(abs(value) for _, value in observable.terms)
            if not largest <= _COEFFICIENT_MAX:
                allowed = f"at most {_COEFFICIENT_MAX:g}; scale the observable"
                raise CircuitError(f"a coefficient of {largest:g}", where=f"{self.where}: observable", allowed=allowed)
        for labels in self.partitions:
            if len(labels) != n_qubits:
                raise CircuitError(
                    f"a partition of {len(labels)} labels for a circuit of {n_qubits} qubits",
                    where=self.where,
                    allowed=f"{n_qubits} labels, one for each qubit from qubit 0, such as "
                    + "A" * (n_qubits // 2) + "B" * (n_qubits - n_qubits // 2),
                )  # fmt: skip
