"""Families that few cuts take apart: trees and ladders, approximate Fourier transform, modules, tensor networks."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.quantum_info import Operator, Statevector, partial_trace

from qhpcsim.circuits.families.graphs import edges
from qhpcsim.circuits.named import named_circuit


def without_measurements(name: str) -> QuantumCircuit:
    return named_circuit(name).remove_final_measurements(inplace=False)


def pairs(name: str) -> list[tuple[int, int]]:
    """Return the qubits of all two-qubit gates."""
    circuit = without_measurements(name)
    return [
        tuple(sorted(circuit.find_bit(q).index for q in item.qubits)) for item in circuit.data
        if len(item.qubits) == 2 and item.operation.name != "barrier"
    ]  # fmt: skip


@pytest.mark.parametrize("n", [1, 2, 3, 4, 7, 20])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_trees_are_trees(n: int, seed: int) -> None:
    """One edge fewer than vertices and all of them joined."""
    found = edges("tree", n, seed)
    group = list(range(n))
    for a, b in found:
        assert 0 < b - a <= 4
        assert group[a] != group[b]
        group = [group[a] if each == group[b] else each for each in group]
    assert len(found) == n - 1 and len(set(group)) == 1


def test_sparse_graphs_are_trees_and_some_more() -> None:
    for seed in range(5):
        tree, sparse = set(edges("tree", 20, seed)), set(edges("sparse", 20, seed))
        assert tree < sparse and len(sparse) <= 19 + 4
    assert edges("sparse", 20, 1) != edges("sparse", 20, 2)


def test_ladders_have_rungs_and_two_rails() -> None:
    assert edges("ladder", 6) == [(0, 1), (0, 2), (1, 3), (2, 3), (2, 4), (3, 5), (4, 5)]
    assert edges("ladder", 1) == []


def test_the_approximate_fourier_transform_keeps_short_phases() -> None:
    assert {b - a for a, b in pairs("qft:8:swaps=false,degree=2")} == {1, 2}
    assert len(pairs("qft:8:swaps=false,degree=2")) == 7 + 6
    whole, all_degrees = Operator(without_measurements("qft:5")), Operator(without_measurements("qft:5:degree=4"))
    assert whole.equiv(all_degrees)
    near, far = (Operator(without_measurements(f"qft:6:degree={degree}")) for degree in (5, 2))
    assert 0.5 < abs(np.trace(near.adjoint().data @ far.data)) / 64 < 0.999


def test_modules_are_linked_where_asked() -> None:
    found = pairs("modules:12:modules=3,links=2,depth=3,seed=4")
    crossing = [(a, b) for a, b in found if a // 4 != b // 4]
    assert crossing == [(3, 4), (7, 8)] * 2
    inside = [pair for pair in found if pair not in crossing]
    assert len(inside) == 3 * 3 * 3 * 2
    angles = without_measurements("modules:8:links=3,angle=0.4").get_instructions("rzz")
    assert [item.operation.params for item in angles] == [[0.4]] * 3
    assert pairs("modules:6:links=0") and {(a // 3, b // 3) for a, b in pairs("modules:6:links=0")} == {(0, 0), (1, 1)}


def test_w_state() -> None:
    found = Statevector(without_measurements("w_state:5")).probabilities_dict()
    assert found == pytest.approx({"0" * k + "1" + "0" * (4 - k): 0.2 for k in range(5)})


def ranks(name: str) -> list[int]:
    """Return the Schmidt rank at each bond of a line of qubits."""
    state = Statevector(without_measurements(name))
    n = state.num_qubits
    spectra = [np.linalg.eigvalsh(partial_trace(state, range(k)).data) for k in range(1, n)]
    return [int((values > 1e-9).sum()) for values in spectra]


def test_each_walk_of_a_staircase_doubles_the_bond() -> None:
    assert ranks("staircase:8:seed=3") == [2] * 7
    assert ranks("staircase:8:seed=3,layers=2") == [2, *[4] * 5, 2]


def test_a_tree_tensor_network_joins_halves_by_one_block() -> None:
    assert len(pairs("tree_tensor:16")) == 2 * 15
    assert [pair for pair in pairs("tree_tensor:16") if pair[0] < 8 <= pair[1]] == [(0, 8)] * 2
    assert len(pairs("tree_tensor:13")) == 2 * 12
