"""Stored circuits come back; foreign or changed QPY does not."""

from __future__ import annotations

from pathlib import Path

import pytest
from qiskit import QuantumCircuit, qpy

from qhpcsim.circuits.qasm import read_circuit
from qhpcsim.circuits.stored import store_circuit
from qhpcsim.core.errors import CircuitError


@pytest.fixture(autouse=True)
def own_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def circuit() -> QuantumCircuit:
    made = QuantumCircuit(2)
    made.h(0)
    made.cx(0, 1)
    made.measure_all()
    return made


def test_round_trip(tmp_path: Path) -> None:
    store_circuit(circuit(), tmp_path / "a.qpy")
    assert read_circuit(tmp_path / "a.qpy") == circuit()
    key = tmp_path / "state" / "qhpcsim" / "circuit.key"
    assert key.stat().st_mode & 0o77 == 0 and len(key.read_bytes()) == 32


def test_foreign_qpy_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "a.qpy").open("wb") as stream:
        qpy.dump(circuit(), stream)
    with pytest.raises(CircuitError, match="did not write"):
        read_circuit(tmp_path / "a.qpy")


def test_changed_and_other_users_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.qpy"
    store_circuit(circuit(), path)
    good = path.read_bytes()
    for place in (5, 14, 60, 90, len(good) - 1):
        path.write_bytes(good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :])
        with pytest.raises(CircuitError):
            read_circuit(path)
    for cut in (14, 78, 79, 100):
        path.write_bytes(good[:cut])
        with pytest.raises(CircuitError):
            read_circuit(path)
    path.write_bytes(good)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "elsewhere"))
    with pytest.raises(CircuitError, match="did not write"):
        read_circuit(path)
