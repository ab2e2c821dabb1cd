"""The library's own sub-experiments, as the yardstick for counts that are made without them."""

from __future__ import annotations

from typing import Any, NamedTuple

from qiskit import QuantumCircuit
from qiskit_addon_cutting import generate_cutting_experiments

from qhpcsim.circuits.cut_candidate import CutCandidate
from qhpcsim.circuits.cut_request import CutLimits, CutRequest
from qhpcsim.circuits.cuts import CutPlan, plan
from qhpcsim.circuits.observable import Observable

Path = list[tuple[Any, tuple[int, ...]]]
END = "observable_measurements"


class Brute(NamedTuple):
    """Counts over generated circuits."""

    n_all: int
    n_distinct: int
    n_mid: int
    n_ancillas: int
    depth: int
    runs: list[tuple[int, int, int]]
    """(active qubits, ancillas, gates) of each different circuit once it holds only what a result depends on."""


def planned(circuit: QuantumCircuit, *observables: str, partitions: Any = (), **limits: Any) -> CutPlan:
    """Return the plan for a circuit and observables in text."""
    wanted = tuple(Observable.parse(text) for text in observables)
    return plan(CutRequest(circuit, wanted, CutLimits(**limits), partitions))


def brute(candidate: CutCandidate, part: int) -> Brute:
    """Return the counts of one part by generating all its sub-experiments with the library and comparing them."""
    problem = candidate.problem()
    circuits, _ = generate_cutting_experiments(problem.subcircuits, problem.subobservables, float("inf"))
    groups = candidate.parts[part].groups
    seen: dict[Any, tuple[int, int]] = {}
    runs: dict[Any, tuple[int, int, int]] = {}
    for i, circuit in enumerate(circuits[part]):
        group = i % len(groups)
        whole = _instructions(circuit, groups[group].letters)
        seen.setdefault((group, _key(whole)), _facts(whole))
        cone = _trimmed(whole)
        if cone:
            size = len({qubit for _, qubits in cone for qubit in qubits})
            n_gates = sum(op.name != "measure" for op, _ in cone)
            runs.setdefault((group, _key(cone)), (size, _facts(cone)[0], n_gates))
    return Brute(
        len(circuits[part]),
        len(seen),
        sum(n_mid > 0 for n_mid, _ in seen.values()),
        max(n_mid for n_mid, _ in seen.values()),
        max(depth for _, depth in seen.values()),
        sorted(runs.values()),
    )


def _instructions(circuit: QuantumCircuit, letters: str) -> Path:
    """Return the instructions without the library's dummy measurement of a part on which no observable acts."""
    ends = [reg for reg in circuit.cregs if reg.name == END]
    dummy = frozenset(ends[0]) if not letters.strip("I") else frozenset()
    kept = [item for item in circuit.data if not dummy.intersection(item.clbits)]
    pairs = [(item.operation, tuple(circuit.find_bit(q).index for q in item.qubits)) for item in kept]
    last = {qubit: i for i, (_, qubits) in enumerate(pairs) for qubit in qubits}
    return [(op, qubits) for i, (op, qubits) in enumerate(pairs) if op.name != "reset" or last[qubits[0]] != i]


def _trimmed(path: Path) -> Path:
    """Return the instructions on which some measurement depends."""
    cone: set[int] = set()
    kept = []
    for op, qubits in reversed(path):
        if op.name == "measure" or not cone.isdisjoint(qubits):
            cone.update(qubits)
            kept.append((op, qubits))
    return kept[::-1]


def _key(path: Path) -> Any:
    """Return what happens on each qubit: equal for circuits that differ in the names of classical bits only."""
    lines: dict[int, list[Any]] = {}
    for op, qubits in path:
        params = tuple(p if isinstance(p, (int, float)) else p.tobytes() for p in op.params)
        for qubit in qubits:
            lines.setdefault(qubit, []).append((op.name, params, qubits))
    return tuple((qubit, tuple(line)) for qubit, line in sorted(lines.items()))


def _facts(path: Path) -> tuple[int, int]:
    """Return the number of measurements that an operation other than one follows, and the depth."""
    level: dict[int, int] = {}
    waiting: dict[int, int] = {}
    n_mid = 0
    for op, qubits in path:
        top = 1 + max(level.get(qubit, 0) for qubit in qubits)
        for qubit in qubits:
            level[qubit] = top
            if op.name == "measure":
                waiting[qubit] = waiting.get(qubit, 0) + 1
            else:
                n_mid += waiting.pop(qubit, 0)
    return n_mid, max(level.values(), default=0)
