"""Typed dataclasses from nested plain values; every mismatch names its key and where it was written."""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from functools import cache
from typing import Any

from qhpcsim.config.names import CHOICE_KEYS, INNER_CHOICES, NAME, options, params_of, params_of_inner
from qhpcsim.config.overrides import Raw
from qhpcsim.config.tree import Path, Tree
from qhpcsim.core.errors import ConfigError, UnknownNameError, nearest, shorten
from qhpcsim.core.registry import entries
from qhpcsim.core.units import seconds

POSITIVE = frozenset({"nodes", "cores_per_node", "max_jobs", "n_jobs", "load_scale"})
"""Numbers that must be above zero wherever they appear; all others must not be negative."""
MAX_INT = 2**31 - 1
MAX_SEED = 2**63 - 1


def build(cls: type, values: Any, key: Path, tree: Tree, classes: dict[str, type] | None = None) -> Any:
    """Return an instance of a dataclass.

    Args:
        cls: The dataclass.
        values: Mapping of its field names.
        key: Key path of the mapping.
        tree: Knows where values were written.
        classes: Field -> dataclass to use instead of the declared one.

    Raises:
        ConfigError: for an unknown key, a wrong type or a number out of range.
    """
    if not isinstance(values, dict):
        raise _wrong(values, "a mapping of keys to values", key, tree)
    hints = _hints(cls)
    for name in values:
        if name not in hints:
            raise _unknown(name, hints, (*key, name), tree)
    kinds = {**hints, **(classes or {})}
    return cls(**{name: convert(kinds[name], value, (*key, name), tree) for name, value in values.items()})


@cache
def _hints(cls: type) -> dict[str, Any]:
    hints = typing.get_type_hints(cls)
    return {field.name: hints[field.name] for field in dataclasses.fields(cls) if field.init}


def convert(kind: Any, value: Any, key: Path, tree: Tree) -> Any:
    """Return ``value`` as the declared type ``kind``."""
    if key in INNER_CHOICES:
        return _chosen(kind, value, key, tree)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        return _optional(arguments, value, key, tree)
    if isinstance(value, Raw):
        value = value.as_text() if kind is str else _number_or_text(value, kind, key, tree)
    if dataclasses.is_dataclass(kind):
        return build(typing.cast(type, kind), value, key, tree)
    if origin is dict:
        return _named(arguments[1], value, key, tree)
    if origin is tuple:
        return _several(arguments, value, key, tree)
    return _scalar(kind, value, key, tree)


def _chosen(kind: type, value: Any, key: Path, tree: Tree) -> Any:
    """Return what a registered name stands for, with its parameters: text, or a mapping with ``name``."""
    if not isinstance(value, dict):
        value = {"name": value}
    name = convert(str, value.get("name", kind().name), (*key, "name"), tree)
    shelf = INNER_CHOICES[key]
    cls = params_of_inner(shelf, name, kind)
    if cls is None:
        known = entries(shelf)
        raise UnknownNameError(
            f"unknown {key[-1]} {shorten(name)!r}",
            where=tree.where(key),
            allowed=", ".join(known),
            suggestion=nearest(name, known),
            hint=f"qhpcsim list {key[-1]}s",
        )
    return build(cls, {**value, "name": name}, key, tree)


def _several(kinds: tuple[Any, ...], values: Any, key: Path, tree: Tree) -> tuple[Any, ...]:
    """Return a list of any length (``kinds`` ends with ``...``), or one of as many values as there are kinds."""
    if not isinstance(values, list | tuple):
        raise _wrong(values, "a list, such as [a, b]", key, tree)
    if kinds[-1] is Ellipsis:
        kinds = kinds[:1] * len(values)
    if len(kinds) != len(values):
        raise _wrong(values, f"{len(kinds)} values", key, tree)
    return tuple(convert(kind, v, (*key, str(i)), tree) for i, (kind, v) in enumerate(zip(kinds, values, strict=True)))


def _number_or_text(raw: Raw, kind: Any, key: Path, tree: Tree) -> Any:
    """Return what Hydra's grammar makes of an override, but durations as the text they are."""
    return raw.as_text() if kind is float and _is_duration(key) else raw.as_value(tree.where(key))


