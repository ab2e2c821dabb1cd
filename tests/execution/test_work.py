"""What tasks do, against exact states, and the same on every engine."""

import numpy as np
import pytest
from scipy import stats

from qhpcsim.circuits.named import named_circuit
from qhpcsim.core.errors import CircuitError, ConfigError, QhpcsimError
from qhpcsim.core.registry import entries
from qhpcsim.execution.aer import warm_up
from qhpcsim.execution.circuit_task import CircuitTask, open_circuit, qpy_bytes
from qhpcsim.execution.engine import open_engine
from qhpcsim.execution.seeds import aer_seed
from qhpcsim.execution.task import Task
from qhpcsim.execution.work import expectation, sampling, sub_experiments

CIRCUITS = ("efficient_su2:4:reps=1,seed=3", "qaoa:5:layers=1,seed=2", "tfim:4:steps=2")
RESET = """OPENQASM 2.0; include "qelib1.inc"; qreg q[2]; creg c[2];
h q[0]; reset q[0]; h q[0]; cx q[0],q[1]; measure q -> c;"""
TASKS = (
    *(Task(f"s{k}", sampling, (CircuitTask((c,), 500, seed=aer_seed(5, f"s{k}")),)) for k, c in enumerate(CIRCUITS)),
    Task("e", expectation, (CircuitTask((CIRCUITS[0],), 0, "ZZII + 0.5*IXXI", aer_seed(5, "e")),)),
    Task("c", sub_experiments, (CircuitTask((RESET, RESET), (300, 50), seed=aer_seed(5, "c")),)),
)


def exact(circuit):
    from qiskit.quantum_info import Statevector

    return Statevector(circuit.remove_final_measurements(inplace=False))


@pytest.mark.parametrize("name", CIRCUITS)
def test_counts_follow_the_exact_probabilities(name):
    (found,) = sampling(CircuitTask((name,), 4000, seed=aer_seed(1, name)))
    wanted = exact(named_circuit(name)).probabilities_dict()
    assert sum(found.counts.values()) == 4000
    often = [key for key, p in wanted.items() if p * 4000 >= 5]
    seen = np.array([found.counts.get(key, 0) for key in often] + [0.0])
    expected = np.array([4000 * wanted[key] for key in often] + [0.0])
    seen[-1], expected[-1] = 4000 - seen.sum(), max(4000 - expected.sum(), 1e-9)
    if expected[-1] < 5:
        seen, expected = seen[:-1], expected[:-1]
    statistic = float(((seen - expected) ** 2 / expected).sum())
    assert stats.chi2.sf(statistic, len(seen) - 1) > 1e-4
    assert found.seconds > 0 and found.prepare_s > 0 and found.value is None


def test_expectation_values_are_exact():
    from qiskit.quantum_info import SparsePauliOp

    (found,) = expectation(CircuitTask((CIRCUITS[0],), 0, "ZZII + 0.5*IXXI"))
    wanted = exact(named_circuit(CIRCUITS[0])).expectation_value(SparsePauliOp(["ZZII", "IXXI"], [1, 0.5])).real
    assert found.value == pytest.approx(wanted, abs=1e-12)
    assert found.counts == {}


def test_each_circuit_of_a_cut_has_its_own_shots():
    few, many = sub_experiments(CircuitTask((RESET, RESET), (70, 900), seed=4))
    assert (sum(few.counts.values()), sum(many.counts.values())) == (70, 900)


def test_all_engines_give_the_same_values():
    pytest.importorskip("distributed")
    found = {}
    for name in ("serial", "processes", "dask"):
        with open_engine(name, workers=2, warm_up=warm_up) as engine:
            results = list(engine.map(TASKS))
        assert all(each.ok for each in results), [each.error for each in results]
        found[name] = [[(r.counts, r.value, r.n_qubits) for r in each.value] for each in results]
    assert found["processes"] == found["serial"]
    assert found["dask"] == found["serial"]


def test_repeats_change_the_time_only():
    task = CircuitTask((CIRCUITS[0],), 200, seed=8)
    (once,), (often,) = sampling(task), sampling(CircuitTask((CIRCUITS[0],), 200, seed=8, repeats=5))
    assert once.counts == often.counts


def test_circuits_travel_as_text_name_or_qpy():
    circuit = named_circuit("ghz:3")
    for source in ("ghz:3", qpy_bytes(circuit)):
        assert open_circuit(source) == circuit
    assert open_circuit(RESET).num_qubits == 2


def test_mistakes_are_named():
    with pytest.raises(ConfigError, match="kind expectation"):
        sampling(CircuitTask(("ghz:2",), 1, "ZZ"))
    with pytest.raises(ConfigError, match="kind sampling"):
        expectation(CircuitTask(("ghz:2",), 1))
    with pytest.raises(CircuitError, match="3 letters for a circuit of 2 qubits"):
        expectation(CircuitTask(("ghz:2",), 0, "ZZZ"))
    with pytest.raises(QhpcsimError, match="did you mean: ghz"):
        sampling(CircuitTask(("gzh:2",)))
    with pytest.raises(CircuitError, match="QPY cannot be read"):
        open_circuit(b"QISKIT nonsense")
    for wrong in ({"circuits": ()}, {"shots": 0}, {"shots": (1, 2)}, {"precision": "half"}, {"threads": 0}):
        with pytest.raises(ConfigError):
            CircuitTask(**{"circuits": ("ghz:2",), **wrong})


def test_aer_out_of_memory_is_a_reason():
    with open_engine("processes", workers=1, warm_up=warm_up) as engine:
        huge, fine = engine.map(
            [Task("huge", sampling, (CircuitTask(("ghz:60",)),)), Task("fine", sampling, (CircuitTask(("ghz:3",)),))]
        )
    assert huge.reason == "failed"
    assert huge.error
    assert fine.ok


def test_every_kind_of_work_is_registered_with_words():
    assert {"sampling", "expectation", "sub_experiments"} <= set(entries("work"))
    assert all(entry.summary for kind in ("work", "engine") for entry in entries(kind).values())
