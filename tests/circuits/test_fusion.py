"""The estimate of what Aer fuses, against what Aer says it did."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit_aer import AerSimulator

from qhpcsim.circuits.cost import CircuitCost, circuit_cost
from qhpcsim.circuits.families.probes import random_unitary
from qhpcsim.circuits.named import named_circuit
from qhpcsim.circuits.observable import Observable
from qhpcsim.circuits.simulator import for_simulator, with_observable

CIRCUITS = (
    "efficient_su2:16:reps=3", "efficient_su2:15:entangle=full,reps=2", "efficient_su2:17:entangle=circular",
    "qaoa:16", "qaoa:15:graph=regular3,layers=3,seed=4", "qaoa:15:graph=full", "tfim:16", "tfim:15:native=true,steps=6",
    "tfim:16:graph=ring,steps=8", "heisenberg:15", "heisenberg:16:native=true,steps=4", "ghz:16", "graph_state:16",
    "graph_state:15:graph=full", "graph_state:16:graph=regular3", "qft:16", "qft:15:swaps=false", "qpe:16", "bv:16",
    "adder:16", "brickwork:15:depth=12", "quantum_volume:15:depth=8", "clifford_t:15:depth=30",
    "clifford_t:16:cx_frac=0.1,t_frac=0.6,seed=2", "iqp:16:depth=12", "two_qubit:15:depth=20", "dynamic:15:rounds=4",
    "repetition_code:15:rounds=3", "feedforward:15:rounds=3", "probe:15:kernel=matrix,width=4",
    "probe:16:kernel=diagonal,width=3", "efficient_su2:14:reps=2",
)  # fmt: skip
SKIPPED = frozenset({"mark", "jump", "bfunc", "save_expval", "barrier"})


def aer(circuit: QuantumCircuit) -> dict[str, Any]:
    sim = AerSimulator(method="statevector", max_parallel_threads=1, fusion_verbose=True)
    result = sim.run(circuit, shots=1, seed_simulator=7_301_882_741).result()
    assert result.success
    return dict(result.results[0].metadata)


def true_operations(metadata: dict[str, Any], sampled: bool) -> list[tuple[str, tuple[int, ...]]]:
    skipped = SKIPPED | ({"measure"} if sampled else set())
    found = []
    for op in metadata["fusion"]["output_ops"]:
        if op["name"] in skipped:
            continue
        name = op["name"]
        if name == "unitary":
            matrix = np.array(op["mats"][0])
            off_diagonal = np.count_nonzero(matrix) - np.count_nonzero(np.diagonal(matrix))
            name = "diagonal" if off_diagonal == 0 else "matrix"
        found.append((name, tuple(op["qubits"])))
    return found


def estimated(cost: CircuitCost) -> list[tuple[str, tuple[int, ...]]]:
    fused = ("unitary", "diagonal")
    return [
        (op.kernel if op.name in fused else op.name, op.qubits)
        for op in cost.operations
        if op.name not in (*SKIPPED, "global_phase")
    ]


@pytest.mark.parametrize("name", CIRCUITS)
def test_fused_operations_are_those_of_aer(name: str) -> None:
    circuit = for_simulator(named_circuit(name))
    cost, metadata = circuit_cost(circuit, shots=1), aer(circuit)
    assert metadata["num_qubits"] == cost.n_active
    assert metadata["measure_sampling"] == cost.sampleable
    if cost.n_active <= 14:
        assert not metadata["fusion"]["applied"]
        assert not cost.fused
        return
    assert estimated(cost) == true_operations(metadata, cost.sampleable)


@pytest.mark.parametrize(
    ("name", "letters"),
    [("tfim:20:steps=4", "I" * 9 + "ZZ" + "I" * 9), ("heisenberg:18:steps=3", "X" + "I" * 17), ("qft:16", "Z" * 16)],
)
def test_with_an_observable_only_its_light_cone_is_fused(name: str, letters: str) -> None:
    observable = Observable.parse(letters)
    metadata = aer(with_observable(named_circuit(name), observable))
    cost = circuit_cost(for_simulator(named_circuit(name)), observable=observable)
    assert metadata["num_qubits"] == cost.n_active
    if metadata["fusion"]["applied"]:
        assert estimated(cost) == true_operations(metadata, True)


@pytest.mark.parametrize("seed", range(12))
def test_random_circuits_of_all_gates(seed: int) -> None:
    rng = np.random.default_rng(seed)
    circuit = QuantumCircuit(15)
    for _ in range(150):
        a, b, c = (int(q) for q in rng.choice(15, 3, replace=False))
        angle = float(rng.uniform(-3, 3))
        kind = int(rng.integers(17))
        if kind < 6:
            getattr(circuit, ("h", "x", "s", "t", "sx", "z")[kind])(a)
        elif kind < 9:
            getattr(circuit, ("rz", "p", "ry")[kind - 6])(angle, a)
        elif kind < 12:
            getattr(circuit, ("cx", "cz", "swap")[kind - 9])(a, b)
        elif kind < 15:
            getattr(circuit, ("cp", "rzz", "crx")[kind - 12])(angle, a, b)
        elif kind == 15:
            circuit.ccx(a, b, c)
        else:
            circuit.unitary(random_unitary(2, rng), [a, b])
    circuit.measure_all()
    ready = for_simulator(circuit)
    assert estimated(circuit_cost(ready, shots=1)) == true_operations(aer(ready), True)
