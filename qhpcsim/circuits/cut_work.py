"""What running a candidate comes to: the circuits as they are run, with their shots, and counts of all else.

Everything is known before anything is compiled or run. The circuits of one class differ in the few gates that their
cuts leave; the one with the usual number of gates stands for all of them.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

from qhpcsim.circuits.cost import CircuitCost, circuit_cost
from qhpcsim.circuits.cut_candidate import CutCandidate
from qhpcsim.circuits.cutting_atoms import MOST_QUBITS, circuit_of, deferred, n_active, sampleable, trimmed, work
from qhpcsim.circuits.cutting_template import Atom, Template, numbered, template

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from qiskit import QuantumCircuit

    Values = npt.NDArray[np.float64]

NOISE_ORDER = 3
"""Most parts in a set that the standard error sums over."""


@dataclass(frozen=True, slots=True)
class CutRuns:
    """Circuits of a part that differ little but in their shots."""

    part: int
    cost: CircuitCost
    """Of one of them, for one shot."""
    n_instructions: int
    """Of it, measurements included."""
    shots: Values
    """Of each of them, whole numbers; shape (R,)."""
    work: Values
    """What the pipeline takes for their length, by which it sorts and batches them; shape (R,)."""
    circuit: QuantumCircuit
    """It."""

    @property
    def n_runs(self) -> int:
        """R."""
        return len(self.shots)


@dataclass(frozen=True, slots=True)
class CutWork:
    """All that is done for a candidate."""

    n_parts: int
    n_gates: int
    """Gates of the circuit, cut ones included."""
    n_sides: int
    """Sides of cuts in all parts: places that are filled with something else in each sub-experiment."""
    n_terms: int
    """Pauli strings whose expectation values are estimated."""
    n_samples: int
    """Terms of the sum over the cuts' maps."""
    n_rows: int
    """Sub-experiments that are looked at to find equal ones: those that differ before the light cone is known."""
    n_row_gates: int
    """Instructions of these in all."""
    n_ends: int
    """Qubits measured at the end, over all parts and groups of terms that are measured together."""
    n_sets: int
    """Sets of up to three parts that the standard error sums over: parts that differ from sample to sample."""
    n_set_strings: int
    """Pauli strings that have noise in all parts of a set, over all sets."""
    n_cells: int
    """Products that the estimate and its standard error sum up."""
    runs: tuple[CutRuns, ...]
    n_shots: int
    """In all."""
    stderr: float
    """Standard error expected with these shots, largest of the observables; 0: nothing is random."""

    @property
    def n_runs(self) -> int:
        """Circuits to run."""
        return sum(each.n_runs for each in self.runs)

    @property
    def n_run_gates(self) -> float:
        """Instructions of all of them."""
        return float(sum(each.n_runs * each.n_instructions for each in self.runs))

    @property
    def widest(self) -> int:
        """Most qubits simulated at once."""
        return max((each.cost.n_active for each in self.runs), default=0)


def cut_work(candidate: CutCandidate, target_error: float | None = None) -> CutWork:
    """Return what running a candidate comes to.

    Args:
        candidate: From ``cuts.plan``.
        target_error: Standard error wanted of every observable; None: that of the request.
    """
    shots = _shots(candidate, target_error)
    layout, parts = candidate.layout, candidate.parts
    sides = [sum(_touches(layout.labels, item, p) for item in layout.cut_items) for p in range(len(parts))]
    gates = [
        sum(item.cut is None and layout.labels[item.wires[0]] == p for item in layout.items) for p in range(len(parts))
    ]
    strings_of = _strings_of_sets(candidate)
    n_set_strings = sum(strings_of.values())
    rows = [part.n_distinct for part in parts]
    return CutWork(
        n_parts=len(parts),
        n_gates=len(layout.items),
        n_sides=sum(sides),
        n_terms=len(layout.circuit.terms),
        n_samples=candidate.n_samples,
        n_rows=sum(rows),
        n_row_gates=sum(n * (g + s + part.width) for n, g, s, part in zip(rows, gates, sides, parts, strict=True)),
        n_ends=sum(len(g.letters) - g.letters.count("I") for part in parts for g in part.groups),
        n_sets=len(strings_of),
        n_set_strings=n_set_strings,
        n_cells=candidate.n_samples * (len(layout.circuit.terms) + n_set_strings),
        runs=tuple(_runs(candidate, shots)),
        n_shots=int(sum(float(each.sum()) for each in shots)),
        stderr=_stderr(candidate, shots),
    )


def _strings_of_sets(candidate: CutCandidate) -> Counter[tuple[int, ...]]:
    """Return how many Pauli strings have noise in all parts of each set that the standard error sums over.

    A string has noise where something is measured for it: its letters, or cuts.
    """
    noisy: list[list[int]] = [[] for _ in candidate.layout.circuit.terms]
    for number, (part, runs) in enumerate(zip(candidate.parts, candidate.runs, strict=True)):
        taken = runs.run_of[:, part.codes]
        if (taken == taken[:, :1]).all():
            continue
        cuts = bool(part.n_measured.any())
        for group in part.groups:
            for term, silent in zip(group.terms, group.silent, strict=True):
                if cuts or not silent:
                    noisy[term].append(number)
    return Counter(each for parts in noisy for size in range(1, NOISE_ORDER + 1) for each in combinations(parts, size))


