"""Strategies by name: ``modelled``, or ``fixed_width:width=8`` with parameters."""

from __future__ import annotations

import dataclasses
from typing import Any, get_type_hints

from qhpcsim.core.errors import ConfigError, nearest, shorten
from qhpcsim.core.registry import Entry, lookup
from qhpcsim.policies.cutting.strategy import CutStrategy
from qhpcsim.workloads.motifs.making import value_of


def strategy_named(text: str, where: str = "strategy") -> CutStrategy:
    """Return the strategy called ``name`` or ``name:key=value,…``.

    Raises:
        UnknownNameError: if there is none of that name; names the nearest.
        ConfigError: for a parameter that it does not have, or a value of another type.
    """
    name, _, settings = text.partition(":")
    entry = lookup("cutting", name, where)
    made: CutStrategy = entry.target() if entry.params is None else entry.target(_params(entry, settings, where))
    return made


def _params(entry: Entry, settings: str, where: str) -> Any:
    assert entry.params is not None
    hints = get_type_hints(entry.params)
    known = [each.name for each in dataclasses.fields(entry.params) if each.name != "name"]
    given: dict[str, Any] = {}
    for word in filter(None, settings.split(",")):
        key, equals, value = word.partition("=")
        if not equals or key not in known:
            raise ConfigError(
                f"cutting strategy {entry.name} has no parameter {shorten(key)!r}",
                where=where,
                allowed=", ".join(f"{each}=…" for each in known) or "none",
                suggestion=nearest(key, known),
            )
        given[key] = value_of(value, hints[key], key, f"{where}.{key}")
    return entry.params(**given)
