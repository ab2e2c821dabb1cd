"""What the cards of GPUs and of their clusters may hold, read into SI numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from qhpcsim.core.cards import Card, card
from qhpcsim.core.data import data_dir
from qhpcsim.core.errors import CardError, nearest, shorten
from qhpcsim.core.units import seconds

_TIMES = ("us", "ms", "s")
_RATE = {"GB/s": 1e9, "TB/s": 1e12}
_SIZE = {"KiB": 2.0**10, "MB": 1e6, "GB": 1e9, "GiB": 2.0**30}
_SCALE = {unit: seconds(f"1{unit}") for unit in _TIMES} | _RATE | _SIZE

DEVICE: dict[str, tuple[tuple[str, ...], bool]] = {
    "launch": (_TIMES, True),
    "launch_small": (_TIMES, True),
    "small_state": (tuple(_SIZE), True),
    "bandwidth": (tuple(_RATE), True),
    "cache_bandwidth": (tuple(_RATE), True),
    "cache": (tuple(_SIZE), True),
    "memory": (tuple(_SIZE), True),
    "host_bandwidth": (tuple(_RATE), True),
    "host_memory": (tuple(_SIZE), True),
    "fixed": (_TIMES, True),
    "fusion_width": (("qubits",), True),
    "time_factor_sigma": (("1",), True),
    "fit_error": (("1",), False),
    "peak_bandwidth": (tuple(_RATE), False),
}
"""Entry of a GPU's card -> (units it may have, whether it must be there)."""
CLUSTER: dict[str, tuple[tuple[str, ...], bool]] = {
    "n_devices_per_node": (("devices",), True),
    "inside_bandwidth": (tuple(_RATE), True),
    "between_bandwidth": (tuple(_RATE), True),
    "exchange_latency": (_TIMES, True),
    "swaps_per_need": (("1",), True),
    "fusion_width": (("qubits",), True),
    "fixed": (_TIMES, True),
    "start_up": (_TIMES, True),
    "start_up_nodes": (_TIMES, True),
    "time_factor_sigma": (("1",), True),
    "fit_error": (("1",), False),
}
"""The same of the card of a cluster: its links, and the software that was measured on them."""


def read_card(
    folder: str, name: str, schema: Mapping[str, tuple[tuple[str, ...], bool]]
) -> tuple[Card, dict[str, float]]:
    """Return a card of ``calibration/<folder>/``, or of a path, and its numbers in SI units.

    Raises:
        CardError: if there is no such card, or an entry is unknown, missing, in a wrong unit or not positive.
    """
    found = card(_path(folder, name))
    numbers = {}
    for entry_name, entry in found.entries.items():
        where = f"{found.path}: {entry_name}"
        if entry_name not in schema:
            raise CardError(
                "unknown entry", where=where, allowed=", ".join(schema), suggestion=nearest(entry_name, schema)
            )
        units = schema[entry_name][0]
        if entry.unit not in units:
            raise CardError(f"unit {shorten(entry.unit)!r} does not fit", where=where, allowed=", ".join(units))
        value = found.value(entry_name) * _SCALE.get(entry.unit, 1.0)
        if value < 0 or (value == 0 and entry.unit in (*_RATE, *_SIZE, "devices", "tasks")):
            raise CardError(f"{value:g} is impossible", where=where, allowed="more than 0")
        numbers[entry_name] = value
    missing = [key for key, (_, required) in schema.items() if required and key not in numbers]
    if missing:
        raise CardError(f"missing {', '.join(missing)}", where=found.path)
    return found, numbers


def card_names(folder: str) -> dict[str, Path]:
    """Return the shipped cards of a folder by name."""
    return {path.stem: path for path in sorted((data_dir("calibration") / folder).glob("*.yaml"))}


def _path(folder: str, name: str) -> Path:
    known = card_names(folder)
    if name in known:
        return known[name]
    if name.endswith((".yaml", ".yml")):
        return Path(name)
    raise CardError(f"no {folder} card {shorten(name)!r}", allowed=", ".join(known), suggestion=nearest(name, known))


def whole_power(number: int, where: str) -> int:
    """Return the base-2 logarithm of a number of devices.

    Raises:
        CardError: if it is no power of two.
    """
    power = int(math.log2(number)) if number >= 1 else -1
    if number != 2**power if power >= 0 else True:
        raise CardError(f"{number} devices", where=where, allowed="a power of two: 1, 2, 4, …")
    return power
