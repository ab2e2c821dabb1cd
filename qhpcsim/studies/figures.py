"""The figures of a run as one flat row of numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

Number = float | int | None
"""A figure; None where a run has none of that name."""
_NOT_FIGURES = ("seed", "notes", "cleaned")


class Figures(Mapping[str, Number]):
    """Dotted name -> number, in order; runs of one kind share their names, since studies hold many of them."""

    __slots__ = ("_places", "names", "values_")

    def __init__(self, names: tuple[str, ...], values: tuple[Number, ...]) -> None:
        self.names, self.values_ = names, values
        self._places = _places(names)

    def __getitem__(self, name: str) -> Number:
        """Return one figure."""
        return self.values_[self._places[name]]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names."""
        return iter(self.names)

    def __len__(self) -> int:
        """Return the number of figures."""
        return len(self.names)

    def __reduce__(self) -> tuple[type[Figures], tuple[tuple[str, ...], tuple[Number, ...]]]:
        """Pickle as names and values."""
        return Figures, (self.names, self.values_)


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
        elif value is None or isinstance(value, int):
            yield name, value
        elif isinstance(value, float):
            yield name, value if math.isfinite(value) else None
