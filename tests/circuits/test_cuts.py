"""Candidates of circuit cutting: exact values, promised widths, the same each time, and refusals that help."""

from __future__ import annotations

import math
import subprocess
import sys
from os import environ
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import Gate
from qiskit.circuit.library import C3XGate, MCPhaseGate, PauliEvolutionGate
from qiskit.quantum_info import SparsePauliOp, Statevector
from qiskit_addon_cutting import generate_cutting_experiments, reconstruct_expectation_values
from qiskit_addon_cutting.utils.simulation import ExactSampler

from qhpcsim.circuits.cut_candidate import CutCandidate
from qhpcsim.circuits.cut_circuit import reduced
from qhpcsim.circuits.cut_layout import Bases, Cuts, laid_out
from qhpcsim.circuits.cut_request import CutLimits, CutRequest
from qhpcsim.circuits.cut_split import Splitter
from qhpcsim.circuits.cut_ways import search_widths
from qhpcsim.circuits.cuts import plan
from qhpcsim.circuits.named import named_circuit
from qhpcsim.circuits.observable import Observable
from qhpcsim.core.errors import CircuitError
from tests.circuits.cut_library import planned

ROOT = Path(__file__).resolve().parents[2]


def value(candidate: CutCandidate) -> float:
    """Return the first observable's value, the library running and joining all sub-experiments exactly."""
    problem = candidate.problem()
    circuits, weights = generate_cutting_experiments(problem.subcircuits, problem.subobservables, math.inf)
    results = {label: ExactSampler().run(part).result() for label, part in circuits.items()}
    terms = reconstruct_expectation_values(results, weights, problem.subobservables)
    circuit = candidate.layout.circuit
    return float(np.dot(circuit.coefficients[0], terms)) + circuit.constants[0]


def exact(circuit: QuantumCircuit, observable: str) -> float:
    """Return an observable's value from the state vector of the whole circuit."""
    operator = SparsePauliOp.from_list(list(Observable.parse(observable).terms))
    return float(Statevector(circuit.remove_final_measurements(inplace=False)).expectation_value(operator).real)


def interleaved() -> QuantumCircuit:
    """Return a circuit whose wires are best cut in the order first, second, first."""
    circuit = QuantumCircuit(3)
    for i, (a, b) in enumerate(((0, 1), (0, 1), (0, 2), (1, 2), (0, 2), (1, 0), (0, 1))):
        circuit.ry(0.4 + 0.3 * i, a)
        circuit.rx(0.2 + 0.5 * i, b)
        circuit.cx(a, b)
    return circuit


def test_wires_cut_in_alternation_give_the_exact_value() -> None:
    """The library's own ``cut_wires`` mistakes the wire of the second cut here and gives another circuit."""
    circuit = interleaved()
    request = CutRequest(circuit, (Observable.parse("XZY"),))
    small = reduced(request)
    pairs = [i for i, op in enumerate(small.ops) if len(op.qubits) == 2]
    cuts = Cuts((), tuple(sorted([(pairs[2], 0), (pairs[3], 1), (pairs[5], 0)])))
    layout = laid_out(small, cuts, [0, 0, 0])
    assert layout.wire_qubits == (0, 0, 0, 1, 1, 2)
    assert [(layout.wire_qubits[i.wires[0]], i.wires) for i in layout.cut_items] == [
        (0, (0, 1)),
        (1, (3, 4)),
        (0, (1, 2)),
    ]
    whole = QuantumCircuit(len(layout.wire_qubits))
    for item in layout.items:
        if item.operation is None:
            whole.swap(*item.wires)
        else:
            whole.append(item.operation, item.wires)
    letters = "".join("XZY"[2 - layout.wire_qubits[w]] if w in layout.final_wires else "I" for w in range(6))
    assert exact(whole, letters[::-1]) == pytest.approx(exact(circuit, "XZY"))


@pytest.mark.parametrize(
    ("name", "observable", "widths"),
    [
        ("efficient_su2:6:reps=1", "ZXIIYZ + 0.5*IIZZII + 2*IIIIII", (3, 2)),
        ("tfim:5:steps=1", "IIZZI", (3,)),
        ("adder:6", "ZIIIIZ", (4,)),
        ("bv:5", "IZZZZ", (3,)),
        ("qaoa:6:graph=ring", "IIIIZZ", (4,)),
    ],
)
def test_every_candidate_gives_the_exact_value(name: str, observable: str, widths: tuple[int, ...]) -> None:
    circuit = named_circuit(name)
    found = planned(circuit, observable, widths=widths, max_cuts=2)
    for candidate in found.candidates:
        if candidate.n_cuts:
            assert value(candidate) == pytest.approx(exact(circuit, observable), abs=1e-9)


