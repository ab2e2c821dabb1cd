"""The terms of a state-vector simulation's time: what a circuit contains, to be multiplied by what a device charges."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qhpcsim.circuits.cost import CircuitCost
from qhpcsim.circuits.fusion import THRESHOLD
from qhpcsim.core.records import FloatArray

INDEX_QUBITS = 10
"""Aer finds a sample in an index of 2^10 blocks, then inside the block (statevector_sample_measure_opt)."""
FRESH_BYTES = 32 * 1024**2
"""From this size the C library takes a state's memory anew from the system for every run (glibc's largest
DEFAULT_MMAP_THRESHOLD_MAX), so that each page is touched for the first time."""


@dataclass(frozen=True, slots=True)
class Term:
    """One term: what is counted, the unit of its price, and the part of the answer that it belongs to."""

    name: str
    unit: str
    part: str
    about: str


TERMS = (
    Term("start", "us", "start-up", "one call of run().result()"),
    Term("plain", "us", "hand-over", "gate without an angle, handed from Python to the simulator"),
    Term("parametric", "us", "hand-over", "gate with an angle, handed over"),
    Term("controlled_angle", "us", "hand-over", "controlled gate with an angle, handed over"),
    Term("other", "us", "hand-over", "any other instruction, handed over"),
    Term("fusion", "us", "fusion", "gate that passes through fusion"),
    Term("operation", "us", "operations", "call of an operation"),
    Term("random", "us", "operations", "call of a measurement or reset on the way"),
    Term("shot", "us", "shots", "shot that is simulated from the start"),
    Term("sample", "us", "sampling", "shot that is sampled"),
    Term("sample_bit", "us", "sampling", "bit of a sampled shot"),
    Term("outcome", "us", "sampling", "different outcome among the samples"),
    Term("scan_index", "ns", "sampling", "index entry looked at to find a sample"),
    Term("scan", "ns", "sampling", "amplitude looked at to find a sample"),
    Term("index", "ns", "sampling", "amplitude, once, to be able to sample"),
    Term("init", "ns", "set-up", "amplitude set to its first value"),
    Term("fresh", "ns", "set-up", "amplitude in memory new from the system"),
    Term("matrix_1", "ns", "operations", "amplitude, for a one-qubit matrix"),
    Term("matrix_2", "ns", "operations", "amplitude, for a two-qubit matrix"),
    Term("matrix_3", "ns", "operations", "amplitude, for a three-qubit matrix"),
    Term("matrix_4", "ns", "operations", "amplitude, for a four-qubit matrix"),
    Term("matrix_5", "ns", "operations", "amplitude, for a five-qubit matrix; twice as much for each qubit more"),
    Term("diagonal_1", "ns", "operations", "amplitude, for a one-qubit diagonal matrix"),
    Term("diagonal_2", "ns", "operations", "amplitude, for a diagonal matrix on two or more qubits"),
    Term("diagonal_more", "ns", "operations", "amplitude and qubit beyond the second of a diagonal matrix"),
    Term("phase_1", "ns", "operations", "amplitude, for Z, S, T or a phase"),
    Term("phase_2", "ns", "operations", "amplitude, for a controlled phase"),
    Term("permutation_1", "ns", "operations", "amplitude, for X or Y"),
    Term("permutation_2", "ns", "operations", "amplitude, for CX, CY or SWAP"),
    Term("permutation_3", "ns", "operations", "amplitude, for a Toffoli gate or a larger one"),
    Term("controlled", "ns", "operations", "amplitude, for a controlled rotation"),
    Term("measure", "ns", "operations", "amplitude, for a measurement on the way"),
    Term("reset", "ns", "operations", "amplitude, for a reset"),
    Term("expval_z", "ns", "expectation values", "amplitude, for a Pauli term of I and Z"),
    Term("expval_x", "ns", "expectation values", "amplitude, for another Pauli term"),
    Term("beyond_l2", "ns", "memory", "amplitude that an operation finds outside the second cache"),
    Term("beyond_l3", "ns", "memory", "amplitude that an operation finds outside the last cache"),
)
NAMES = tuple(term.name for term in TERMS)
SCALES = np.array([{"us": 1e-6, "ns": 1e-9}[term.unit] for term in TERMS])
"""Seconds in the unit of each term's price."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What the terms need to know of the device."""

    threads: int = 1
    l2_bytes: float = 1024.0**2
    l3_bytes: float = 32 * 1024.0**2
    speedup: float = 1.0
    """How much faster ``threads`` threads work on one state of more than 14 qubits than one does."""


