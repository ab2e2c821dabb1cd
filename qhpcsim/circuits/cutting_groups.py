"""Which Pauli strings of a partition are measured together, and on which of the measured bits each of them acts.

The groups are those of ``qiskit_addon_cutting``'s ``ObservableCollection``, which asks for the letters of each string
one by one: 15 ms for the mean of Z on 20 qubits, where their arrays say the same in 0.4 ms.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from qiskit.quantum_info import PauliList


@dataclass(frozen=True, slots=True)
class Measured:
    """A qubit that is measured for a group, in the basis of its letter: Z, X (``x``) or Y (``x`` and ``z``)."""

    qubit: int
    x: bool
    z: bool


@dataclass(frozen=True, slots=True)
class Groups:
    """G groups of strings that commute qubit by qubit, for K strings."""

    measured: list[list[Measured]]
    """(G,) the qubits on which one of a group's strings acts; bit b is the b-th of them."""
    group: NDArray[np.int64]
    """(K,) group of each string."""
    mask: list[int]
    """(K,) bits of its group on which each string acts."""


def grouped(strings: PauliList) -> Groups:
    """Return strings without signs in groups that are measured together."""
    measured: list[list[Measured]] = []
    found: dict[bytes, tuple[int, int]] = {}
    for number, members in enumerate(strings.unique().group_commuting(qubit_wise=True)):
        x, z = members.x.any(axis=0), members.z.any(axis=0)
        qubits = np.flatnonzero(x | z)
        measured.append([Measured(q, bool(x[q]), bool(z[q])) for q in qubits.tolist()])
        bits = np.packbits((members.x | members.z)[:, qubits], axis=1, bitorder="little")
        for key, acts in zip(_keys(members), bits, strict=True):
            found[key] = number, int.from_bytes(acts.tobytes(), "little")
    where = [found[key] for key in _keys(strings)]
    return Groups(measured, np.array([group for group, _ in where], np.int64), [mask for _, mask in where])


def _keys(strings: PauliList) -> list[bytes]:
    return [row.tobytes() for row in np.hstack([strings.x, strings.z])]
