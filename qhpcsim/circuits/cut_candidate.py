"""One way to run a circuit: whole, or in parts; with all that a cost model needs and the library's own problem."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from qhpcsim.circuits.cut_counts import PartCounts, Samples
from qhpcsim.circuits.cut_layout import Bases, Layout
from qhpcsim.circuits.cut_runs import PartRuns
from qhpcsim.circuits.cut_shots import ShotPlan
from qhpcsim.core.errors import CircuitError, shorten

if TYPE_CHECKING:
    from qiskit import QuantumCircuit
    from qiskit.quantum_info import PauliList
    from qiskit_addon_cutting import PartitionedCuttingProblem


@dataclass(frozen=True, slots=True)
class ExperimentClass:
    """Circuits of one part that hold equally many qubits and need equally many ancillas: they take nearly as long."""

    part: int
    n_active: int
    """Qubits that the results of each depend on."""
    n_ancillas: int
    """Mid-circuit measurements of each, so the ancillas if they are deferred; 0: one simulation serves all shots."""
    n_runs: int
    """Different circuits to run."""
    n_all: int
    """Circuits that the library generates for them, repeats included."""
    n_1q: float
    """Gates on one qubit inside the light cone, changes of basis included; mean over the circuits."""
    n_2q: float
    n_measurements: float
    """Measurements, mean over the circuits."""
    depth: int
    """Largest depth of the part's sub-experiments, gates outside the light cone included."""
    n_shots: int
    """Shots in all for the target error (estimated, best allocation)."""
    sample: int
    """A joint sample that makes one of them."""
    group: int
    """Number of the group of terms that this one measures."""

    @property
    def width(self) -> int:
        """Qubits of each with one ancilla for every mid-circuit measurement."""
        return self.n_active + self.n_ancillas


@dataclass(frozen=True)
class CutCandidate:
    """A cut circuit (or the uncut one): parts, cuts, sub-experiments, shots."""

    name: str
    """``no cut``, ``components``, ``find_cuts W``, ``split W`` or ``partition i``; the first that found it."""
    layout: Layout
    part_names: tuple[int | str, ...]
    """The user's labels of the parts of an explicit partition; numbers otherwise."""
    minimum_reached: bool | None
    """Whether the library's search proved the overhead minimal for its width; None: not from that search."""
    parts: tuple[PartCounts, ...]
    runs: tuple[PartRuns, ...]
    samples: Samples
    shots: ShotPlan
    kappa: float
    """Product of γ over the cuts."""
    bases: Bases

    @property
    def n_parts(self) -> int:
        """Parts, 1 for the uncut circuit."""
        return len(self.parts)

    @property
    def n_gate_cuts(self) -> int:
        """Cut gates."""
        return len(self.layout.cuts.gates)

    @property
    def n_wire_cuts(self) -> int:
        """Cut wires."""
        return len(self.layout.cuts.wires)

    @property
    def n_cuts(self) -> int:
        """Gate cuts and wire cuts."""
        return self.layout.cuts.n_cuts

    @property
    def overhead(self) -> float:
        """Sampling overhead, the product of γ² over the cuts; 1 without a cut."""
        return self.kappa**2

    @property
    def widths(self) -> tuple[int, ...]:
        """Qubits of each part; each wire cut adds one."""
        return self.layout.widths

    @property
    def widths_deferred(self) -> tuple[int, ...]:
        """Most qubits that a circuit of each part runs on if its mid-circuit measurements are deferred to ancillas."""
        return tuple(int((run.n_active + run.n_ancillas).max(initial=0)) for run in self.runs)

    @property
    def qubits(self) -> tuple[tuple[int, ...], ...]:
        """Qubits of the original circuit in each part; a qubit cut over time is in several."""
        active = self.layout.circuit.qubits
        wires_of, wire_qubits = self.layout.wires_of, self.layout.wire_qubits
        return tuple(tuple(dict.fromkeys(active[wire_qubits[wire]] for wire in wires)) for wires in wires_of)

    @property
    def n_samples(self) -> int:
        """Joint samples: choices of one map for each cut."""
        return self.samples.n

    @property
    def n_experiments(self) -> int:
        """Circuits that ``generate_cutting_experiments(num_samples=inf)`` makes; 1 a group of terms without a cut."""
        return self.samples.n * sum(len(part.groups) for part in self.parts)

    @property
    def n_distinct(self) -> int:
        """Different ones among them."""
        return sum(part.n_distinct for part in self.parts)

    @property
    def n_mid_circuit(self) -> int:
        """Different ones with a measurement before an operation on the same qubit."""
        return sum(part.n_mid_circuit for part in self.parts)

    @property
    def n_runs(self) -> int:
        """Circuits to run: different ones without what no result depends on, and with a result."""
        return sum(run.n_runs for run in self.runs)

    @cached_property
    def classes(self) -> tuple[ExperimentClass, ...]:
        """Kinds of circuits to run, by part, active qubits and ancillas."""
        shots = self.shots.per_experiment
        return tuple(
            found
            for number, (part, runs) in enumerate(zip(self.parts, self.runs, strict=True))
            for found in _classes(number, part.depth, runs, shots[number])
        )

    def problem(self, observables: PauliList | Sequence[str] | None = None) -> PartitionedCuttingProblem:
        """Return the library's problem: sub-circuits and sub-observables by number of the part, and the bases.

        Args:
            observables: Pauli strings on the qubits of the original circuit (last letter: qubit 0); they may act
                only where the request's do. None: ``layout.circuit.terms``, all terms of the request in that order.

        Raises:
            CircuitError: if an observable acts on a qubit whose gates were left out.
        """
        from qiskit.quantum_info import PauliList
        from qiskit_addon_cutting import partition_problem

        circuit = self.layout.circuit
        texts = circuit.terms if observables is None else self._restricted(observables)
        ends = {wire: qubit for qubit, wire in enumerate(self.layout.final_wires)}
        last = circuit.n_qubits - 1
        wires = range(len(self.layout.wire_qubits))
        on_wires = ["".join(text[last - ends[w]] if w in ends else "I" for w in reversed(wires)) for text in texts]
        return partition_problem(self.layout.expanded(), list(self.layout.labels), PauliList(on_wires))

    def _restricted(self, observables: PauliList | Sequence[str]) -> list[str]:
        """Return observables on the active qubits."""
        circuit = self.layout.circuit
        texts = [str(each) for each in observables]
        last = circuit.n_declared - 1
        active = frozenset(circuit.qubits)
        known = _support(circuit.terms)
        for text in texts:
            if len(text) != circuit.n_declared:
                allowed = f"{circuit.n_declared} letters of I, X, Y and Z"
                raise CircuitError(f"{len(text)} letters", where=f"observable {shorten(text)}", allowed=allowed)
            outside = [q for q in range(last + 1) if text[last - q] != "I" and q not in active]
            short = "".join(text[last - qubit] for qubit in reversed(circuit.qubits))
            inside = [q for q in _support([short]) if q not in known]
            if outside or inside:
                qubit = outside[0] if outside else circuit.qubits[inside[0]]
                raise CircuitError(
                    f"acts on qubit {qubit}, on which no observable of the request does",
                    where=f"observable {shorten(text)}",
                    hint="plan the cut with this observable",
                )
        return ["".join(text[last - qubit] for qubit in reversed(circuit.qubits)) for text in texts]

    def example(self, kind: ExperimentClass) -> QuantumCircuit:
        """Return one sub-experiment of a class, as it is run, its measurements on the way included."""
        choices = self.samples.maps[:, kind.sample]
        letters = self.parts[kind.part].groups[kind.group].letters
        return experiment(self.layout, self.bases, kind.part, [int(choice) for choice in choices], letters)