@st.composite
def circuits(draw: st.DrawFn) -> tuple[QuantumCircuit, str]:
    """Draw a small circuit and an observable."""
    n = draw(st.integers(3, 5))
    circuit = QuantumCircuit(n)
    for _ in range(draw(st.integers(2, 7))):
        a, b = draw(st.lists(st.integers(0, n - 1), min_size=2, max_size=2, unique=True))
        name = draw(st.sampled_from(["cx", "cz", "rzz", "cp", "ry", "ecr", "h"]))
        match name:
            case "ry":
                circuit.ry(draw(st.floats(-3, 3)), a)
            case "h":
                circuit.h(a)
            case "rzz" | "cp":
                getattr(circuit, name)(draw(st.floats(0.1, 3)), a, b)
            case _:
                getattr(circuit, name)(a, b)
    letters = draw(st.lists(st.sampled_from("IXYZ"), min_size=n, max_size=n))
    return circuit, "".join(letters) if set(letters) != {"I"} else "Z" * n


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(circuits())
def test_small_circuits(drawn: tuple[QuantumCircuit, str]) -> None:
    circuit, observable = drawn
    found = planned(circuit, observable, max_cuts=2, widths=(1, 2, 3))
    for candidate in found.candidates:
        problem = candidate.problem()
        assert [each.num_qubits for each in problem.subcircuits.values()] == list(candidate.widths)
        assert math.prod(basis.overhead for basis in problem.bases) == pytest.approx(candidate.overhead)
        assert [each.num_qubits for each in problem.subobservables.values()] == list(candidate.widths)
        if candidate.n_cuts and candidate.n_experiments < 250:
            assert value(candidate) == pytest.approx(exact(circuit, observable), abs=1e-8)


def test_only_the_light_cone_is_cut() -> None:
    circuit = named_circuit("efficient_su2:20:reps=1")
    found = planned(circuit, "I" * 19 + "Z")
    assert found.circuit.n_qubits == 2
    assert "light cone: 18 qubits" in " ".join(found.notes)
    assert found.candidates[0].widths == (2,)
    problem = found.candidates[0].problem(["I" * 19 + "Z"])
    assert problem.subobservables[0].to_labels() == ["IZ"]
    with pytest.raises(CircuitError, match="acts on qubit 5"):
        found.candidates[0].problem(["I" * 14 + "Z" + "I" * 5])


def test_own_splits_find_what_the_bounded_search_misses() -> None:
    """A ripple-carry adder: three cuts divide it, find_cuts stops early with eleven."""
    found = planned(named_circuit("adder:24"), "Z" * 24)
    best = next(each for each in found.candidates if each.n_cuts)
    assert best.name.startswith("split")
    assert (best.n_cuts, best.n_wire_cuts > 0) == (3, True)
    others = [each.n_cuts for each in found.refused if each.name.startswith("find_cuts")]
    assert min(others) > 3


