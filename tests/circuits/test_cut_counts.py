"""Numbers of sub-experiments against those that the library generates, one by one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit.library import UnitaryGate
from qiskit.quantum_info import random_unitary

from qhpcsim.circuits import cutting_plan, cutting_terms
from qhpcsim.circuits.cut_candidate import CutCandidate, experiment
from qhpcsim.circuits.named import named_circuit
from qhpcsim.core.rng import Rng
from tests.circuits.cut_library import brute, planned


def chained() -> QuantumCircuit:
    """Return two cut gates with nothing between them on either side: their pieces run into each other."""
    circuit = QuantumCircuit(4)
    circuit.h(range(4))
    circuit.cx(0, 1)
    circuit.cx(2, 3)
    circuit.cz(1, 2)
    circuit.cz(1, 2)
    circuit.ry(0.3, 1)
    circuit.cx(1, 0)
    return circuit


def wires() -> QuantumCircuit:
    """Return a circuit that one wire cut divides and no single gate cut does."""
    circuit = QuantumCircuit(5)
    circuit.h(range(5))
    for a, b in ((0, 1), (1, 2), (0, 2), (2, 3), (3, 4), (2, 4), (2, 3)):
        circuit.cx(a, b)
        circuit.ry(0.2 + a, b)
    return circuit


def two_gates(name: str) -> QuantumCircuit:
    """Return a ladder whose middle gate is of a given kind."""
    circuit = QuantumCircuit(4)
    circuit.h(range(4))
    circuit.cx(0, 1)
    circuit.cx(3, 2)
    match name:
        case "unitary":
            circuit.append(UnitaryGate(random_unitary(4, seed=7)), (1, 2))
        case "rzz" | "rxx" | "ryy" | "cp" | "crx":
            getattr(circuit, name)(0.7, 1, 2)
        case _:
            getattr(circuit, name)(1, 2)
    circuit.sx(1)
    circuit.cx(1, 0)
    return circuit


CASES = [
    ("efficient_su2:6:reps=1", "ZZZZZZ", (3, 4, 2)),
    ("efficient_su2:6:reps=2", "ZXIYZZ", (3,)),
    ("efficient_su2:8:reps=1", "IIXIIIII + 0.5*IIZIIIIZ", (4, 3, 2)),
    ("ghz:6", "XXXXXX", (3, 2)),
    ("tfim:6:steps=2,native=true", "ZZIIII + IXIIII + IIIIYZ", (3, 2)),
    ("qaoa:6:graph=linear", "IIZZII", (3,)),
    ("efficient_su2:8:reps=2", "IIIIIIZI", (4, 3)),
    ("tfim:9:steps=2,native=true", "IIIIIIIIZ + XIIIIIIII", (5, 4)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "observable", "widths"), CASES)
def test_families_agree_with_the_library(name: str, observable: str, widths: tuple[int, ...]) -> None:
    found = planned(named_circuit(name), observable, widths=widths, max_cuts=3)
    cut = [each for each in found.candidates if each.n_cuts]
    assert cut
    for candidate in cut:
        _agrees(candidate)


@pytest.mark.parametrize(
    "name", ["cx", "cz", "ch", "ecr", "swap", "iswap", "dcx", "rzz", "rxx", "cp", "crx", "unitary"]
)
def test_every_kind_of_gate_agrees_with_the_library(name: str) -> None:
    found = planned(two_gates(name), "XZZY", partitions=(tuple("aabb"),))
    candidate = next(each for each in found.candidates if each.name == "partition 0")
    assert (candidate.n_gate_cuts, candidate.n_wire_cuts) == (1, 0)
    _agrees(candidate)


def test_adjacent_cuts_merge_as_in_the_library() -> None:
    found = planned(chained(), "ZIZX", partitions=(tuple("aabb"),))
    candidate = next(each for each in found.candidates if each.n_cuts == 2)
    _agrees(candidate)
    assert candidate.n_distinct < 50, "some of the 2 x 25 pairs of pieces are the same once joined"


def test_wire_cuts_agree_with_the_library() -> None:
    found = planned(wires(), "ZZIZX", widths=(3,))
    cut = [each for each in found.candidates if each.n_wire_cuts]
    assert cut
    for candidate in cut:
        _agrees(candidate)
        assert sum(candidate.widths) == 5 + candidate.n_wire_cuts


def test_hand_counts() -> None:
    """One cut CX: 6 maps for 2 parts, 5 of them different on each side; a wire: 8 maps, 4 different and 6."""
    gate = next(c for c in planned(named_circuit("ghz:4"), "ZZZZ", partitions=(tuple("aabb"),)).candidates if c.n_cuts)
    assert (gate.n_experiments, gate.n_distinct, gate.overhead) == (12, 10, pytest.approx(9.0))
    wire = next(c for c in planned(wires(), "ZZZZZ", widths=(3,)).candidates if c.n_cuts == 1)
    assert (wire.n_experiments, wire.n_distinct, wire.overhead) == (16, 10, pytest.approx(16.0))
    assert wire.n_mid_circuit == 0, "upstream the cut is the last measurement, downstream a state is prepared"


@pytest.mark.parametrize(("n_parts", "n_all", "n_distinct"), [(2, 12, 10), (3, 108, 35), (4, 864, 60)])
def test_published_counts_of_a_line(n_parts: int, n_all: int, n_distinct: int) -> None:
    """The counts that others measured for one, two and three gate cuts of a line."""
    found = planned(named_circuit("efficient_su2:12:reps=1"), "Z" * 12, widths=(12 // n_parts,))
    candidate = found.candidates[1]
    assert candidate.n_parts == n_parts
    assert (candidate.n_experiments, candidate.n_distinct) == (n_all, n_distinct)
    assert candidate.overhead == pytest.approx(9.0 ** (n_parts - 1))


def test_classes_add_up_and_examples_are_what_they_say() -> None:
    found = planned(named_circuit("efficient_su2:8:reps=2"), "ZXZZIIYZ + 0.3*XXIIIIII", widths=(4,))
    candidate = found.candidates[1]
    assert sum(each.n_runs for each in candidate.classes) == candidate.n_runs <= candidate.n_distinct
    n_without_result = sum(
        int(part.repeats[row == -1].sum())
        for part, runs in zip(candidate.parts, candidate.runs, strict=True)
        for row in runs.run_of
    )
    assert sum(each.n_all for each in candidate.classes) + n_without_result == candidate.n_experiments
    assert sum(each.n_shots for each in candidate.classes) == candidate.shots.n_estimate
    for each in candidate.classes:
        circuit = candidate.example(each)
        assert circuit.num_qubits == candidate.widths[each.part]
        assert circuit.depth() <= each.depth
        assert each.n_active + each.n_ancillas == each.width <= candidate.widths_deferred[each.part]


def test_runs_are_those_of_the_pipeline() -> None:
    """What the pipeline runs for the same problem, counted by it."""
    for name, observable, widths in CASES:
        for candidate in planned(named_circuit(name), observable, widths=widths, max_cuts=2).candidates[1:]:
            problem = candidate.problem()
            terms = cutting_terms.terms(problem.bases, math.inf, Rng(0).sequence("terms"))
            compiled = cutting_plan.templates(problem.subcircuits)
            found = cutting_plan.plan(compiled, problem.subobservables, terms, len(problem.bases))
            assert found.n_sub_experiments == candidate.n_experiments
            assert sum(each.n_bits > 0 for each in found.experiments) == candidate.n_runs


def test_gates_of_a_class_are_the_mean_over_its_circuits() -> None:
    candidate = planned(named_circuit("ghz:4"), "ZXZY", partitions=(tuple("aabb"),)).candidates[-1]
    for number, part in enumerate(candidate.parts):
        counted = []
        for column in part.first:
            maps = [int(choice) for choice in candidate.samples.maps[:, column]]
            circuit = experiment(candidate.layout, candidate.bases, number, maps, part.groups[0].letters)
            counted.append(sum(len(i.qubits) == 1 and i.operation.name != "measure" for i in circuit.data))
        assert part.n_1q[0].tolist() == counted


def _agrees(candidate: CutCandidate) -> None:
    problem = candidate.problem()
    assert math.prod(basis.overhead for basis in problem.bases) == pytest.approx(candidate.overhead)
    assert [problem.subcircuits[part].num_qubits for part in range(candidate.n_parts)] == list(candidate.widths)
    n_all = 0
    for number, part in enumerate(candidate.parts):
        counts = brute(candidate, number)
        n_all += counts.n_all
        assert part.n_distinct == counts.n_distinct
        assert part.n_mid_circuit == counts.n_mid
        assert part.n_ancillas == counts.n_ancillas
        assert part.depth == counts.depth
        runs = candidate.runs[number]
        n_gates = runs.n_1q + runs.n_2q
        assert (
            sorted(zip(runs.n_active.tolist(), runs.n_ancillas.tolist(), n_gates.tolist(), strict=True)) == counts.runs
        )
        assert int(np.sum(part.repeats)) * len(part.groups) == counts.n_all
    assert candidate.n_experiments == n_all
