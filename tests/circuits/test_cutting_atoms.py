"""Sub-experiments keep their distribution, exactly, whatever is cut away, deferred or renumbered."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit.circuit import Measure, Reset
from qiskit.circuit.library import CXGate, HGate, RYGate, SXGate

from qhpcsim.circuits.cutting_atoms import (
    MOST_QUBITS,
    circuit_of,
    deferred,
    n_active,
    ready,
    sampleable,
    trimmed,
    work,
)
from qhpcsim.circuits.cutting_template import Atom, numbered
from qhpcsim.core.errors import CircuitError
from tests.circuits.cutting_cases import distribution, same

N_QUBITS = 3
QUBIT = st.integers(0, N_QUBITS - 1)
STEP = st.one_of(
    st.tuples(st.just("turn"), QUBIT, st.floats(-3, 3)),
    st.tuples(st.just("cx"), QUBIT, st.integers(1, N_QUBITS - 1)),
    st.tuples(st.just("measure"), QUBIT, st.none()),
    st.tuples(st.just("reset"), QUBIT, st.none()),
)


def atoms_of(steps):
    found, n_measured = [], 0
    for place, (kind, qubit, value) in enumerate(steps):
        if kind == "measure":
            if n_measured == 4:
                continue
            n_measured += 1
            found.append(Atom(Measure(), (qubit,), place))
        elif kind == "reset":
            found.append(Atom(Reset(), (qubit,), place))
        elif kind == "turn":
            found.append(Atom(RYGate(value), (qubit,), place))
        else:
            found.append(Atom(CXGate(), (qubit, (qubit + value) % N_QUBITS), place))
    return numbered(found)


def outcomes(atoms):
    return distribution(circuit_of(atoms, "c"))


@settings(max_examples=150, deadline=None)
@given(st.lists(STEP, max_size=14))
def test_deferring_measurements_keeps_the_distribution(steps):
    atoms = atoms_of(steps)
    found, width = deferred(atoms, N_QUBITS)
    assert sampleable(found)
    assert width <= N_QUBITS + sum(atom.name in ("measure", "reset") for atom in atoms)
    assert same(outcomes(atoms), outcomes(found)) < 1e-12


@settings(max_examples=150, deadline=None)
@given(st.lists(STEP, max_size=14))
def test_trimming_keeps_the_distribution(steps):
    atoms = atoms_of(steps)
    found = trimmed(atoms)
    assert len(found) <= len(atoms) and trimmed(found) == found
    assert same(outcomes(atoms), outcomes(found)) < 1e-12


@settings(max_examples=60, deadline=None)
@given(st.lists(STEP, max_size=12), st.sampled_from([0, 1, 3, 100, 10**6]))
def test_what_runs_has_the_distribution_of_the_sub_experiment(steps, shots):
    atoms = atoms_of(steps)
    assert same(outcomes(atoms), outcomes(ready(trimmed(atoms), N_QUBITS, shots))) < 1e-12


def bell_chain(n_qubits, n_measured):
    """A chain of gates with a measurement in the middle of the first ``n_measured`` qubits."""
    atoms = [Atom(HGate(), (q,), ("h", q)) for q in range(n_qubits)]
    for q in range(n_measured):
        atoms += [Atom(Measure(), (q,), ("m", q)), Atom(SXGate(), (q,), ("s", q))]
    atoms += [Atom(CXGate(), (q, q + 1), ("c", q)) for q in range(n_qubits - 1)]
    return numbered([*atoms, Atom(Measure(), (n_qubits - 1,), "end")])


def test_a_measurement_is_deferred_where_that_is_cheaper():
    for shots in (100, 1024, 10**5):
        found = ready(bell_chain(6, 2), 6, shots)
        assert sampleable(found) and n_active(found) == 8


def test_few_shots_of_a_circuit_with_many_measurements_are_simulated_one_by_one():
    atoms = bell_chain(10, 9)
    found = ready(atoms, 10, 2)
    assert found == list(atoms)
    assert work(atoms, 2) < work(deferred(atoms, 10)[0], 2)


def test_no_deferred_circuit_is_wider_than_memory_allows():
    atoms = bell_chain(20, 10)
    assert n_active(ready(atoms, 20, 10**9)) == 20 < MOST_QUBITS
    with pytest.raises(CircuitError, match="30 qubits"):
        ready(atoms, 20, 0)


def test_a_last_measurement_needs_no_qubit_and_a_reset_one_does():
    last = numbered([Atom(HGate(), (0,), 0), Atom(Measure(), (0,), 1)])
    assert deferred(last, 1) == (last, 1)
    again = numbered([*last[:2], Atom(Reset(), (0,), 2), Atom(HGate(), (0,), 3), Atom(Measure(), (0,), 4)])
    found, width = deferred(again, 1)
    assert width == 2 and [atom.name for atom in found].count("cx") == 0
    assert same(outcomes(again), outcomes(found)) < 1e-15


def test_nothing_that_acts_by_chance_passes_as_sampleable():
    from qiskit.circuit.library import Initialize
    from qiskit.quantum_info import Kraus

    noise = Atom(Kraus([[[1, 0], [0, 0.6]], [[0, 0.8], [0, 0]]]).to_instruction(), (0,), 0)
    end = Atom(Measure(), (0,), 1, 0)
    assert not sampleable([noise, end])
    with pytest.raises(CircuitError, match="by chance"):
        ready([noise, end], 1, 0)
    fresh = Atom(Initialize([0.6, 0.8]), (0,), 0)
    assert sampleable([fresh, end])
    assert not sampleable([Atom(HGate(), (0,), 2), fresh, end])
