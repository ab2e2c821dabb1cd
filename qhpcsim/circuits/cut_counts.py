"""How many sub-experiments a cut makes, how many of them differ, and what each kind of them takes; nothing is run.

Two sub-experiments are the same if every qubit sees the same operations in the same order and the same letters of the
observable are measured; the names of classical bits do not matter. The library repeats such circuits: the two maps
that measure one side of a cut controlled-X differ on the other side only.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from qhpcsim.circuits.cut_groups import Group, groups_of
from qhpcsim.circuits.cut_layout import Bases, Layout

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_NO_WEIGHT = 1e-14
"""Joint probability below which the library leaves a sample out."""
MEASURE = "qpd_measure"
"""Name of a measurement that takes the place of a cut."""
_RESET = "reset"
Key = tuple[str, Any]
"""Name and numbers of an operation."""


@dataclass(frozen=True, slots=True)
class Samples:
    """The joint choices of one map for each cut; S samples of k cuts."""

    maps: npt.NDArray[np.int64]
    """Map of each cut in each sample, shape (k, S)."""
    weights: npt.NDArray[np.float64]
    """Product of the maps' coefficients, shape (S,)."""

    @property
    def n(self) -> int:
        """Number of samples; 1 without a cut."""
        return len(self.weights)


@dataclass(frozen=True, slots=True)
class PartCounts:
    """The sub-experiments of one part: D different ones for each of G groups of terms."""

    width: int
    """Qubits, those that wire cuts add included."""
    groups: tuple[Group, ...]
    codes: npt.NDArray[np.int64]
    """Number of the distinct sub-experiment, 0 to D - 1, of each joint sample, shape (S,)."""
    first: npt.NDArray[np.int64]
    """First joint sample that makes each distinct sub-experiment, shape (D,)."""
    repeats: npt.NDArray[np.int64]
    """Joint samples that make each of them, shape (D,)."""
    n_measured: npt.NDArray[np.int64]
    """Measurements that replace a cut, shape (D,)."""
    n_mid: npt.NDArray[np.int64]
    """How many of these an operation follows on the same qubit, shape (G, D): ancillas if they are deferred."""
    n_1q: npt.NDArray[np.int64]
    """Gates on one qubit, the changes of basis before the last measurements included, shape (G, D)."""
    n_2q: int
    depth: int
    """Largest depth over all sub-experiments, last measurements included."""

    @property
    def n_distinct(self) -> int:
        """Different circuits to run."""
        return len(self.groups) * len(self.first)

    @property
    def n_mid_circuit(self) -> int:
        """Different circuits with a measurement before an operation on the same qubit."""
        return int((self.n_mid > 0).sum())

    @property
    def n_ancillas(self) -> int:
        """Most ancillas that deferring the measurements of one sub-experiment takes."""
        return int(self.n_mid.max(initial=0))


def n_samples(layout: Layout, bases: Bases) -> int:
    """Return the number of joint samples before those without weight are dropped, without making them."""
    return math.prod(int(sum(c != 0 for c in bases.of(item.operation).coeffs)) for item in layout.cut_items)


def samples(layout: Layout, bases: Bases) -> Samples:
    """Return all joint samples that carry weight, as ``generate_cutting_experiments`` makes for num_samples=inf."""
    import numpy as np

    found = [bases.of(item.operation) for item in layout.cut_items]
    if not found:
        return Samples(np.zeros((0, 1), dtype=np.int64), np.ones(1))
    used = [np.flatnonzero(np.asarray(basis.probabilities) > 0) for basis in found]
    grid = np.indices([len(choices) for choices in used]).reshape(len(used), -1)
    maps = np.array([choices[row] for choices, row in zip(used, grid, strict=True)], dtype=np.int64)
    probability, weights = np.ones(maps.shape[1]), np.ones(maps.shape[1])
    for basis, row in zip(found, maps, strict=True):
        probability = probability * np.asarray(basis.probabilities)[row]
        weights = weights * np.asarray(basis.coeffs, dtype=float)[row]
    kept = probability >= _NO_WEIGHT
    return Samples(maps[:, kept], weights[kept])


def part_counts(layout: Layout, part: int, drawn: Samples, bases: Bases) -> PartCounts:
    """Return the sub-experiments of one part of a cut circuit."""
    import numpy as np

    runs = _runs(layout, part)
    tables = [_run_table(run, layout, drawn, bases) for run in runs]
    codes = np.zeros(drawn.n, dtype=np.int64)
    for table in tables:
        codes = codes * (int(table.codes.max(initial=0)) + 1) + table.codes
        _, codes = np.unique(codes, return_inverse=True)
    _, first, repeats = np.unique(codes, return_index=True, return_counts=True)
    groups = groups_of(layout, part)
    wires = layout.wires_of[part]
    n_plain = [sum(letter in "XY" for letter in group.letters) for group in groups]
    inside = [item for item in layout.items if item.cut is None and layout.labels[item.wires[0]] == part]
    base_1q = sum(len(item.wires) == 1 for item in inside)
    gates = sum((table.n_gates[first] for table in tables), np.zeros(len(first), dtype=np.int64))
    return PartCounts(
        width=len(wires),
        groups=groups,
        codes=codes,
        first=first,
        repeats=repeats,
        n_measured=sum((table.n_measured[first] for table in tables), np.zeros(len(first), dtype=np.int64)),
        n_mid=np.array([_mid(tables, runs, group, wires, first) for group in groups]),
        n_1q=np.array([base_1q + plain + gates for plain in n_plain]),
        n_2q=sum(len(item.wires) == 2 for item in inside),
        depth=_depth(layout, part, groups, bases),
    )


