"""Circuits as Qiskit Aer's state-vector simulator takes them: the form whose run time is predicted and measured."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from qhpcsim.circuits.observable import Observable
from qhpcsim.core.errors import CircuitError, shorten

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

METHOD = "statevector"


@lru_cache(maxsize=256)
def _passes(n_qubits: int) -> Any:
    """Return what writes circuits in the simulator's gates at that width, so that none is too wide.

    These are the passes of ``transpile`` at level 0 where all qubits are neighbours. ``transpile`` itself looks for
    plug-ins and imports those of every installed package, which takes longer than most circuits.
    """
    from qiskit.transpiler.preset_passmanagers.common import generate_translation_passmanager
    from qiskit_aer import AerSimulator

    return generate_translation_passmanager(AerSimulator(method=METHOD, n_qubits=n_qubits).target)


def for_simulator(circuit: QuantumCircuit, where: str = "circuit") -> QuantumCircuit:
    """Return a circuit in the simulator's own gates: ``transpile(circuit, AerSimulator(…), optimization_level=0)``.

    Raises:
        CircuitError: if a gate cannot be expressed in them.
    """
    from qiskit.exceptions import QiskitError

    try:
        return _passes(circuit.num_qubits).run(circuit)
    except QiskitError as error:
        raise CircuitError(f"cannot be simulated: {shorten(error.message, 160)}", where=where) from None


def with_observable(circuit: QuantumCircuit, observable: Observable, where: str = "circuit") -> QuantumCircuit:
    """Return a circuit in the simulator's own gates that saves an expectation value in place of final measurements.

    The value is saved on the qubits on which the observable acts, so that the simulator can drop what lies outside
    their light cone; saving it on all qubits would make it simulate the whole circuit.

    Raises:
        CircuitError: if the observable does not fit, or a gate cannot be expressed.
    """
    import qiskit_aer  # noqa: F401  (gives circuits their save instructions)
    from qiskit.quantum_info import SparsePauliOp

    observable.check_fits(circuit.num_qubits)
    qubits = observable.qubits()
    last = observable.n_qubits - 1
    terms = [("".join(letters[last - q] for q in reversed(qubits)), value) for letters, value in observable.terms]
    # Compiled after the removal: what removes measurements leaves gates in a form that is handed over thrice as fast.
    ready = for_simulator(circuit.remove_final_measurements(inplace=False), where)
    ready.save_expectation_value(SparsePauliOp.from_list(terms), list(qubits))
    return ready
