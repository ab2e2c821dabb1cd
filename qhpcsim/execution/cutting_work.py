"""Runs circuits of a cut on a worker, a batch in one task, and packs them into batches."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from qhpcsim.circuits.cutting_batches import batch_ends
from qhpcsim.core.errors import EngineError, shorten
from qhpcsim.execution.aer import run_once, simulator
from qhpcsim.execution.circuit_task import open_circuit
from qhpcsim.execution.cutting_estimate import Counts
from qhpcsim.execution.task import Task

if TYPE_CHECKING:
    from qiskit import QuantumCircuit


@dataclass(frozen=True, slots=True)
class Planned:
    """A circuit to run: in the simulator's own gates, measured into one register."""

    name: str
    qpy: bytes
    shots: int
    """0: exact values of the parities in ``masks``."""
    seed: int
    masks: tuple[int, ...]
    work: float
    """Expected cost, on a scale of its own."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What a circuit gave and what it took."""

    name: str
    counts: Counts
    seconds: float
    cpu_s: float


def batches(planned: Sequence[Planned], workers: int) -> list[tuple[Planned, ...]]:
    """Return the circuits in batches, longest circuits first; several to a batch where they are short.

    Batches shrink towards the end, so that the workers end together.
    """
    order = sorted(planned, key=lambda each: (-each.work, each.name))
    ends = batch_ends([each.work for each in order], workers)
    return [tuple(order[first:end]) for first, end in zip([0, *ends], ends, strict=False)]


def tasks(groups: Sequence[tuple[Planned, ...]]) -> list[Task]:
    """Return one task for each batch."""
    return [Task(f"cut/{place}", run_batch, (group,)) for place, group in enumerate(groups)]


def run_batch(group: tuple[Planned, ...]) -> list[Ran]:
    """Run circuits one after the other, each with its own seed, so that no result depends on the batch.

    Raises:
        EngineError: if Aer gives up, or a circuit has more than 64 classical bits.
    """
    sim = simulator()
    return [_run(each, sim) for each in group]


def _run(planned: Planned, sim: Any) -> Ran:
    began_s, began_cpu_s = time.perf_counter(), time.process_time()
    circuit = open_circuit(planned.qpy, planned.name)
    if circuit.num_clbits > 64:
        raise EngineError(f"{planned.name} has {circuit.num_clbits} measured bits", allowed="64 or fewer")
    counts = _sampled(planned, circuit, sim) if planned.shots else _exact(planned, circuit, sim)
    return Ran(planned.name, counts, time.perf_counter() - began_s, time.process_time() - began_cpu_s)


def _sampled(planned: Planned, circuit: QuantumCircuit, sim: Any) -> Counts:
    result, _ = run_once(circuit, planned.shots, planned.seed, sim)
    words = result.data(0)["counts"]
    keys = np.array([int(word, 16) for word in words], dtype=np.uint64)
    numbers = np.array(list(words.values()), dtype=np.float64)
    order = np.argsort(keys)
    if numbers.sum() != planned.shots:
        raise EngineError(f"Aer gave {numbers.sum():.0f} of {planned.shots} shots", where=shorten(planned.name))
    return Counts(keys[order], numbers[order], planned.shots)


def _exact(planned: Planned, circuit: QuantumCircuit, sim: Any) -> Counts:
    """Return the expectation value of the product of Z on the measured qubits of each mask."""
    import qiskit_aer  # noqa: F401  (gives circuits their save instructions)
    from qiskit.quantum_info import SparsePauliOp

    bare = circuit.copy_empty_like()
    qubit_of: dict[int, Any] = {}
    for instruction in circuit.data:
        if instruction.clbits:
            qubit_of[circuit.find_bit(instruction.clbits[0]).index] = instruction.qubits[0]
        else:
            bare.append(instruction)
    for mask in planned.masks:
        qubits = [qubit_of[bit] for bit in range(circuit.num_clbits) if mask >> bit & 1]
        once = [qubit for qubit in dict.fromkeys(qubits) if qubits.count(qubit) % 2]
        if once:
            bare.save_expectation_value(SparsePauliOp("Z" * len(once)), once, label=str(mask))
    found = run_once(bare, 1, planned.seed, sim)[0].data(0)
    values = np.array([float(np.real(found.get(str(mask), 1.0))) for mask in planned.masks])
    return Counts(np.array(planned.masks, dtype=np.uint64), values, 0)
