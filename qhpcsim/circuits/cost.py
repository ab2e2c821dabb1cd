"""What simulating a circuit's state vector takes, read off the circuit without running it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qhpcsim.circuits.fusion import fuse
from qhpcsim.circuits.gates import Gate
from qhpcsim.circuits.lightcone import active, flat
from qhpcsim.circuits.observable import Observable
from qhpcsim.circuits.walk import Step, standard_gates, steps

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

DEFAULT_SHOTS = 1024
"""Shots of Aer where none are given; they count only where every shot is simulated."""
BYTES_PER_AMPLITUDE = {"single": 8, "double": 16}
_IDLE = frozenset({"idle", "branch"})
_OTHER = frozenset({"barrier", "delay", "measure", "reset"})


@dataclass(frozen=True, slots=True)
class CircuitCost:
    """A circuit as a state-vector simulator sees it: what runs, on how large a state, how often."""

    n_qubits: int
    """Qubits declared."""
    n_active: int
    """Qubits of the state vector: those that a result depends on."""
    n_plain: int
    """Gates without an angle, and matrices, handed to the simulator; also those that it drops."""
    n_parametric: int
    """Gates with angles handed to it."""
    n_controlled: int
    """Controlled gates with angles handed to it: Qiskit makes them anew from their parts."""
    n_other: int
    """Measurements, barriers and all other instructions handed to it."""
    gates: tuple[Gate, ...]
    """Instructions inside the light cone, before fusion; qubits are counted from 0 to ``n_active`` − 1."""
    operations: tuple[Gate, ...]
    """What is applied to the state, after fusion, measurements of sampled outcomes left out."""
    n_measured: int
    """Measurements that are sampled from the final state."""
    outcome_bits: int
    """Measured bits that can differ between shots: at most one for each qubit that a gate brings into superposition."""
    n_z_terms: int
    """Pauli terms of I and Z only whose expectation value is wanted."""
    n_x_terms: int
    """The other Pauli terms."""
    shots: int
    sampleable: bool
    """Whether one simulation serves all shots; if not, every shot is simulated."""
    precision: str = "double"

    @property
    def n_simulations(self) -> int:
        """Times that the operations are applied to a fresh state."""
        return 1 if self.sampleable else self.shots

    @property
    def fused(self) -> bool:
        """Whether fusion changed anything."""
        return len(self.operations) + self.n_measured != len(self.gates)

    @property
    def state_bytes(self) -> int:
        """Size of one state vector."""
        return BYTES_PER_AMPLITUDE[self.precision] << self.n_active

    def memory_bytes(self, threads: int = 1) -> int:
        """Return the size of all state vectors held at once: shots that are simulated run side by side."""
        return self.state_bytes * max(1, min(threads, self.n_simulations))

    def histogram(self) -> dict[tuple[str, int], float]:
        """Return how often each (kernel, number of qubits) is applied in one simulation, in sorted order."""
        counts: Counter[tuple[str, int]] = Counter()
        for operation in self.operations:
            if operation.kernel not in _IDLE:
                counts[operation.kernel, len(operation.qubits)] += operation.weight  # type: ignore[assignment]
        return dict(sorted(counts.items()))


def circuit_cost(
    circuit: QuantumCircuit,
    *,
    shots: int = DEFAULT_SHOTS,
    observable: Observable | None = None,
    threads: int = 1,
    precision: str = "double",
) -> CircuitCost:
    """Return the cost features of a circuit in the simulator's own gates; nothing is compiled or run.

    An observable is saved on the qubits on which it acts, as ``simulator.with_observable`` does.

    Args:
        circuit: A circuit in the simulator's gates, as ``simulator.for_simulator`` returns it.
        shots: Number of shots; with an observable they count only if the state is random.
        observable: Save its expectation value at the end, in place of final measurements.
        threads: Threads of the simulator; they cut very long circuits into pieces before fusion.
        precision: ``double`` or ``single``.

    Raises:
        CircuitError: for an endless loop, or an observable that does not fit the circuit.
    """
    saved: tuple[int, ...] = ()
    if observable is not None:
        observable.check_fits(circuit.num_qubits)
        circuit, saved = circuit.remove_final_measurements(inplace=False), observable.qubits()
    instructions = flat(steps(circuit))
    kept = active(instructions, saved)
    place = {qubit: i for i, qubit in enumerate(kept.qubits)}
    gates = [item._replace(qubits=tuple(place[q] for q in item.qubits)) for item in kept.gates]
    ends = [Gate("save", "save", (), fusible=False)] if saved else []
    fused = fuse([*gates, *ends], len(kept.qubits), threads)
    operations = [op for op in fused if op.kernel != "save" and not (kept.sampleable and op.kernel == "measure")]
    if abs(float(circuit.global_phase)) > 1e-12 and kept.qubits:
        operations.insert(0, Gate("global_phase", "diagonal", (0,), diagonal=True))
    n_measured = sum(g.kernel == "measure" for g in gates) if kept.sampleable else 0
    n_z, n_x = (0, 0) if observable is None else observable.counts()
    return CircuitCost(
        n_qubits=circuit.num_qubits,
        n_active=len(kept.qubits),
        **_handed_over(circuit, len(ends)),
        gates=tuple(gates),
        operations=tuple(operations),
        n_measured=n_measured,
        outcome_bits=min(n_measured, sum(_branching(g) for g in gates)),
        n_z_terms=n_z,
        n_x_terms=n_x,
        shots=shots,
        sampleable=kept.sampleable,
        precision=precision,
    )


def _branching(item: Gate) -> int:
    """Return how many qubits a gate can bring from a basis state into superposition."""
    if item.kernel == "matrix":
        return 0 if item.mapping is not None else len(item.qubits)
    return {"controlled": int(not item.diagonal), "initialize": len(item.qubits)}.get(item.kernel, 0)


def _handed_over(circuit: QuantumCircuit, n_saves: int) -> dict[str, int]:
    """Return how many instructions of each kind the simulator is given."""
    kinds = dict.fromkeys(("n_plain", "n_parametric", "n_controlled", "n_other"), 0)
    kinds["n_other"] = n_saves
    for step in _each(steps(circuit)):
        kinds[_kind(step.operation)] += 1
    return kinds


def _kind(operation: Any) -> str:
    name = operation.name
    if name != "unitary" and (name in _OTHER or name not in standard_gates()):
        return "n_other"
    if name == "unitary" or not operation.params:
        return "n_plain"
    return "n_controlled" if name[0] in "cm" else "n_parametric"


def _each(path: Iterable[Step]) -> Iterator[Step]:
    """Yield every instruction once, those of all branches included."""
    for step in path:
        if not step.branches:
            yield step
        for branch in step.branches:
            yield from _each(branch)
