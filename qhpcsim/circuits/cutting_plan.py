"""The different circuits that a cut needs, and which of them each term of the sum takes."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qhpcsim.circuits.cutting_atoms import trimmed
from qhpcsim.circuits.cutting_groups import Measured, grouped
from qhpcsim.circuits.cutting_template import Atom, Template, numbered, template
from qhpcsim.circuits.cutting_terms import Terms
from qhpcsim.core.errors import CircuitError
from qhpcsim.core.records import FloatArray


@dataclass(frozen=True, slots=True)
class Experiment:
    """A sub-experiment that differs from all others of its partition."""

    name: str
    """``partition/group/variants``: what its seed is drawn by."""
    partition: int
    group: int
    """Of observables that are measured together."""
    n_qubits: int
    """Of the partition."""
    atoms: tuple[Atom, ...]
    n_observable_bits: int
    """The lowest bits; the rest are measurements of the cuts. No bits at all: its outcome is +1 without running it."""
    n_bits: int

    def signs_mask(self, observable_mask: int) -> int:
        """Return the bits whose parity is the sign of an outcome for an observable."""
        return observable_mask | ((1 << self.n_bits) - (1 << self.n_observable_bits))


@dataclass(slots=True)
class Part:
    """One partition, as far as the sum needs it."""

    label: Hashable
    experiment: NDArray[np.int64]
    """(T, G) experiment of each term and group of observables that are measured together."""
    group: NDArray[np.int64]
    """(K,) group of each observable."""
    mask: list[int]
    """(K,) bits of its group's measurement on which each observable acts."""


@dataclass(slots=True)
class Plan:
    """A sum over T terms of products over P partitions, for K observables."""

    terms: Terms
    parts: list[Part]
    experiments: list[Experiment]
    known: FloatArray
    """(K,) factor of the qubits that no circuit holds: 1 or, for X and Y, 0."""
    n_cuts: int

    @property
    def n_sub_experiments(self) -> int:
        """How many circuits there are before equal ones are merged."""
        return sum(part.experiment.size for part in self.parts)

    def places(self, part: int, observable: int) -> NDArray[np.int64]:
        """Return the (T,) experiments that an observable's terms take in a partition."""
        found = self.parts[part]
        return found.experiment[:, found.group[observable]]


@dataclass(slots=True)
class _Merger:
    """Gives equal sub-experiments of a partition one number."""

    experiments: list[Experiment] = field(default_factory=list)
    numbers: dict[Hashable, int] = field(default_factory=dict)

    def number(self, part: int, group: int, variants: tuple[int, ...], cut: Template, ends: list[Atom]) -> int:
        """Return the number of the sub-experiment with these variants and final measurements."""
        n_end = len([atom for atom in ends if atom.bit >= 0])
        body = cut.atoms(variants)
        kept = trimmed([*numbered(body, n_end), *ends])
        key = (part, tuple((atom.key, atom.bit) for atom in kept))
        if key not in self.numbers:
            self.numbers[key] = len(self.experiments)
            n_bits = n_end + sum(atom.name == "measure" for atom in body)
            name = f"{part}/{group}/{'.'.join(map(str, variants))}"
            self.experiments.append(Experiment(name, part, group, cut.n_qubits, tuple(kept), n_end, n_bits))
        return self.numbers[key]


def templates(subcircuits: dict[Hashable, Any]) -> dict[Hashable, Template]:
    """Return each partition compiled, once for all its sub-experiments.

    Raises:
        CircuitError: as ``template``.
    """
    return {label: template(circuit, f"partition {label}") for label, circuit in subcircuits.items()}


def masks_of(part: Part, experiment: Experiment) -> tuple[NDArray[np.int64], list[int]]:
    """Return which of an experiment's parities each of K observables takes, and the masks of these parities.

    An observable that is measured in another group is given the first of them: no term of it takes this experiment.
    """
    members = np.flatnonzero(part.group == experiment.group).tolist()
    wanted = {k: experiment.signs_mask(part.mask[k]) for k in members}
    masks = sorted(set(wanted.values()))
    column = [masks.index(wanted[k]) if k in wanted else 0 for k in range(len(part.mask))]
    return np.array(column, dtype=np.int64), masks


def plan(compiled: dict[Hashable, Template], subobservables: dict[Hashable, Any], found: Terms, n_cuts: int) -> Plan:
    """Return what to run for a cut problem, each different circuit once.

    Sub-experiments are merged within a partition only: factors of one term must stay independent.

    Args:
        compiled: Partitions by label.
        subobservables: ``PauliList`` of K observables by label; a label without a partition stands for idle qubits.
        found: The sum.
        n_cuts: Number of cuts.

    Raises:
        CircuitError: if observables have signs, or there are none for a partition.
    """
    if set(compiled) - set(subobservables):
        raise CircuitError("a partition has no observables", where="cuts", hint="give observables to partition_problem")
    n_observables = len(next(iter(subobservables.values())))
    known = np.ones(n_observables)
    merger = _Merger()
    parts: list[Part] = []
    for label, observables in subobservables.items():
        if np.any(observables.phase):
            raise CircuitError("an observable has a sign or phase", where="observables", allowed="plain Pauli strings")
        if label in compiled:
            parts.append(_part(len(parts), label, compiled[label], observables, found, merger))
        else:
            known[np.any(observables.x, axis=1)] = 0.0
    return Plan(found, parts, merger.experiments, known, n_cuts)


def _part(number: int, label: Hashable, cut: Template, observables: Any, found: Terms, merger: _Merger) -> Part:
    groups = grouped(observables)
    holes = cut.holes
    taken = np.zeros((found.n, len(holes)), np.int64)
    for place, hole in enumerate(holes):
        taken[:, place] = hole.variant_of[found.map_ids[:, hole.cut]]
    rows, row_of = np.unique(taken, axis=0, return_inverse=True) if holes else (taken[:1], np.zeros(found.n, np.int64))
    experiment = np.empty((len(rows), len(groups.measured)), np.int64)
    for group, measured in enumerate(groups.measured):
        number_of = partial(merger.number, number, group, cut=cut, ends=_ends(measured))
        experiment[:, group] = [number_of(tuple(row)) for row in rows.tolist()]
    return Part(label, experiment[row_of.reshape(-1)], groups.group, groups.mask)


def _ends(measured: list[Measured]) -> list[Atom]:
    """Return the measurement of a group of observables, bit b on the b-th qubit on which one of them acts."""
    from qiskit.circuit import Measure
    from qiskit.circuit.library import HGate, SXGate

    found = []
    for bit, each in enumerate(measured):
        if each.x:
            turn = SXGate() if each.z else HGate()
            found.append(Atom(turn, (each.qubit,), ("end", turn.name)))
        found.append(Atom(Measure(), (each.qubit,), ("end", "measure"), bit))
    return found
