"""Remembers the features of compiled circuits in this process and as small JSON files; never circuits or pickles."""

from __future__ import annotations

import hashlib
import json
import math
import os
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qhpcsim.circuits.features import Features
from qhpcsim.circuits.walk import Step, standard_gates, steps

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

_FORMAT = 1
"""Part of every key; raise it when a feature changes its meaning."""
_MAX_BYTES = 4096
_MAX_KEPT = 100_000
_kept: dict[str, Features] = {}


def key(circuit: QuantumCircuit, device_hash: str, seed: int, level: int) -> str | None:
    """Return what names a compiled circuit; None if the circuit holds something that has no exact text."""
    content = circuit_hash(circuit)
    if content is None:
        return None
    from qiskit import __version__

    parts = (_FORMAT, content, device_hash, seed, level, __version__)
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def circuit_hash(circuit: QuantumCircuit) -> str | None:
    """Return the SHA-256 of what a circuit does and of its loops and branches, without the names of registers.

    Returns:
        The digest, or None for instructions that their name and parameters do not describe.
    """
    digest = hashlib.sha256(f"{circuit.num_qubits} {circuit.num_clbits} {list(_outline(circuit))}".encode())
    return digest.hexdigest() if _feed(digest, steps(circuit)) else None


def _outline(circuit: Any) -> Iterator[str]:
    """Yield the names of a circuit's instructions; loops and branches with what they hold."""
    for item in circuit.data:
        operation = item.operation
        yield operation.name
        if operation.name == "for_loop":
            yield str(len(operation.params[0]))
        for block in getattr(operation, "blocks", ()):
            yield "{"
            yield from _outline(block)
            yield "}"


def _feed(digest: Any, path: Iterable[Step]) -> bool:
    """Add instructions to a digest; False if one cannot be described."""
    for step in path:
        name = step.operation.name
        params = [] if step.branches else [_exact(value) for value in step.operation.params]
        if None in params or not (step.branches or name in standard_gates()):
            return False
        unit = step.operation.unit if name == "delay" else ""
        digest.update(f"{name}{params}{unit}{step.qubits}{step.clbits}{len(step.branches)}\n".encode())
        for branch in step.branches:
            if not _feed(digest, branch):
                return False
            digest.update(b"}")
    return True


def _exact(value: Any) -> str | None:
    """Return a number as text without rounding; None for anything else."""
    try:
        return str(value) if isinstance(value, int) else float(value).hex()
    except (TypeError, ValueError):
        return None


def get(name: str | None, folder: Path | None = None) -> Features | None:
    """Return remembered features, or None; a damaged file counts as absent."""
    if name is None:
        return None
    if name not in _kept:
        found = _read(_file(name, folder))
        if found is None:
            return None
        _keep(name, found)
    return _kept[name]


def put(name: str | None, found: Features, folder: Path | None = None) -> None:
    """Remember features; a folder that cannot be written is passed over."""
    if name is None:
        return
    _keep(name, found)
    path = _file(name, folder)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="ascii") as stream:
            json.dump(asdict(found), stream)
        Path(stream.name).replace(path)
    except OSError:
        return


def forget() -> None:
    """Empty the memory of this process; files stay."""
    _kept.clear()


def _keep(name: str, found: Features) -> None:
    if len(_kept) >= _MAX_KEPT:
        _kept.clear()
    _kept[name] = found


def _file(name: str, folder: Path | None) -> Path:
    home = folder or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "qhpcsim" / "circuits"
    return home / name[:2] / f"{name}.json"


def _read(path: Path) -> Features | None:
    try:
        with path.open("rb") as stream:
            data = json.loads(stream.read(_MAX_BYTES))
    except (OSError, ValueError, RecursionError):
        return None
    return Features(**data) if _plausible(data) else None


def _plausible(data: Any) -> bool:
    """Return whether a file holds exactly the fields of Features, each of its type."""
    if not isinstance(data, dict) or set(data) != {each.name for each in fields(Features)}:
        return False
    duration = data["duration_s"]
    if duration is not None and not (isinstance(duration, float) and 0 <= duration < math.inf):
        return False
    counts = [value for name, value in data.items() if name not in ("duration_s", "dynamic")]
    return isinstance(data["dynamic"], bool) and all(type(value) is int and value >= 0 for value in counts)