def experiment(layout: Layout, bases: Bases, part: int, maps: Sequence[int], letters: str) -> QuantumCircuit:
    """Return a sub-experiment: one part, one map for each cut, and the letters measured on the part's wires.

    Resets are left out: each is the first or the last operation on its wire.
    """
    from qiskit import QuantumCircuit

    place = {wire: i for i, wire in enumerate(layout.wires_of[part])}
    todo: list[tuple[Any, tuple[int, ...]]] = []
    for item in layout.items:
        if item.cut is None:
            if item.wires[0] in place:
                todo.append((item.operation, tuple(place[wire] for wire in item.wires)))
            continue
        sides = bases.of(item.operation).maps[maps[item.cut]]
        for side, wire in enumerate(item.wires):
            if wire in place:
                todo += [(op, (place[wire],)) for op in sides[side] if op.name != "reset"]
    n_cut = sum(op.name == "qpd_measure" for op, _ in todo)
    circuit = QuantumCircuit(len(place), n_cut + len(letters) - letters.count("I"))
    bits = iter(range(circuit.num_clbits))
    for op, qubits in todo:
        if op.name == "qpd_measure":
            circuit.measure(qubits[0], next(bits))
        else:
            circuit.append(op, qubits)
    for qubit, letter in enumerate(letters):
        if letter != "I":
            if letter in "XY":
                (circuit.h if letter == "X" else circuit.sx)(qubit)
            circuit.measure(qubit, next(bits))
    return circuit


def _support(terms: Sequence[str]) -> frozenset[int]:
    """Return the qubits on which some term acts."""
    return frozenset(len(text) - 1 - i for text in terms for i, letter in enumerate(text) if letter != "I")


def _classes(number: int, depth: int, runs: PartRuns, shots: Any) -> list[ExperimentClass]:
    """Return the classes of one part by rising number of active qubits, then of ancillas."""
    kinds = sorted(set(zip(runs.n_active.tolist(), runs.n_ancillas.tolist(), strict=True)))
    classes = []
    for n_active, n_ancillas in kinds:
        chosen = (runs.n_active == n_active) & (runs.n_ancillas == n_ancillas)
        first = int(chosen.argmax())
        classes.append(
            ExperimentClass(
                part=number,
                n_active=n_active,
                n_ancillas=n_ancillas,
                n_runs=int(chosen.sum()),
                n_all=int(runs.repeats[chosen].sum()),
                n_1q=float(runs.n_1q[chosen].mean()),
                n_2q=float(runs.n_2q[chosen].mean()),
                n_measurements=float(runs.n_measurements[chosen].mean()),
                depth=depth,
                n_shots=math.ceil(float(shots[chosen].sum())),
                sample=int(runs.sample[first]),
                group=int(runs.group[first]),
            )
        )
    return classes
