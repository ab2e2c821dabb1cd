"""Terms of the observables that one part of a cut circuit measures at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from qhpcsim.circuits.cut_layout import Layout


class Group(NamedTuple):
    """Terms that one measurement of a part serves."""

    letters: str
    """Letter measured on each wire of the part, first wire first; I: not measured."""
    terms: tuple[int, ...]
    """Numbers of the observables' terms."""
    silent: tuple[bool, ...]
    """For each of ``terms``, whether it acts on no wire of the part."""


def groups_of(layout: Layout, part: int) -> tuple[Group, ...]:
    """Return the groups of terms that a part measures at once, as the library groups them."""
    from qiskit.quantum_info import PauliList

    numbers: dict[str, list[int]] = {}
    for term in range(len(layout.circuit.terms)):
        numbers.setdefault(layout.letters(term, part), []).append(term)
    if len(numbers) == 1:
        ((letters, terms),) = numbers.items()
        return (Group(letters, tuple(terms), (not letters.strip("I"),) * len(terms)),)
    # Grouped in the library's order: it colours the list of distinct strings, and the order decides the colours.
    labels = [letters[::-1] for letters in numbers]
    groups = PauliList(labels).unique().group_commuting(qubit_wise=True)
    return tuple(_group([label[::-1] for label in group.to_labels()], numbers) for group in groups)


def _group(members: Sequence[str], numbers: dict[str, list[int]]) -> Group:
    letters = "".join(next((c for c in column if c != "I"), "I") for column in zip(*members, strict=True))
    terms = sorted((term, not member.strip("I")) for member in members for term in numbers[member])
    return Group(letters, tuple(term for term, _ in terms), tuple(silent for _, silent in terms))
