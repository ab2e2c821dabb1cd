"""What a QPU card may hold: the entries of each modality, their units and limits, read into SI numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from qhpcsim.core.cards import TIME_UNITS, Card, CardEntry
from qhpcsim.core.errors import CardError, nearest, shorten
from qhpcsim.core.units import seconds

ONE = ("1",)
_TIMES = tuple(sorted(TIME_UNITS))
_SI = {unit: seconds(f"1{unit}") for unit in _TIMES} | {"Hz": 1.0, "kHz": 1e3, "MHz": 1e6}


@dataclass(frozen=True, slots=True)
class Quantity:
    """One entry that a model understands."""

    units: tuple[str, ...] = ONE
    low: float = 0.0
    high: float = math.inf
    required: bool = False
    n_values: int | None = 1
    """How many numbers; None: a list of any length."""


def time(required: bool = False, low: float = 0.0) -> Quantity:
    """Return a duration."""
    return Quantity(_TIMES, low=low, required=required)


def error() -> Quantity:
    """Return the probability of an error."""
    return Quantity(high=1.0)


def count(unit: str, required: bool = False) -> Quantity:
    """Return a number of things, at least one."""
    return Quantity((unit,), low=1.0, required=required)


_BOUNDS = Quantity(("1", "circuits", "shots", "layers", "qubits"), n_values=2)
RANGES = {
    "range_n_circuits": "n_circuits",
    "range_shots": "shots",
    "range_depth": "depth per circuit",
    "range_width": "qubits per circuit",
}
"""Entry of a card -> the quantity whose fitted range it states."""
COMMON: dict[str, Quantity] = {
    "n_qubits": count("qubits", required=True),
    "max_shots": count("shots"),
    "max_circuits": count("circuits"),
    "max_executions": count("executions"),
    "time_1q": time(),
    "time_2q": time(),
    "time_readout": time(),
    "time_reset": time(),
    "error_1q": error(),
    "error_2q": error(),
    "error_readout": error(),
    "t1": time(low=1e-12),
    "t2": time(low=1e-12),
    "max_shot_rate": Quantity(("Hz", "kHz", "MHz"), low=1e-9),
    "load": time(),
    "load_per_circuit": time(),
    "overhead_cv": Quantity(high=10.0),
    "time_factor_sigma": Quantity(high=2.0),
    "price_per_s": Quantity(("USD/s", "EUR/s")),
    "price_per_shot": Quantity(("USD/shot", "EUR/shot")),
    "price_per_task": Quantity(("USD/task", "EUR/task")),
    "clops": Quantity(("layers/s",)),
    "fit_error": Quantity(n_values=3),
    "fit_coverage": Quantity(high=1.0, n_values=2),
} | dict.fromkeys(RANGES, _BOUNDS)
"""Entries that a card of any modality may have. ``fit_error``: median absolute percentage error overall, of jobs of
one circuit, of jobs of several; ``fit_coverage``: share inside the 90 % interval, of one and of several."""


def read_numbers(card: Card, schema: Mapping[str, Quantity], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the numbers of a card in SI units, after replacing those that the user gives.

    Args:
        card: A card that ``core.cards`` has read.
        schema: What the model understands.
        settings: Entry name -> value that replaces the card's: durations in seconds or as "30us".

    Raises:
        CardError: for an unknown or missing entry, a wrong unit, or a value out of its limits; names card and field.
    """
    numbers = {}
    for name, entry in card.entries.items():
        numbers[name] = _si(entry, _known(name, schema, card, card.path), f"{card.path}: {name}")
    for name, value in settings.items():
        where = f"setting {name}"
        quantity = _known(name, schema, card, where)
        numbers[name] = _limited(_setting(value, quantity, where), quantity, where)
    missing = [name for name, quantity in schema.items() if quantity.required and name not in numbers]
    if missing:
        raise CardError(
            f"{', '.join(missing)} is not known",
            where=card.path,
            hint=f"give it as a setting, such as {missing[0]}=… (durations: 50ms)",
        )
    return numbers


def _known(name: str, schema: Mapping[str, Quantity], card: Card, where: str) -> Quantity:
    found = schema.get(name)
    if found is None:
        raise CardError(
            f"unknown entry {shorten(name)!r} for a card of model {card.model!r}",
            where=where,
            allowed=", ".join(schema),
            suggestion=nearest(name, schema),
        )
    return found


def _si(entry: CardEntry, quantity: Quantity, where: str) -> Any:
    if entry.unit not in quantity.units:
        raise CardError(f"unit {shorten(entry.unit)!r} does not fit", where=where, allowed=", ".join(quantity.units))
    scale = _SI.get(entry.unit, 1.0)
    return _limited(scale * np.asarray(entry.value, dtype=np.float64), quantity, where)


def _limited(value: Any, quantity: Quantity, where: str) -> Any:
    """Return a number or an array after checking how many there are and their limits."""
    many = np.atleast_1d(np.asarray(value, dtype=np.float64))
    if quantity.n_values is not None and many.shape != (quantity.n_values,):
        raise CardError(f"{many.size} numbers", where=where, allowed=f"{quantity.n_values}")
    bad = many[~((many >= quantity.low) & (many <= quantity.high) & np.isfinite(many))]
    if bad.size:
        allowed = f"{quantity.low:g} … {quantity.high:g}".replace(" … inf", " or more")
        raise CardError(f"{bad.flat[0]:g} is impossible", where=where, allowed=allowed)
    return float(many[0]) if quantity.n_values == 1 else many


def _setting(value: Any, quantity: Quantity, where: str) -> Any:
    if quantity.units == _TIMES:
        return seconds(value, where)
    try:
        return np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise CardError(f"{shorten(value)!r} is not a number", where=where) from None
