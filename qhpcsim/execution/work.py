"""The kinds of work that tasks do for real: ``kind`` in tasks.csv names one of them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from qhpcsim.core.errors import ConfigError
from qhpcsim.core.registry import register
from qhpcsim.execution.aer import compiled, run_once, simulator
from qhpcsim.execution.circuit_task import DEVICES, CircuitResult, CircuitTask, open_circuit
from qhpcsim.execution.seeds import seed_of

if TYPE_CHECKING:
    from qiskit import QuantumCircuit


@register("work", "sampling", summary="run a circuit on the state-vector simulator and count outcomes")
def sampling(task: CircuitTask) -> list[CircuitResult]:
    """Return the counts of each circuit.

    Raises:
        ConfigError: if the task has an observable.
    """
    if task.observable:
        raise ConfigError("has an observable", where="sampling", hint="kind expectation")
    return _run_all(task)


@register("work", "expectation", summary="run a circuit and return the exact expectation value of a Pauli string")
def expectation(task: CircuitTask) -> list[CircuitResult]:
    """Return the expectation value of the observable in the final state of each circuit.

    Raises:
        ConfigError: if the task has no observable.
    """
    if not task.observable:
        raise ConfigError("has no observable", where="expectation", hint="kind sampling")
    return _run_all(task)


@register("work", "sub_experiments", summary="run the circuits of a cut one after the other, each with its own shots")
def sub_experiments(task: CircuitTask) -> list[CircuitResult]:
    """Return the counts of each circuit; their seeds are independent, as resets need."""
    return sampling(task)


def _run_all(task: CircuitTask) -> list[CircuitResult]:
    sim = simulator(task.threads, task.precision, DEVICES[task.device_class])
    seeds = [seed_of(child) for child in np.random.SeedSequence(task.seed).spawn(len(task.circuits))]
    jobs = zip(task.circuits, task.shots_each, seeds, strict=True)
    return [_run(source, shots, seed, task, sim) for source, shots, seed in jobs]


def _run(source: str | bytes, shots: int, seed: int, task: CircuitTask, sim: Any) -> CircuitResult:
    began_s = time.perf_counter()
    circuit = compiled(open_circuit(source), task.observable)
    prepare_s = time.perf_counter() - began_s
    result, *first_s = _timed(circuit, shots, seed, sim)
    times_s = [first_s, *(_timed(circuit, shots, seed, sim)[1:] for _ in range(task.repeats - 1))]
    seconds, cpu_s = (min(column) for column in zip(*times_s, strict=True))
    value = float(np.real(result.data()["expectation_value"])) if task.observable else None
    counts = {} if task.observable else dict(sorted(result.get_counts().items()))
    return CircuitResult(circuit.num_qubits, counts, value, seconds, cpu_s, prepare_s)


def _timed(circuit: QuantumCircuit, shots: int, seed: int, sim: Any) -> tuple[Any, float, float]:
    """Return the result of one run, its wall time and its processor time."""
    began_s = time.process_time()
    result, seconds = run_once(circuit, shots, seed, sim)
    return result, seconds, time.process_time() - began_s
