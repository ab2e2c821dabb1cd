"""A small device whose times are easy to add."""

from __future__ import annotations

import datetime as dt

from qhpcsim.circuits.target import Device, device_from_card
from qhpcsim.core.cards import Card, CardEntry

VALUES = {
    "n_qubits": (9, "qubits"),
    "time_1q": (50, "ns"),
    "time_2q": (100, "ns"),
    "time_readout": (2, "us"),
    "error_1q": (0.001, "1"),
    "error_2q": (0.01, "1"),
    "error_readout": (0.02, "1"),
}


def small_card(model: str = "superconducting", **changes: tuple[float, str]) -> Card:
    """Return a card of nine qubits with other values where given."""
    entries = {
        name: CardEntry(value, unit, 0.0, "test", "test", dt.date(2026, 1, 1))
        for name, (value, unit) in (VALUES | changes).items()
    }
    words = {"native_gates": ("rz", "sx", "x", "id", "cz")} if model == "superconducting" else {}
    return Card("small.yaml", "test", entries, model, words)


def small_device(**changes: tuple[float, str]) -> Device:
    """Return a 3 x 3 grid with sx, x, rz, id and cz."""
    return device_from_card(small_card(**changes), topology="grid")