class _Run(NamedTuple):
    """Sides of cuts that follow each other on one wire with nothing between."""

    wire: int
    sides: tuple[tuple[int, int], ...]
    """(cut, side of it)."""
    ends: bool
    """Whether nothing but the last measurement comes after."""


class _RunTable(NamedTuple):
    """What a run becomes in each joint sample; all of shape (S,)."""

    codes: Any
    n_gates: Any
    n_measured: Any
    n_followed: Any
    """Measurements that a gate of the run follows."""


class Side(NamedTuple):
    """One side of a cut, on a wire of a part."""

    cut: int
    side: int
    """0 or 1."""
    wire: int
    run: int
    """Number of the run of sides that it belongs to: sides on one wire with nothing between."""


def part_sides(layout: Layout, part: int) -> list[Side]:
    """Return the sides of cuts in a part, in the order of the instructions."""
    sides: list[Side] = []
    n_runs, open_run = 0, dict[int, int]()
    for item in layout.items:
        for side, wire in enumerate(item.wires):
            if layout.labels[wire] != part:
                continue
            if item.cut is None:
                open_run.pop(wire, None)
                continue
            if wire not in open_run:
                open_run[wire] = n_runs
                n_runs += 1
            sides.append(Side(item.cut, side, wire, open_run[wire]))
    return sides


def _runs(layout: Layout, part: int) -> list[_Run]:
    """Return the runs of a part."""
    sides = part_sides(layout, part)
    last = {wire: i for i, item in enumerate(layout.items) for wire in item.wires if item.cut is None}
    places = {item.cut: i for i, item in enumerate(layout.items) if item.cut is not None}
    runs = []
    for number in range(1 + max((side.run for side in sides), default=-1)):
        members = [side for side in sides if side.run == number]
        wire = members[0].wire
        ends = places[members[0].cut] > last.get(wire, -1)
        runs.append(_Run(wire, tuple((side.cut, side.side) for side in members), ends))
    return runs


def sequence(basis: Any, choice: int, side: int) -> tuple[Key, ...]:
    """Return what a map puts on one side; resets go, for they stand first or last on their wire."""
    return tuple(_key(op) for op in basis.maps[choice][side] if op.name != _RESET)


def _key(operation: Any) -> Key:
    """Return name and numbers of an operation, exactly."""
    if all(isinstance(value, (int, float)) for value in operation.params):
        return operation.name, tuple(operation.params)
    return operation.name, tuple(value.tobytes() for value in operation.params)


def _run_table(run: _Run, layout: Layout, drawn: Samples, bases: Bases) -> _RunTable:
    """Return the distinct sequences of a run over the joint samples."""
    import numpy as np

    rows = drawn.maps[[cut for cut, _ in run.sides]]
    choices, which = np.unique(rows, axis=1, return_inverse=True)
    found = [bases.of(layout.cut_items[cut].operation) for cut, _ in run.sides]
    numbers: dict[tuple[Key, ...], int] = {}
    table = []
    for column in choices.T:
        parts = zip(found, column, run.sides, strict=True)
        text = tuple(key for basis, choice, (_, side) in parts for key in sequence(basis, int(choice), side))
        measured = [i for i, key in enumerate(text) if key[0] == MEASURE]
        last_gate = max((i for i, key in enumerate(text) if key[0] != MEASURE), default=-1)
        followed = sum(i < last_gate for i in measured)
        code = numbers.setdefault(text, len(numbers))
        table.append((code, len(text) - len(measured), len(measured), followed))
    columns = np.array(table, dtype=np.int64)[which.reshape(-1)].T
    return _RunTable(*columns)


def _mid(tables: Sequence[_RunTable], runs: Sequence[_Run], group: Group, wires: Sequence[int], first: Any) -> Any:
    """Return, for each distinct sub-experiment, how many of its measurements something follows on the qubit."""
    import numpy as np

    total = np.zeros(len(first), dtype=np.int64)
    for table, run in zip(tables, runs, strict=True):
        rotated = group.letters[wires.index(run.wire)] in "XY"
        total += (table.n_followed if run.ends and not rotated else table.n_measured)[first]
    return total


def _depth(layout: Layout, part: int, groups: Sequence[Group], bases: Bases) -> int:
    """Return the largest depth of a part: every cut by its longest sequence, every qubit by its longest ending."""
    level = dict.fromkeys(layout.wires_of[part], 0)
    for item in layout.items:
        if item.cut is None:
            if item.wires[0] in level:
                top = 1 + max(level[wire] for wire in item.wires)
                level |= dict.fromkeys(item.wires, top)
            continue
        basis = bases.of(item.operation)
        for side, wire in enumerate(item.wires):
            if wire in level:
                used = [i for i, c in enumerate(basis.coeffs) if c != 0]
                level[wire] += max(len(sequence(basis, i, side)) for i in used)
    ending = {"I": 0, "Z": 1, "X": 2, "Y": 2}
    ends = [max(ending[group.letters[i]] for group in groups) for i in range(len(level))]
    return max(depth + end for depth, end in zip(level.values(), ends, strict=True))