def test_same_candidates_in_two_processes() -> None:
    program = (
        "from tests.circuits.cut_library import planned\n"
        "from qhpcsim.circuits.named import named_circuit\n"
        "for name in ('qaoa:10:seed=3', 'efficient_su2:10:reps=2', 'adder:10'):\n"
        "    found = planned(named_circuit(name), 'Z' * 10)\n"
        "    for each in found.candidates:\n"
        "        print(each.name, each.layout.cuts, each.layout.labels, each.overhead.hex(), each.shots.n_estimate)\n"
        "    print(found.refused, found.notes)\n"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
            env=environ | {"PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    ]
    assert runs[0] == runs[1]
    assert "find_cuts" in runs[0]


def test_search_is_bounded_by_states(monkeypatch: pytest.MonkeyPatch) -> None:
    from qiskit_addon_cutting import automated_cut_finding

    visited: list[int] = []

    class Watched(automated_cut_finding.LOCutsOptimizer):  # type: ignore[misc]
        def optimize(self, *args: Any, **kwargs: Any) -> Any:
            result = super().optimize(*args, **kwargs)
            visited.append(self.get_stats()["CutOptimization"].states_visited)
            return result

    monkeypatch.setattr(automated_cut_finding, "LOCutsOptimizer", Watched)
    for max_states in (300, 1_500):
        visited.clear()
        found = planned(named_circuit("qaoa:16"), "Z" * 16, max_states=max_states)
        n_pairs = sum(len(op.qubits) == 2 for op in found.circuit.ops)
        assert visited
        assert max(visited) <= max_states + n_pairs
        assert "cut short at width" in " ".join(found.notes)


def test_hopeless_circuits_are_left_early(monkeypatch: pytest.MonkeyPatch) -> None:
    from qiskit_addon_cutting import automated_cut_finding

    monkeypatch.setattr(automated_cut_finding, "LOCutsOptimizer", None)
    found = planned(named_circuit("qft:24"), "Z" * 24)
    assert [each.name for each in found.candidates] == ["no cut"]
    assert "find_cuts skipped from width 13 down" in " ".join(found.notes)


def test_widths() -> None:
    assert search_widths(24, CutLimits()) == (13, 12, 9, 8, 7, 6)
    assert search_widths(24, CutLimits(max_width=10)) == (10, 9, 8, 7, 6)
    assert search_widths(24, CutLimits(widths=(30, 5, 5))) == (5,)
    assert CutLimits(memory_bytes=16 * 2**10 + 5).width_limit() == 10
    assert CutLimits(memory_bytes=16 * 2**10, precision="single").width_limit() == 11


def test_memory_rules_out_the_uncut_circuit() -> None:
    found = planned(named_circuit("efficient_su2:12:reps=1"), "Z" * 12, memory_bytes=16 * 2**7)
    assert all(max(each.widths) <= 7 for each in found.candidates)
    assert found.candidates[0].n_cuts
    assert ("no cut", 0) in {(each.name, each.n_cuts) for each in found.refused}
    assert all(each.reason for each in found.refused)


def test_disconnected_circuit_and_idle_qubits() -> None:
    circuit = QuantumCircuit(6)
    circuit.h([0, 3])
    circuit.cx(0, 1)
    circuit.cx(3, 4)
    found = planned(circuit, "IZZIZZ", widths=(2,))
    assert found.circuit.qubits == (0, 1, 3, 4)
    parts = next(each for each in found.candidates if each.name == "components")
    assert (parts.qubits, parts.n_cuts, parts.overhead, parts.n_experiments) == (((0, 1), (3, 4)), 0, 1.0, 2)
    assert parts.problem().bases == []


def test_explicit_partition_keeps_the_users_labels() -> None:
    found = planned(named_circuit("ghz:4"), "ZZZZ", partitions=(("left", "left", "right", "right"),))
    cut = next(each for each in found.candidates if each.name == "partition 0")
    assert (cut.part_names, cut.qubits) == (("left", "right"), ((0, 1), (2, 3)))
    one = planned(named_circuit("ghz:4"), "IIIZ", partitions=(tuple("aabb"),))
    assert "so nothing is cut" in " ".join(one.notes)


def test_final_measurements_and_wide_gates_are_noted() -> None:
    circuit = QuantumCircuit(QuantumRegister(4), ClassicalRegister(4))
    circuit.h(range(4))
    circuit.ccx(0, 1, 2)
    circuit.cx(2, 3)
    circuit.measure(range(4), range(4))
    found = planned(circuit, "ZZZZ", widths=(3,))
    text = " ".join(found.notes)
    assert "final measurements of 4 qubits" in text
    assert "can be cut: ccx" in text
    cut = next(each for each in found.candidates if each.n_cuts == 1)
    assert value(cut) == pytest.approx(exact(circuit, "ZZZZ"), abs=1e-9)


def reset() -> QuantumCircuit:
    circuit = QuantumCircuit(2, 1)
    circuit.h(0)
    circuit.reset(0)
    return circuit


def measured() -> QuantumCircuit:
    circuit = QuantumCircuit(2, 1)
    circuit.measure(0, 0)
    circuit.cx(0, 1)
    return circuit


def conditional() -> QuantumCircuit:
    circuit = QuantumCircuit(2, 1)
    circuit.measure(0, 0)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.x(1)
    return circuit


@pytest.mark.parametrize(
    ("circuit", "words"),
    [(reset, "'reset' on qubits"), (measured, "after its measurement"), (conditional, "'if_else'")],
)
def test_circuits_that_are_not_unitary_are_refused(circuit: Any, words: str) -> None:
    with pytest.raises(CircuitError, match=words) as error:
        planned(circuit(), "ZZ")
    assert "measurements at the end only" in str(error.value)


def test_impossible_requests_name_the_nearest_way() -> None:
    with pytest.raises(CircuitError, match="3 letters for a circuit of 4 qubits"):
        planned(named_circuit("ghz:4"), "ZZZ")
    with pytest.raises(CircuitError, match=r"max_cuts=\d+ allows parts of \d+ qubits") as error:
        planned(named_circuit("efficient_su2:12:reps=3"), "Z" * 12, max_width=6, max_cuts=2)
    assert "max_width=12 runs it uncut (65,536 bytes in double precision)" in str(error.value)
    with pytest.raises(CircuitError, match=r"10,000 shots for a standard error of 0\.01, 100 allowed: they reach"):
        planned(named_circuit("ghz:4"), "ZZZZ", max_cuts=0, max_shots=100)
    with pytest.raises(CircuitError, match="a partition of 3 labels"):
        planned(named_circuit("ghz:4"), "ZZZZ", partitions=(tuple("aab"),))
    with pytest.raises(CircuitError, match=r"a coefficient of 1e\+30"):
        planned(named_circuit("ghz:4"), "1e30*ZZZZ")
    with pytest.raises(CircuitError, match="hold no qubit"):
        planned(named_circuit("ghz:4"), "ZZZZ", memory_bytes=16)


@pytest.mark.parametrize(
    "limits",
    [{"max_cuts": -1}, {"max_width": 0}, {"target_error": 0.0}, {"target_error": math.nan}, {"precision": "half"}],
)
def test_senseless_limits_are_refused(limits: dict[str, Any]) -> None:
    with pytest.raises(CircuitError, match="cut limit"):
        CutLimits(**limits)


def test_request_in_a_users_words(tmp_path: Path) -> None:
    file = tmp_path / "line.qasm"
    file.write_text(
        'OPENQASM 2.0;\ninclude "qelib1.inc";\nqreg q[4];\nh q[0];\ncx q[0],q[1];\ncx q[1],q[2];\ncx q[2],q[3];\n'
    )
    found = plan(CutRequest.of(str(file), ["ZZZZ", "XXXX + 0.5*YYXX"], partitions=["AABB"]))
    cut = next(each for each in found.candidates if each.n_cuts == 1)
    assert cut.part_names == ("A", "B")
    assert found.circuit.coefficients == ((1.0, 0.0, 0.0), (0.0, 1.0, 0.5))
    assert plan(CutRequest.of("ghz:4", ["ZZZZ"])).candidates[0].name == "no cut"
    with pytest.raises(CircuitError, match="cannot be read"):
        CutRequest.of(str(tmp_path / "absent.qasm"), ["ZZZZ"])


@pytest.mark.parametrize(
    "gate", [PauliEvolutionGate(SparsePauliOp(["XX", "ZY"], [0.3, 0.2])), C3XGate(), MCPhaseGate(0.3, 1)]
)
def test_library_gates_are_written_out_where_needed(gate: Gate) -> None:
    circuit = QuantumCircuit(4)
    circuit.h(range(4))
    circuit.cx(2, 3)
    circuit.append(gate, range(gate.num_qubits))
    small = reduced(CutRequest(circuit, (Observable.parse("XYZX"),)))
    assert max(len(op.qubits) for op in small.ops) == 2
    assert exact(small.circuit(), "XYZX") == pytest.approx(exact(circuit.decompose(reps=4), "XYZX"))


def test_one_width_qubit_cuts_every_gate() -> None:
    found = planned(named_circuit("ghz:3"), "ZZZ", widths=(1,))
    cut = found.candidates[-1]
    assert (cut.widths, cut.n_gate_cuts) == ((1, 1, 1), 2)


def test_splits_keep_their_width() -> None:
    for name in ("qaoa:12:seed=1", "brickwork:12:depth=4", "qft:9", "adder:12"):
        circuit = named_circuit(name)
        small = reduced(CutRequest(circuit, (Observable.parse("Z" * circuit.num_qubits),)))
        splitter = Splitter(small, Bases())
        for width in range(2, small.n_qubits):
            for cuts in splitter.splits(width):
                assert max(laid_out(small, cuts).widths) <= width
