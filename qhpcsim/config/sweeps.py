"""``key=a,b,c`` and ``key=range(1,9)`` of the command line, in Hydra's grammar, as axes of a sweep."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from qhpcsim.core.errors import ConfigError, shorten

MAX_VALUES = 100_000
"""Most values of one axis."""


@dataclass(frozen=True, slots=True)
class Axis:
    """One key of a sweep and the texts of its values, in the order given."""

    key: str
    values: tuple[str, ...]


def axes_of(texts: Iterable[str]) -> tuple[tuple[str, ...], tuple[Axis, ...]]:
    """Return the overrides that hold for every point, and the axes, each in the order given.

    Several values are ``a,b,c``, ``choice(a,b,c)`` or ``range(start,stop[,step])``, in which ``stop`` is left out as
    in Python; ``[a,b]`` is one list, not two values.

    Raises:
        ConfigError: for a sweep that Hydra's grammar does not know, has no values or has one of them twice.
    """
    fixed: list[str] = []
    axes: dict[str, Axis] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        values = _values(key, value) if equals and _may_be_sweep(value) else None
        if values is None:
            fixed.append(text)
            continue
        if key in axes:
            raise ConfigError("is swept twice", where=shorten(key), hint="one list of values")
        axes[key] = Axis(key, values)
    return tuple(fixed), tuple(axes.values())


def _may_be_sweep(value: str) -> bool:
    """Return whether a text can be several values; spares paths and plain words a parser that would misread them."""
    return "," in value or value.startswith(("range(", "choice(", "interval(", "glob(", "shuffle(", "sort(", "tag("))


def _values(key: str, value: str) -> tuple[str, ...] | None:
    """Return the texts of the values, or None if it is one value."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.core.override_parser.types import Glob, IntervalSweep, Sweep
    from hydra.errors import HydraException

    if "${" in value:
        raise ConfigError("interpolation is not allowed", where=shorten(key), hint="write the values themselves")
    try:
        override = OverridesParser.create().parse_override(f"x={value}")
        if not override.is_sweep_override():
            return None
        kind = override.value()
        if isinstance(kind, Glob | IntervalSweep) or getattr(kind, "shuffle", False):
            raise ConfigError(f"{shorten(value)!r}", where=shorten(key), allowed="a,b,c, choice(a,b,c), range(1,9)")
        assert isinstance(kind, Sweep)
        values = tuple(str(text) for text in override.sweep_string_iterator())
    except (HydraException, RecursionError, ValueError, TypeError):
        raise ConfigError(
            f"{shorten(value)!r} is not a list of values",
            where=shorten(key),
            allowed="a,b,c, choice(a,b,c), range(1,9)",
            hint="quote the whole word: 'key=a,b'",
        ) from None
    if not values or len(values) > MAX_VALUES:
        raise ConfigError(
            f"{shorten(value)!r} has {len(values):,} values", where=shorten(key), allowed=f"1 … {MAX_VALUES:,}"
        )
    twice = next((text for k, text in enumerate(values) if text in values[:k]), None) if len(values) < 1000 else None
    if twice is not None:
        raise ConfigError(f"{twice!r} is there twice", where=shorten(key), hint="each value once")
    return values
