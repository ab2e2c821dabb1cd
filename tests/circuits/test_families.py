"""Circuit families: the same words give the same circuit, and it is what its name says."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit import QuantumCircuit, qasm3
from qiskit.quantum_info import Operator, Pauli, StabilizerState, Statevector

from qhpcsim.circuits.checks import check_circuit
from qhpcsim.circuits.named import is_named, named_circuit
from qhpcsim.core.errors import QhpcsimError
from qhpcsim.core.registry import entries
from qhpcsim.core.rng import Rng

FAMILIES = tuple(entries("circuit_family"))


def without_measurements(name: str) -> QuantumCircuit:
    return named_circuit(name).remove_final_measurements(inplace=False)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("width", [4, 5, 9])
def test_every_family_is_valid_and_repeatable(family: str, width: int) -> None:
    first, second = named_circuit(f"{family}:{width}"), named_circuit(f"{family}:{width}")
    assert first.num_qubits == width
    assert "measure" in check_circuit(first)
    assert first == second


WITH_SEED = [name for name, entry in entries("circuit_family").items() if hasattr(entry.params, "seed")]
SHAPES = {"probe": "kernel=matrix,", "graph_state": "graph=regular3,"}
"""Shapes of the families that draw nothing otherwise."""


@pytest.mark.parametrize("family", WITH_SEED)
def test_seeds_give_other_circuits(family: str) -> None:
    first, second = (named_circuit(f"{family}:8:{SHAPES.get(family, '')}seed={seed}") for seed in (1, 2))
    assert first != second


def test_ghz() -> None:
    found = Statevector(without_measurements("ghz:5")).probabilities_dict()
    assert found == pytest.approx({"00000": 0.5, "11111": 0.5})


def test_graph_state_is_stabilised_by_each_vertex_and_its_neighbours() -> None:
    state = StabilizerState(without_measurements("graph_state:5:graph=ring"))
    for vertex in range(5):
        letters = ["I"] * 5
        letters[vertex], letters[vertex - 1], letters[(vertex + 1) % 5] = "X", "Z", "Z"
        assert state.expectation_value(Pauli("".join(reversed(letters)))) == pytest.approx(1)


def test_qft_is_the_fourier_matrix() -> None:
    circuit = without_measurements("qft:4")
    fourier = QuantumCircuit(4)
    fourier.data = circuit.data[4:]
    row, column = np.indices((16, 16))
    wanted = np.exp(2j * np.pi * row * column / 16) / 4
    np.testing.assert_allclose(Operator(fourier).data, wanted, atol=1e-12)


def test_qpe_finds_the_phase() -> None:
    phase = float(Rng(0).stream("phase").uniform(0.1, 6.0))
    probabilities = Statevector(without_measurements("qpe:7")).probabilities(range(6))
    assert abs(np.argmax(probabilities) / 64 - phase / (2 * np.pi)) <= 1 / 128


def test_bv_finds_the_string() -> None:
    secret = Rng(3).stream("secret").integers(0, 2, 5)
    probabilities = Statevector(without_measurements("bv:6:seed=3")).probabilities(range(5))
    assert probabilities[int("".join(str(bit) for bit in reversed(secret)), 2)] == pytest.approx(1)


def test_adder_adds() -> None:
    circuit = without_measurements("adder:8")
    rest = [item for item in circuit.data if item.operation.name != "ry"]
    for a, b in ((0, 0), (5, 2), (7, 7), (3, 6)):
        start = QuantumCircuit(8)
        for i in range(3):
            if b >> i & 1:
                start.x(2 * i + 1)
            if a >> i & 1:
                start.x(2 * i + 2)
        added = start.copy_empty_like()
        added.data = [*start.data, *rest]
        bits = next(iter(Statevector(added).probabilities_dict()))[::-1]
        total = sum(int(bits[2 * i + 1]) << i for i in range(3)) + (int(bits[7]) << 3)
        assert total == a + b
        assert sum(int(bits[2 * i + 2]) << i for i in range(3)) == a


def test_three_regular_graphs_are_three_regular() -> None:
    circuit = named_circuit("graph_state:12:graph=regular3,seed=5")
    degree = np.zeros(12, dtype=int)
    for item in circuit.get_instructions("cz"):
        degree[[circuit.find_bit(q).index for q in item.qubits]] += 1
    assert (degree == 3).all()


def test_dynamic_circuits_are_dynamic() -> None:
    counts = named_circuit("dynamic:6:rounds=3").count_ops()
    assert (counts["reset"], counts["measure"]) == (3, 9)
    assert "if_else" in named_circuit("feedforward:6").count_ops()
    assert "reset" in qasm3.dumps(named_circuit("repetition_code:7"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("gzh:5", "did you mean: ghz"),
        ("ghz:0", "1 to"),
        ("ghz:99999", "1 to"),
        ("ghz:5:seed=1", "no parameters"),
        ("qaoa:6:graf=ring", "did you mean: graph"),
        ("qaoa:6:graph=star", "unknown graph"),
        ("qaoa:6:layers=two", "is no int"),
        ("qaoa:6:layers=-1", "0 to"),
        ("qaoa:3:graph=regular3", "4 or more"),
        ("tfim:4:native=yes", "true, false"),
        ("adder:3", "4 or more"),
        ("probe:4:kernel=martix", "did you mean: matrix"),
        ("qft", "family:n"),
    ],
)
def test_mistakes_are_named(text: str, words: str) -> None:
    with pytest.raises(QhpcsimError, match=words):
        named_circuit(text)


def test_names_and_files_are_told_apart() -> None:
    assert is_named("qft:20")
    assert is_named("qft:20:swaps=false")
    assert not is_named("circuits/qft.qasm")
    assert not is_named("C:qft.qasm")
