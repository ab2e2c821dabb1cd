"""Circuits that we keep as QPY: signed, because reading a foreign QPY file can run its author's code.

A stored file is one line ``QHPCSIM-QPY 1 <HMAC-SHA256>`` and then QPY. The key lies in the user's state folder
(``$XDG_STATE_HOME/qhpcsim/circuit.key``, readable by its owner only) and never in a file that is passed on, so a
circuit stored by somebody else is refused: exchange circuits as OpenQASM.
"""

from __future__ import annotations

import hashlib
import hmac
import io
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from qhpcsim.circuits.source import place
from qhpcsim.core.errors import CircuitError, shorten

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

_MARK = b"QHPCSIM-QPY 1 "
_QPY_MAGIC = b"QISKIT"
_OLDEST = 13
"""Older versions of QPY carry pickles (CVE-2025-2000)."""
_HEX = 64


def store_circuit(circuit: QuantumCircuit, path: str | Path) -> None:
    """Write a circuit as a signed QPY file."""
    from qiskit import qpy

    stream = io.BytesIO()
    qpy.dump(circuit, stream, version=max(_OLDEST, qpy.common.QPY_VERSION))
    body = stream.getvalue()
    Path(path).write_bytes(_MARK + _signature(body, _key(create=True)) + b"\n" + body)


def is_stored(data: bytes) -> bool:
    """Return whether a file claims to be QPY, ours or not."""
    return data.startswith((_MARK, _QPY_MAGIC))


def unpacked(data: bytes, path: str | Path) -> QuantumCircuit:
    """Return the circuit of a file that ``store_circuit`` wrote.

    Raises:
        CircuitError: if this user did not write it, it was changed, or it is an old version.
    """
    body = _verified(data, path)
    from qiskit import qpy

    if not body.startswith(_QPY_MAGIC) or body[len(_QPY_MAGIC)] < _OLDEST:
        raise CircuitError(f"QPY older than version {_OLDEST}", where=place(path), hint="store the circuit again")
    try:
        circuits = qpy.load(io.BytesIO(body))
    except Exception as error:
        raise CircuitError(f"the QPY cannot be read: {shorten(error, 120)}", where=place(path)) from None
    if len(circuits) != 1:
        raise CircuitError(f"holds {len(circuits)} circuits", where=place(path), allowed="one")
    return circuits[0]


def _verified(data: bytes, path: str | Path) -> bytes:
    """Return the QPY part after checking the signature."""
    head, body = data[: len(_MARK) + _HEX], data[len(_MARK) + _HEX + 1 :]
    key = _key(create=False)
    if key is None or not hmac.compare_digest(head, _MARK + _signature(body, key)):
        raise CircuitError(
            "QPY that this user's qhpcsim did not write",
            where=place(path),
            allowed="OpenQASM 2 or 3; QPY only from our own store",
            hint="export the circuit with qiskit.qasm3.dump",
        )
    return body


def _signature(body: bytes, key: bytes | None) -> bytes:
    return hmac.new(key or b"", body, hashlib.sha256).hexdigest().encode()


def _key(create: bool) -> bytes | None:
    """Return the user's key, made on first use; None if there is none."""
    home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    path = Path(home) / "qhpcsim" / "circuit.key"
    if path.is_file():
        return path.read_bytes() or None
    if not create:
        return None
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:  # noqa: PTH123
        stream.write(secrets.token_bytes(32))
    return path.read_bytes()