def _is_duration(key: Path) -> bool:
    """Return whether a number is a time: the field, not a place in its list, ends in ``_s``."""
    field = next((part for part in reversed(key) if not part.isdigit()), "")
    return field.endswith("_s")


def _optional(arguments: tuple[Any, ...], value: Any, key: Path, tree: Tree) -> Any:
    if value is None or (isinstance(value, Raw) and value.text in ("null", "None", "")):
        return None
    inner = [kind for kind in arguments if kind is not types.NoneType]
    return convert(inner[0], value, key, tree)


def _named(kind: Any, values: Any, key: Path, tree: Tree) -> dict[str, Any]:
    """Return a mapping whose keys are names of the user's choosing."""
    if not isinstance(values, dict):
        raise _wrong(values, "a mapping of names to values", key, tree)
    for name in values:
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise ConfigError(
                f"{shorten(name)!r} cannot be a name",
                where=tree.where((*key, str(name))),
                allowed="letters, digits and . _ -",
            )
    if kind is str:
        values = {name: _as_written(value) for name, value in values.items()}
    return {name: convert(kind, value, (*key, name), tree) for name, value in values.items()}


def _as_written(value: Any) -> Any:
    """Return a number as text: a mapping of texts may hold ``1e-3`` beside ``50ms``."""
    return repr(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _scalar(kind: Any, value: Any, key: Path, tree: Tree) -> Any:
    if kind is bool:
        if isinstance(value, bool):
            return value
        raise _wrong(value, "true or false", key, tree)
    if kind is int:
        return _integer(value, key, tree)
    if kind is float:
        return _real(value, key, tree)
    if isinstance(value, str):
        return value
    raise _wrong(value, "text; put it in quotes if it is meant as text", key, tree)


def _integer(value: Any, key: Path, tree: Tree) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise _wrong(value, "a whole number", key, tree)
    least = int(key[-1] in POSITIVE)
    most = MAX_SEED if key[-1] == "seed" else MAX_INT
    if not least <= value <= most:
        raise ConfigError(
            f"{shorten(value)} is out of range",
            where=tree.where(key),
            allowed=f"a whole number from {least} to {most:,}",
        )
    return value


def _real(value: Any, key: Path, tree: Tree) -> float:
    if _is_duration(key) and isinstance(value, str):
        value = seconds(value, tree.where(key))
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong(value, "a number", key, tree)
    positive = key[-1] in POSITIVE
    allowed = "a finite number above 0" if positive else "a finite number, 0 or above"
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number) or number < 0 or (positive and number == 0):
        raise ConfigError(f"{shorten(value)} is out of range", where=tree.where(key), allowed=allowed)
    return number


def _wrong(value: Any, allowed: str, key: Path, tree: Tree) -> ConfigError:
    got = "nothing" if value is None else "a mapping" if isinstance(value, dict) else shorten(repr(value))
    if isinstance(value, Raw):
        got = shorten(repr(value.text))
    return ConfigError(f"got {got}", where=tree.where(key) or "scenario", allowed=allowed)


def _unknown(name: str, known: dict[str, Any], key: Path, tree: Tree) -> ConfigError:
    extra = ("base",) if tree.from_file and len(key) == 1 else ()
    return ConfigError(
        f"unknown key {shorten(name)!r}",
        where=tree.where(key),
        allowed=", ".join((*extra, *known)),
        suggestion=nearest(name, known),
        hint=_elsewhere(name, key),
    )


def _elsewhere(name: str, key: Path) -> str:
    """Return which other option of the same choice knows a key, as the next step."""
    choice = key[:-1]
    if len(choice) == 1 and choice[0] in CHOICE_KEYS:
        classes = {option: params_of(choice[0], option) for option in options(choice[0])}
    elif choice in INNER_CHOICES:
        classes = {option: entry.params for option, entry in entries(INNER_CHOICES[choice]).items()}
    else:
        return ""
    for option, cls in classes.items():
        if cls is not None and name in _hints(cls):
            return f"{'.'.join(choice)}={option} has it"
    return ""