def _touches(labels: tuple[int, ...], item: Any, part: int) -> int:
    return sum(labels[wire] == part for wire in item.wires)


def _shots(candidate: CutCandidate, target_error: float | None) -> list[Values]:
    """Return the shots of each run as the pipeline shares them out: one each, the rest by weight in the sum."""
    import numpy as np

    plan = candidate.shots
    n_runs = candidate.n_runs
    scale = 1.0 if target_error is None else (plan.target_error / target_error) ** 2
    total = max(n_runs, math.ceil(plan.n_estimate * scale - 1e-9))
    weights = []
    for part, runs in zip(candidate.parts, candidate.runs, strict=True):
        found = np.zeros(runs.n_runs)
        for row in runs.run_of:
            number = row[part.codes]
            kept = number >= 0
            found += np.bincount(number[kept], weights=np.abs(candidate.samples.weights[kept]), minlength=runs.n_runs)
        weights.append(found)
    whole = sum(float(each.sum()) for each in weights)
    return [np.floor(1.0 + (total - n_runs) * each / whole) if whole else np.ones(len(each)) for each in weights]


def _stderr(candidate: CutCandidate, shots: list[Values]) -> float:
    """Return the standard error with these shots, from the variances behind the candidate's own allocation."""
    import numpy as np

    best = np.concatenate([np.asarray(each) for each in candidate.shots.per_experiment] or [np.zeros(0)])
    given = np.concatenate(shots or [np.zeros(0)])
    if not best.size:
        return 0.0
    deviations = best * candidate.shots.target_error / math.sqrt(float(best.sum()))
    return float(np.sqrt((deviations**2 / given).sum()))


def _runs(candidate: CutCandidate, shots: list[Values]) -> Iterator[CutRuns]:
    """Yield the circuits by part, width and the way in which they are run."""
    import numpy as np

    for number, (part, runs) in enumerate(zip(candidate.parts, candidate.runs, strict=True)):
        compiled = _compiled(candidate, number)
        kinds = np.stack([runs.n_active, runs.n_ancillas, runs.group])
        for kind in np.unique(kinds, axis=1).T:
            chosen = np.flatnonzero((kinds == kind[:, None]).all(axis=0))
            sizes = (runs.n_1q + runs.n_measurements)[chosen]
            usual = chosen[int(np.argmin(np.abs(sizes - sizes.mean())))]
            maps = candidate.samples.maps[:, int(runs.sample[usual])]
            body = compiled.atoms([int(hole.variant_of[maps[hole.cut]]) for hole in compiled.holes])
            ends = _ends(part.groups[int(runs.group[usual])].letters)
            atoms = trimmed([*body, *ends])
            yield from _forms(number, atoms, part.width, shots[number][chosen])


def _compiled(candidate: CutCandidate, part: int) -> Template:
    """Return a part as the pipeline compiles it: in which order gates come out decides what the simulator fuses."""
    from qiskit import QuantumCircuit
    from qiskit_addon_cutting.qpd import SingleQubitQPDGate

    layout = candidate.layout
    place = {wire: i for i, wire in enumerate(layout.wires_of[part])}
    circuit = QuantumCircuit(len(place))
    for item in layout.items:
        if item.cut is None:
            if item.wires[0] in place:
                circuit.append(item.operation, [place[wire] for wire in item.wires])
            continue
        basis = candidate.bases.of(item.operation)
        for side, wire in enumerate(item.wires):
            if wire in place:
                circuit.append(SingleQubitQPDGate(basis, side, label=f"cut_{item.cut}"), [place[wire]])
    return template(circuit, f"part {part}")


def _ends(letters: str) -> list[Atom]:
    """Return the last measurements of a group of terms, given its letters on the part's wires."""
    from qiskit.circuit import Measure
    from qiskit.circuit.library import HGate, SXGate

    found = []
    for qubit, letter in enumerate(letters):
        if letter in "XY":
            found.append(Atom(HGate() if letter == "X" else SXGate(), (qubit,), ("end", letter)))
        if letter != "I":
            found.append(Atom(Measure(), (qubit,), ("end", "measure")))
    return found


def _forms(part: int, atoms: list[Atom], width: int, shots: Values) -> Iterator[CutRuns]:
    """Yield circuits of one kind as they are run: with measurements deferred where that is cheaper, as ``ready``."""
    import numpy as np

    plain = _linear(atoms)(shots)
    later = np.full(len(shots), math.inf)
    moved: list[Atom] = []
    if not sampleable(atoms):
        moved, _ = deferred(atoms, width)
        if n_active(moved) <= MOST_QUBITS:
            later = _linear(moved)(shots)
    for body, taken, amount in ((atoms, later >= plain, plain), (moved, later < plain, later)):
        if taken.any():
            circuit = circuit_of(numbered(body), f"part {part}")
            yield CutRuns(part, circuit_cost(circuit, shots=1), len(body), shots[taken], amount[taken], circuit)


def _linear(atoms: list[Atom]) -> Any:
    """Return the pipeline's measure of a circuit's length as a function of its shots."""
    none, one = work(atoms, 0), work(atoms, 1)
    return lambda shots: none + (one - none) * shots
