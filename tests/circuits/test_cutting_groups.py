"""Which strings are measured together, against the library."""

import numpy as np
import pytest
from qiskit.quantum_info import PauliList
from qiskit_addon_cutting.utils.observable_grouping import ObservableCollection

from qhpcsim.circuits.cutting_groups import Measured, grouped


def strings(seed):
    """One to 40 strings on 1 to 70 qubits, some of them equal, some of them nothing but I."""
    rng = np.random.default_rng(seed)
    n_qubits, n = int(rng.choice([1, 3, 8, 70])), int(rng.integers(1, 40))
    share = rng.uniform(0.0, 0.6)
    letters = rng.choice(list("IXYZ"), (n, n_qubits), p=[1 - share, *[share / 3] * 3])
    return PauliList(["".join(row) for row in letters])


@pytest.mark.parametrize("seed", range(60))
def test_groups_and_bits_are_those_of_the_library(seed):
    paulis = strings(seed)
    found, theirs = grouped(paulis), ObservableCollection(paulis)
    assert [[each.qubit for each in group] for group in found.measured] == [g.pauli_indices for g in theirs.groups]
    for group, ours in zip(theirs.groups, found.measured, strict=True):
        general = group.general_observable
        assert all((general.x[each.qubit], general.z[each.qubit]) == (each.x, each.z) for each in ours)
    for pauli, group, mask in zip(paulis, found.group.tolist(), found.mask, strict=True):
        at, index = theirs.lookup[pauli][0]
        assert (group, mask) == (at, theirs.groups[at].pauli_bitmasks[index])


def test_by_hand():
    """ZIX and ZII are measured on qubits 0 and 2; YII is in conflict with Z on qubit 2."""
    found = grouped(PauliList(["ZIX", "ZII", "YII"]))
    (second, first), group, mask = found.measured, found.group.tolist(), found.mask
    assert group == [1, 1, 0]
    assert first == [Measured(0, True, False), Measured(2, False, True)] and second == [Measured(2, True, True)]
    assert mask == [0b11, 0b10, 0b1]
