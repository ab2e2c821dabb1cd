"""Devices from cards, compiling, and the cache of features."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from qiskit import QuantumCircuit

from qhpcsim.circuits import cache, transpile
from qhpcsim.circuits.target import device_from_card
from qhpcsim.circuits.topology import edges
from qhpcsim.circuits.transpile import compiled, device_features
from qhpcsim.core.cards import card
from qhpcsim.core.data import data_dir
from qhpcsim.core.errors import CardError, CircuitError, QhpcsimError
from tests.circuits.devices import small_card, small_device


def ghz(n: int) -> QuantumCircuit:
    circuit = QuantumCircuit(n, n)
    circuit.h(0)
    for target in range(1, n):
        circuit.cx(0, target)
    circuit.measure(range(n), range(n))
    return circuit


@pytest.mark.parametrize(
    ("topology", "n_qubits", "n_edges"),
    [
        ("heavy_hex", 127, 144),
        ("heavy_hex", 133, 150),
        ("heavy_hex", 156, 176),
        ("grid", 120, 218),
        ("grid", 9, 12),
        ("grid", 7, 8),
        ("line", 5, 4),
        ("all_to_all", 56, 1540),
    ],
)
def test_edges(topology: str, n_qubits: int, n_edges: int) -> None:
    found = edges(topology, n_qubits)
    assert len(found) == len(set(found)) == n_edges
    assert all(0 <= a < b < n_qubits for a, b in found)


@pytest.mark.parametrize("topology", ["heavy_hex", "grid"])
@pytest.mark.parametrize("n_qubits", [1, 2, 5, 16, 27, 65, 82, 127, 133, 156])
def test_lattices_are_connected(topology: str, n_qubits: int) -> None:
    reached, todo, pairs = {0}, [0], edges(topology, n_qubits)
    while todo:
        here = todo.pop()
        near = {b for a, b in pairs if a == here} | {a for a, b in pairs if b == here}
        todo += near - reached
        reached |= near
    assert len(reached) == n_qubits
    assert max([sum(q in pair for pair in pairs) for q in range(n_qubits)]) <= (3 if topology == "heavy_hex" else 4)


def test_ibm_edges() -> None:
    """Links of the published maps: Eagle, Heron r1 and r2."""
    assert {(0, 14), (14, 18), (20, 33), (33, 39), (108, 112), (112, 126)} <= set(edges("heavy_hex", 127))
    assert {(0, 15), (15, 19), (21, 34)} <= set(edges("heavy_hex", 133))
    assert {(3, 16), (16, 23), (21, 36), (33, 39)} <= set(edges("heavy_hex", 156))


QPU_CARDS = sorted(p.stem for p in (data_dir("calibration") / "qpu").glob("*.yaml"))
WITHOUT_GATES = {"abstract", "pasqal_fresnel", "quera_aquila"}


@pytest.mark.parametrize("path", QPU_CARDS)
def test_every_card_compiles_or_says_why(path: str) -> None:
    try:
        device = device_from_card(card(f"qpu/{path}"))
    except CardError as error:
        assert "no gates" in error.message
        assert path in WITHOUT_GATES
        return
    assert path not in WITHOUT_GATES
    result = compiled(ghz(4), device)
    names = set(result.count_ops()) - {"measure", "barrier"}
    assert names <= set(device.target.operation_names)
    coupled = {frozenset(pair) for pair in device.target.build_coupling_map().get_edges()}
    used = {frozenset(result.find_bit(q).index for q in i.qubits) for i in result.data if len(i.qubits) == 2}
    assert used <= coupled


def test_too_wide_by_name(tmp_path: Path) -> None:
    with pytest.raises(CircuitError, match="10 qubits, small has 9") as caught:
        device_features(ghz(10), small_device(), cache_dir=tmp_path, where="a.qasm")
    assert caught.value.where == "a.qasm"


def test_same_seed_same_circuit() -> None:
    device = small_device()
    assert compiled(ghz(7), device, seed=3) == compiled(ghz(7), device, seed=3)


def test_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.forget()
    device = small_device()
    first = device_features(ghz(5), device, cache_dir=tmp_path)
    (path,) = tmp_path.rglob("*.json")
    assert json.loads(path.read_text())["n_2q"] == first.n_2q
    monkeypatch.setattr(transpile, "compiled", lambda *_, **__: pytest.fail("compiled again"))
    assert device_features(ghz(5), device, cache_dir=tmp_path) == first
    cache.forget()
    assert device_features(ghz(5), device, cache_dir=tmp_path) == first


def test_damaged_cache_is_passed_over(tmp_path: Path) -> None:
    device = small_device()
    first = device_features(ghz(3), device, cache_dir=tmp_path)
    (path,) = tmp_path.rglob("*.json")
    good = json.loads(path.read_text())
    for bad in ("", "[" * 5000, "{}", json.dumps(good | {"n_2q": -1}), json.dumps(good | {"x": 1}), "\0"):
        path.write_text(bad)
        cache.forget()
        assert device_features(ghz(3), device, cache_dir=tmp_path) == first


def test_cache_folder_that_cannot_be_written(tmp_path: Path) -> None:
    cache.forget()
    (tmp_path / "file").write_text("")
    assert device_features(ghz(3), small_device(), cache_dir=tmp_path / "file").n_2q >= 2


def test_keys_differ_where_results_do() -> None:
    def turned(angle: float) -> QuantumCircuit:
        circuit = QuantumCircuit(1)
        circuit.rz(angle, 0)
        return circuit

    hashes = [cache.circuit_hash(c) for c in (ghz(3), ghz(4), turned(0.1), turned(0.1 + 1e-16), turned(0.2))]
    assert None not in hashes and len(set(hashes)) == 5
    assert cache.circuit_hash(turned(0.1)) == hashes[2]
    slow = small_device(time_2q=(200, "ns"))
    assert small_device().hash != slow.hash
    assert cache.key(ghz(3), slow.hash, 0, 1) != cache.key(ghz(3), slow.hash, 0, 2)


def test_unknown_topology_and_gate() -> None:
    with pytest.raises(CircuitError, match="unknown topology") as caught:
        device_from_card(small_card(), topology="gird")
    assert caught.value.suggestion == "grid"
    with pytest.raises(CircuitError, match="unknown native gate"):
        device_from_card(small_card(), topology="grid", gates=("warp",))
    with pytest.raises(CardError, match="no gates"):
        device_from_card(small_card("neutral_atom"))
    with pytest.raises(CardError, match="no gates"):
        device_from_card(small_card())


CARD = """card: a device of mine
model: superconducting
topology: line
native_gates: [rz, sx, cz]
method: assumption
source: nowhere
date: 2026-01-01
uncertainty: null
entries:
  n_qubits: {value: 4, unit: qubits}
  time_2q: {value: 100, unit: ns}
