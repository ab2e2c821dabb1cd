"""The figures of a run as one flat row of numbers."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from numbers import Integral, Real
from typing import Any

Number = float | int | None
"""A figure; None where a run has none of that name."""
_NOT_FIGURES = ("seed", "notes", "cleaned")
_NONE, _WHOLE, _REAL = range(3)
_KINDS: dict[type, int] = {type(None): _NONE, int: _WHOLE, float: _REAL}
_EXACT = 2**53
"""Whole numbers below are exact as float64."""


class Figures(Mapping[str, Number]):
    """Dotted name -> number, in order; small, since studies hold many: 8 bytes a figure, names and kinds are shared."""

    __slots__ = ("_kinds", "_numbers", "_places", "names")

    def __init__(self, names: tuple[str, ...], values: Sequence[Number]) -> None:
        self.names = names
        self._places = _places(names)
        self._kinds, self._numbers = _packed(values)

    @property
    def values_(self) -> tuple[Number, ...]:
        """The numbers in the order of the names."""
        return tuple(map(_unpacked, self._kinds, self._numbers))

    def __getitem__(self, name: str) -> Number:
        """Return one figure."""
        place = self._places[name]
        return _unpacked(self._kinds[place], self._numbers[place])

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names."""
        return iter(self.names)

    def __len__(self) -> int:
        """Return the number of figures."""
        return len(self.names)

    def __reduce__(self) -> tuple[type[Figures], tuple[tuple[str, ...], tuple[Number, ...]]]:
        """Pickle as names and values."""
        return Figures, (self.names, self.values_)


def _packed(values: Sequence[Number]) -> tuple[bytes, Sequence[Any]]:
    """Return the kind of each value, and the values as float64 where that keeps them exact."""
    kinds = _shared(bytes([_KINDS[type(value)] for value in values]))
    if _WHOLE in kinds and any(type(value) is int and abs(value) >= _EXACT for value in values):
        return kinds, tuple(values)
    return kinds, array("d", [0.0 if value is None else value for value in values] if _NONE in kinds else values)


def _unpacked(kind: int, number: Any) -> Number:
    return number if kind == _REAL else int(number) if kind == _WHOLE else None


@lru_cache(maxsize=256)
def _shared(kinds: bytes) -> bytes:
    return kinds


@lru_cache(maxsize=64)
def _places(names: tuple[str, ...]) -> dict[str, int]:
    return {name: k for k, name in enumerate(names)}


def figures_of(summary: Mapping[str, Any]) -> Figures:
    """Return every number of a summary under its dotted name, in the summary's order; texts are left out."""
    flat = dict(_flat(summary, ""))
    return Figures(tuple(flat), tuple(flat.values()))


def _flat(values: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Number]]:
    for key, value in values.items():
        name = f"{prefix}{key}"
        if name in _NOT_FIGURES:
            continue
        if isinstance(value, Mapping):
            yield from _flat(value, f"{name}.")
        elif isinstance(value, bool):
            yield name, int(value)
        elif value is None:
            yield name, None
        elif isinstance(value, Integral):  # numpy's numbers become Python's: same bytes before and after the ledger
            yield name, int(value)
        elif isinstance(value, Real):
            yield name, float(value) if math.isfinite(value) else None