def counts(cost: CircuitCost, machine: Machine) -> FloatArray:
    """Return how often each term occurs, in the order of ``TERMS``.

    Shots that are simulated run side by side on the threads; a single state is shared out among them.
    """
    found = dict.fromkeys(NAMES, 0.0)
    found["start"] = 1.0
    found["plain"], found["parametric"] = cost.n_plain, cost.n_parametric
    found["controlled_angle"], found["other"] = cost.n_controlled, cost.n_other
    found["fusion"] = float(len(cost.gates)) if cost.n_active > THRESHOLD else 0.0
    if cost.n_active:
        _add_state(found, cost, machine)
        _add_results(found, cost, machine)
    return np.array([found[name] for name in NAMES])


def rounds(cost: CircuitCost, machine: Machine) -> float:
    """Return how many simulations of the state run one after the other."""
    return cost.n_simulations / max(1, min(machine.threads, cost.n_simulations))


def _shared(cost: CircuitCost, machine: Machine) -> float:
    """Return by how much threads shorten the work on one state."""
    return machine.speedup if cost.n_simulations == 1 and cost.n_active > THRESHOLD else 1.0


def _add_state(found: dict[str, float], cost: CircuitCost, machine: Machine) -> None:
    """Add what is done on the state vector, before its results are drawn."""
    times = rounds(cost, machine)
    amplitudes = times * 2.0**cost.n_active / _shared(cost, machine)
    n_passes = 1.0
    for (kernel, width), n in cost.histogram().items():
        found["operation"] += times * n
        n_passes += n
        if kernel in ("measure", "reset"):
            found["random"] += times * n
        for name, per_amplitude in _prices(kernel, width):
            found[name] += amplitudes * n * per_amplitude
    found["init"] = amplitudes
    found["fresh"] = amplitudes if cost.state_bytes >= FRESH_BYTES else 0.0
    found["shot"] = 0.0 if cost.sampleable else times
    found["beyond_l2"] = amplitudes * n_passes * max(0.0, 1.0 - machine.l2_bytes / cost.state_bytes)
    found["beyond_l3"] = amplitudes * n_passes * max(0.0, 1.0 - machine.l3_bytes / cost.state_bytes)


def _prices(kernel: str, width: int) -> list[tuple[str, float]]:
    """Return the terms that one operation on one amplitude adds to, and how much."""
    if kernel in ("matrix", "initialize"):
        return [(f"matrix_{min(width, 5)}", 2.0 ** max(0, width - 5))]
    if kernel == "diagonal":
        return [("diagonal_1", 1.0)] if width == 1 else [("diagonal_2", 1.0), ("diagonal_more", width - 2.0)]
    if kernel == "permutation":
        return [(f"permutation_{min(width, 3)}", 2.0 ** -max(0, width - 3))]
    if kernel == "phase":
        return [(f"phase_{min(width, 2)}", 2.0 ** -max(0, width - 2))]
    if kernel == "controlled":
        return [("controlled", 2.0 ** -max(0, width - 2))]
    return [(kernel, 1.0)]


def _add_results(found: dict[str, float], cost: CircuitCost, machine: Machine) -> None:
    """Add samples and expectation values; a sample is found half-way through what is looked at, on average."""
    amplitudes = 2.0**cost.n_active / _shared(cost, machine)
    if cost.n_measured:
        shots, indexed = float(cost.shots), cost.n_active >= INDEX_QUBITS
        block = cost.n_active - (INDEX_QUBITS if indexed else 0)
        found["index"] = amplitudes if indexed else 0.0
        found["sample"], found["sample_bit"] = shots, shots * cost.n_measured
        found["outcome"] = _distinct(shots, cost.outcome_bits)
        found["scan_index"] = shots * 2.0 ** (INDEX_QUBITS - 1) if indexed else 0.0
        found["scan"] = shots * 2.0 ** (block - 1)
    times = rounds(cost, machine)
    found["expval_z"] = amplitudes * times * cost.n_z_terms
    found["expval_x"] = amplitudes * times * cost.n_x_terms


def _distinct(shots: float, bits: int) -> float:
    """Return the expected number of different outcomes if all are equally likely."""
    n_outcomes = 2.0 ** min(bits, 60)
    return float(-n_outcomes * np.expm1(-shots / n_outcomes))