"""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("topology: line", "topology: lien", "did you mean: line"),
        ("topology: line", "topology: [line, grid]", "topology has 2 words"),
        ("topology: line", "topology: 4", "topology: '4' is not a word"),
        ("[rz, sx, cz]", "[rz, sx, sx]", "native_gates: a word stands twice"),
        ("[rz, sx, cz]", "[rz, sx, warp]", "unknown native gate 'warp'"),
        ("[rz, sx, cz]", "[rz, 'sx; import os']", "is not a word"),
        ("[rz, sx, cz]", "[]", "native_gates"),
    ],
)
def test_words_of_a_card_are_checked(tmp_path: Path, old: str, new: str, said: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(CARD.replace(old, new))
    assert path.read_text() != CARD
    with pytest.raises(QhpcsimError) as caught:
        device_from_card(card(path))
    assert said in caught.value.block() and "mine.yaml" in caught.value.where


def test_a_card_of_ones_own_says_lattice_and_gates(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(CARD)
    device = device_from_card(card(path))
    assert sorted(device.target.build_coupling_map().get_edges()) == [(0, 1), (1, 0), (1, 2), (2, 1), (2, 3), (3, 2)]
    assert {"rz", "sx", "cz"} <= set(device.target.operation_names)
    assert not {"x", "ecr", "r"} & set(device.target.operation_names)


def test_settings_replace_the_cards_numbers(tmp_path: Path) -> None:
    slow = device_from_card(small_card(), topology="grid", settings={"time_2q": 7e-6})
    assert slow.hash != small_device().hash
    circuit = QuantumCircuit(2)
    circuit.cz(0, 1)
    assert device_features(circuit, slow, cache_dir=tmp_path).duration_s == pytest.approx(7e-6)
