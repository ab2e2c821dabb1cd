"""Grouping of gates and counting of swaps, against cases done by hand."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit.random import random_circuit

from qhpcsim.circuits.gates import Gate
from qhpcsim.circuits.lightcone import flat
from qhpcsim.circuits.walk import steps
from qhpcsim.models.gpu_groups import (
    Exchanges,
    Operation,
    operations,
    per_gate_exchanges,
    staged_exchanges,
    targets,
    touched_frac,
)


def gates(circuit: QuantumCircuit) -> list[Gate]:
    return flat(steps(circuit))


def chain(n: int) -> list[Gate]:
    circuit = QuantumCircuit(n)
    circuit.h(0)
    for qubit in range(n - 1):
        circuit.cx(qubit, qubit + 1)
    return gates(circuit)


def test_only_targets_must_be_local_and_are_touched() -> None:
    circuit = QuantumCircuit(3)
    circuit.h(2)
    circuit.cx(0, 1)
    circuit.ccx(0, 1, 2)
    circuit.cp(0.1, 0, 2)
    circuit.rz(0.1, 1)
    circuit.swap(0, 1)
    circuit.crx(0.3, 2, 0)
    found = gates(circuit)
    assert [targets(gate) for gate in found] == [(2,), (1,), (2,), (), (), (0, 1), (0,)]
    assert [touched_frac(gate) for gate in found] == [1, 0.5, 0.25, 0.25, 1, 1, 0.5]


@pytest.mark.parametrize(("width", "n_passes"), [(2, 9), (3, 5), (4, 3), (5, 3), (10, 1)])
def test_a_chain_of_ten_qubits(width: int, n_passes: int) -> None:
    """Nine CNOT in a row: a group of w qubits holds w − 1 of them; the first h joins the first group."""
    found = operations(chain(10), width)
    assert len(found) == n_passes == -(-9 // (width - 1))
    assert found[0] == Operation(width if n_passes > 1 else 10, 1.0)


def test_width_one_is_gate_by_gate() -> None:
    found = operations(chain(4), 1)
    assert found == [Operation(1, 1.0)] + 3 * [Operation(2, 0.5)]


def test_lone_gates_at_the_end_cost_nothing_where_a_group_was() -> None:
    circuit = QuantumCircuit(6)
    circuit.cx(0, 1)
    circuit.cx(4, 5)
    circuit.h(0)
    assert len(operations(gates(circuit), 4)) == 1
    circuit.cx(2, 3)
    circuit.h(4)
    assert len(operations(gates(circuit), 4)) == 2


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("width", [3, 4, 5])
def test_no_gate_is_lost_and_no_group_too_wide(seed: int, width: int) -> None:
    found = gates(random_circuit(8, 10, max_operands=2, seed=seed))
    passes = operations(found, width)
    assert 0 < len(passes) <= len(found)
    assert max(item.n_qubits for item in passes) <= width
    assert all(0 < item.touched_frac <= 1 for item in passes)


def test_per_gate_counts_by_hand() -> None:
    """Six qubits, 2 + 2 distributed: qubits 2 and 3 inside a node, 4 and 5 between nodes."""
    circuit = QuantumCircuit(6)
    circuit.h(range(6))
    circuit.cx(5, 0)
    circuit.cx(0, 5)
    circuit.cz(4, 5)
    assert per_gate_exchanges(gates(circuit), 6, 2, 2) == Exchanges(inside=2, between=3)


def test_a_chain_needs_each_distributed_qubit_once() -> None:
    for n_inside, n_between in ((1, 0), (2, 0), (2, 3)):
        found = staged_exchanges(chain(12), 12, n_inside, n_between)
        assert found == Exchanges(n_inside, n_between)


def test_phases_need_no_swap() -> None:
    circuit = QuantumCircuit(6)
    for a in range(6):
        for b in range(a):
            circuit.cp(0.1, a, b)
        circuit.rz(0.2, a)
    assert staged_exchanges(gates(circuit), 6, 2, 1) == Exchanges(0, 0)


def replay(found: list[Gate], n: int, n_far: int) -> int:
    """Return the fewest stages over all choices of distributed qubits, by trying every one (n small)."""
    import itertools

    todo = [(frozenset(targets(gate)), gate.qubits) for gate in found]
    frontier, stages = {tuple(range(len(todo)))}, 0
    while True:
        following = set()
        for pending in frontier:
            for far in itertools.combinations(range(n), n_far):
                local = set(range(n)) - set(far)
                left, as_target, as_control = [], set(), set()
                for i in pending:
                    need, qubits = todo[i]
                    if need <= local and as_target.isdisjoint(qubits) and as_control.isdisjoint(need):
                        continue
                    left.append(i)
                    as_target |= need
                    as_control |= set(qubits) - need
                if not left:
                    return stages
                following.add(tuple(left))
        frontier, stages = following, stages + 1


@pytest.mark.parametrize("seed", range(6))
def test_staging_is_near_the_best_possible(seed: int) -> None:
    """Each stage swaps at least one qubit; never fewer than the optimum, at most twice it and one more."""
    rng = np.random.default_rng(seed)
    circuit = QuantumCircuit(6)
    for _ in range(14):
        a, b = rng.permutation(6)[:2].tolist()
        circuit.cx(a, b)
        circuit.h(int(rng.integers(6)))
    found = gates(circuit)
    swaps = staged_exchanges(found, 6, 1, 0).inside
    best = replay(found, 6, 1)
    assert best <= swaps <= 2 * best + 1
