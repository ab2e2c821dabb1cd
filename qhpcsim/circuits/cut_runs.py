"""The circuits that a part of a cut really runs: without what no result depends on, each once.

Where a piece of a cut measures nothing, all that follows it outside the light cone of the observable is dropped.
Sub-experiments that differ only there become one; one without any result need not run, its value is 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from qhpcsim.circuits.cut_counts import MEASURE, Key, PartCounts, Samples, Side, part_sides, sequence
from qhpcsim.circuits.cut_groups import Group
from qhpcsim.circuits.cut_layout import Bases, Layout

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PartRuns:
    """The R circuits that one part runs, for D distinct sub-experiments and G groups of terms."""

    run_of: Numbers
    """Run of each distinct sub-experiment in each group, shape (G, D); -1: it has no result, its value is 1."""
    group: Numbers
    """Group of terms that each run serves; this and all that follow are of shape (R,)."""
    sample: Numbers
    """A joint sample that makes it."""
    repeats: Numbers
    """Circuits of the library that it stands for."""
    n_active: Numbers
    """Qubits that its results depend on."""
    n_ancillas: Numbers
    """Measurements that an operation follows on the same qubit: ancillas if they are deferred."""
    n_1q: Numbers
    n_2q: Numbers
    n_measurements: Numbers

    @property
    def n_runs(self) -> int:
        """R."""
        return len(self.group)


class _Cone(NamedTuple):
    """What the results of a sub-experiment depend on, given which sides of cuts measure."""

    kept: tuple[bool, ...]
    """For each side, whether gates that it puts last matter."""
    followed: tuple[bool, ...]
    """For each side, whether a gate of the circuit or a change of basis that matters follows on its wire."""
    n_active: int
    n_1q: int
    n_2q: int


class _Content(NamedTuple):
    """What one sub-experiment comes to."""

    texts: tuple[tuple[Key, ...], ...]
    """Operations that the sides of each run of adjacent cuts put on its wire."""
    n_gates: int
    n_measured: int
    n_ancillas: int


def part_runs(layout: Layout, part: int, counts: PartCounts, drawn: Samples, bases: Bases) -> PartRuns:
    """Return what a part runs."""
    import numpy as np

    sides = part_sides(layout, part)
    texts = _texts(layout, sides, bases)
    rows = np.empty_like(np.tile(counts.first, (len(counts.groups), 1)))
    numbers: dict[Any, int] = {}
    facts: list[list[int]] = []
    for g, group in enumerate(counts.groups):
        cones: dict[tuple[bool, ...], _Cone] = {}
        for u, sample in enumerate(counts.first.tolist()):
            chosen = [text[int(drawn.maps[side.cut, sample])] for side, text in zip(sides, texts, strict=True)]
            measured = tuple(any(key[0] == MEASURE for key in text) for text in chosen)
            if measured not in cones:
                cones[measured] = _cone(layout, part, group, measured)
            cone = cones[measured]
            if not cone.n_active:
                rows[g, u] = -1
                continue
            content = _content(sides, chosen, cone)
            number = rows[g, u] = numbers.setdefault((g, content.texts), len(numbers))
            if number == len(facts):
                facts.append([g, sample, 0, *_sizes(cone, content, group)])
            facts[number][2] += int(counts.repeats[u])
    columns = np.array(facts, dtype=np.int64).reshape(-1, 8).T
    return PartRuns(rows, *columns)


def _texts(layout: Layout, sides: list[Side], bases: Bases) -> list[list[tuple[Key, ...]]]:
    """Return, for each side, what each map of its cut puts there."""
    found = [bases.of(layout.cut_items[side.cut].operation) for side in sides]
    return [
        [sequence(basis, choice, side.side) for choice in range(len(basis.maps))]
        for basis, side in zip(found, sides, strict=True)
    ]


def _sizes(cone: _Cone, content: _Content, group: Group) -> tuple[int, int, int, int, int]:
    """Return active qubits, ancillas, gates on one and on two qubits, and measurements."""
    n_rotated = sum(letter in "XY" for letter in group.letters)
    n_ends = len(group.letters) - group.letters.count("I")
    n_1q = cone.n_1q + content.n_gates + n_rotated
    return cone.n_active, content.n_ancillas, n_1q, cone.n_2q, content.n_measured + n_ends


def _cone(layout: Layout, part: int, group: Group, measured: tuple[bool, ...]) -> _Cone:
    """Walk back from all results of a part."""
    place = {wire: i for i, wire in enumerate(layout.wires_of[part])}
    cone = {wire for wire, i in place.items() if group.letters[i] != "I"}
    changed = {wire for wire, i in place.items() if group.letters[i] in "XY"}
    kept, followed = list[bool](), list[bool]()
    n_gates = [0, 0]
    left = len(measured)
    for item in reversed(layout.items):
        if item.cut is None:
            if item.wires[0] in place and not cone.isdisjoint(item.wires):
                cone.update(item.wires)
                changed.update(item.wires)
                n_gates[len(item.wires) - 1] += 1
            continue
        for wire in reversed(item.wires):
            if wire in place:
                left -= 1
                kept.append(wire in cone)
                followed.append(wire in changed)
                cone.update([wire] if measured[left] else [])
    return _Cone(tuple(kept[::-1]), tuple(followed[::-1]), len(cone), *n_gates)


def _content(sides: list[Side], chosen: list[tuple[Key, ...]], cone: _Cone) -> _Content:
    """Return what is left of the sides' operations."""
    n_runs = 1 + max((side.run for side in sides), default=-1)
    texts: list[tuple[Key, ...]] = [()] * n_runs
    n_gates = n_measured = n_ancillas = 0
    changed: dict[int, bool] = {}
    for side, text, kept, followed in zip(
        reversed(sides), reversed(chosen), cone.kept[::-1], cone.followed[::-1], strict=True
    ):
        ends = [i for i, key in enumerate(text) if key[0] == MEASURE]
        left = text if kept else text[: ends[-1] + 1] if ends else ()
        n_measured += len(ends)
        n_gates += len(left) - len(ends)
        gate_after = followed or changed.get(side.wire, False)
        for key in reversed(left):
            n_ancillas += key[0] == MEASURE and gate_after
            gate_after = gate_after or key[0] != MEASURE
        changed[side.wire] = gate_after
        texts[side.run] = left + texts[side.run]
    return _Content(tuple(texts), n_gates, n_measured, n_ancillas)
