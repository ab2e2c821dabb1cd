"""Reads a circuit from a file of any origin: OpenQASM 2 or 3 by content, or a QPY file that we wrote."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from qhpcsim.circuits.checks import check_circuit, check_measured
from qhpcsim.circuits.limits import LIMITS, Limits
from qhpcsim.circuits.qasm2 import read_qasm2
from qhpcsim.circuits.qasm3 import read_qasm3
from qhpcsim.circuits.source import place, program, read_bytes
from qhpcsim.core.errors import CircuitError

if TYPE_CHECKING:
    from qiskit import QuantumCircuit


def read_circuit(
    path: str | Path,
    *,
    measure_all: bool = False,
    parameters: Mapping[str, float] | None = None,
    limits: Limits = LIMITS,
) -> QuantumCircuit:
    """Return the circuit in a file.

    Args:
        path: An OpenQASM 2 or 3 text, or a QPY file that ``qhpcsim.circuits.stored`` wrote.
        measure_all: Measure every qubit at the end if the file holds no measurement.
        parameters: Value of each ``input`` of an OpenQASM 3 program, in radians.
        limits: Largest circuit to take.

    Returns:
        A Qiskit circuit without free parameters and endless loops; it is measured, unless its outcome is certain.

    Raises:
        CircuitError: for anything wrong, with file, line where known, and what to do.
    """
    data = read_bytes(path, limits.n_bytes)
    circuit = _parsed(data, path, parameters or {}, limits)
    return checked(circuit, place(path), measure_all=measure_all, limits=limits)


def checked(
    circuit: QuantumCircuit, where: str = "circuit", *, measure_all: bool = False, limits: Limits = LIMITS
) -> QuantumCircuit:
    """Return a Qiskit circuit after the checks that ``read_circuit`` makes, measured if ``measure_all`` says so."""
    names = check_circuit(circuit, where, limits)
    if measure_all and "measure" not in names:
        return circuit.measure_all(inplace=False)
    check_measured(names, where)
    return circuit


def _parsed(data: bytes, path: str | Path, parameters: Mapping[str, float], limits: Limits) -> QuantumCircuit:
    from qhpcsim.circuits.stored import is_stored, unpacked

    _require_qiskit(path)
    if is_stored(data):
        return unpacked(data, path)
    found = program(data, path, limits)
    if found.language == 2:
        return read_qasm2(found, limits)
    return read_qasm3(found, limits, parameters)


def _require_qiskit(path: str | Path) -> None:
    try:
        import qiskit  # noqa: F401
    except ImportError:
        hint = "pip install qiskit qiskit-qasm3-import"
        raise CircuitError("reading a circuit needs Qiskit", where=place(path), hint=hint) from None
