"""Compiles circuits for a device; only their features are kept, keyed by circuit, device and compiler."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qhpcsim.circuits import cache
from qhpcsim.circuits.features import Features, features
from qhpcsim.circuits.target import Device
from qhpcsim.core.errors import CircuitError, shorten

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

LEVEL = 2
"""Qiskit's default optimisation level."""
SEED = 0


def check_fits(circuit: QuantumCircuit, device: Device, where: str = "circuit") -> None:
    """Raise a CircuitError if a circuit declares more qubits than a device has."""
    if circuit.num_qubits > device.n_qubits:
        raise CircuitError(
            f"too wide: the circuit has {circuit.num_qubits:,} qubits, {device.name} has {device.n_qubits:,}",
            where=where,
            hint="choose a larger device: qhpcsim list qpus",
        )


def compiled(
    circuit: QuantumCircuit, device: Device, *, seed: int = SEED, level: int = LEVEL, where: str = "circuit"
) -> QuantumCircuit:
    """Return a circuit in a device's gates, on its couplers; the same for the same arguments.

    Args:
        circuit: A checked circuit.
        device: What to compile for.
        seed: ``seed_transpiler`` of Qiskit.
        level: Its optimisation level, 0 to 3.
        where: Name of the circuit for messages.

    Raises:
        CircuitError: if it is too wide, or Qiskit finds no way.
    """
    check_fits(circuit, device, where)
    from qiskit import transpile
    from qiskit.exceptions import QiskitError

    try:
        return transpile(circuit, target=device.target, seed_transpiler=seed, optimization_level=level)
    except QiskitError as error:
        message = f"cannot be compiled for {device.name}: {shorten(error.message, 160)}"
        raise CircuitError(message, where=where) from None


def device_features(
    circuit: QuantumCircuit,
    device: Device,
    *,
    seed: int = SEED,
    level: int = LEVEL,
    cache_dir: Path | None = None,
    where: str = "circuit",
) -> Features:
    """Return the features of a circuit once compiled for a device, from the cache where it is known.

    Args:
        circuit: A checked circuit.
        device: What to compile for.
        seed: ``seed_transpiler`` of Qiskit.
        level: Its optimisation level, 0 to 3.
        cache_dir: Folder of remembered features; None: the user's cache folder.
        where: Name of the circuit for messages.

    Raises:
        CircuitError: if it is too wide, or Qiskit finds no way.
    """
    check_fits(circuit, device, where)
    key = cache.key(circuit, device.hash, seed, level)
    known = cache.get(key, cache_dir)
    if known is not None:
        return known
    result = compiled(circuit, device, seed=seed, level=level, where=where)
    found = features(result, device.durations(), serial=device.serial)
    cache.put(key, found, cache_dir)
    return found
