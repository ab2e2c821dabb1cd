"""Circuits on Qiskit Aer's state-vector simulator, timed the way the device models predict.

What is timed is one thing: the wall time of ``AerSimulator(method="statevector").run(circuit).result()``, warm, on a
circuit already compiled to the simulator's basis at optimization level 0.
"""

from __future__ import annotations

import time
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from qhpcsim.circuits.observable import Observable
from qhpcsim.circuits.simulator import for_simulator, with_observable
from qhpcsim.core.errors import EngineError, shorten

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

_WARM_SHOTS = 16


@lru_cache(maxsize=8)
def simulator(threads: int = 1, precision: str = "double", device: str = "CPU") -> Any:
    """Return this process's simulator of that kind; it is warm after ``warm_up``.

    Raises:
        EngineError: if Aer is not installed, or has no such device here.
    """
    try:
        from qiskit_aer import AerSimulator
    except ImportError:
        hint = "pip install qiskit-aer"
        raise EngineError("Qiskit Aer is not installed", where="execution", hint=hint) from None
    found = AerSimulator(method="statevector", max_parallel_threads=threads, precision=precision)
    if device not in found.available_devices():
        raise EngineError(
            f"Aer has no device {device} here", where="execution", allowed=", ".join(found.available_devices())
        )
    found.set_options(device=device)
    return found


def compiled(circuit: QuantumCircuit, observable: str = "") -> QuantumCircuit:
    """Return a circuit as it is run: measured, or its observable saved; compiled at level 0.

    Args:
        circuit: As read; one without measurements is measured on all qubits unless there is an observable.
        observable: Sum of Pauli strings, last letter on qubit 0; "": sample.

    Raises:
        CircuitError: if the observable does not fit, or a gate cannot be simulated.
    """
    if observable:
        return with_observable(circuit, Observable.parse(observable, "observable"))
    return for_simulator(circuit if "measure" in circuit.count_ops() else circuit.measure_all(inplace=False))


def run_once(circuit: QuantumCircuit, shots: int, seed: int, sim: Any) -> tuple[Any, float]:
    """Return the result of one run and its wall time in seconds.

    Raises:
        EngineError: if Aer gives up, with its own words.
    """
    began_s = time.perf_counter()
    result = sim.run(circuit, shots=max(shots, 1), seed_simulator=seed).result()
    seconds = time.perf_counter() - began_s
    if not result.success:
        words = next((each.status for each in result.results if not each.success), result.status)
        raise EngineError(f"Aer failed: {shorten(words, 200)}", where="execution")
    return result, seconds


def warm_up(threads: int = 1, device: str = "CPU") -> None:
    """Load what a worker needs and run a little of each kind, so that its first task is not charged for it."""
    from qiskit import QuantumCircuit

    sim = simulator(threads, device=device)
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    for observable in ("", "ZZ"):
        run_once(compiled(circuit, observable), _WARM_SHOTS, 1, sim)
