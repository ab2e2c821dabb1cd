"""Numbers, durations and energies in words, the same on the terminal, in answers and in reports."""

from __future__ import annotations

import math
from collections.abc import Callable

MISSING = "none"
"""What stands where a figure does not exist."""

_PAIRS = (
    (60.0, "min", 1.0, "s", 3600.0),
    (3600.0, "h", 60.0, "min", 86400.0),
    (86400.0, "d", 3600.0, "h", math.inf),
)
"""Unit and the smaller one beside it, with their seconds, and the length from which a larger pair is used."""
_SMALL = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
_PREFIXES = ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""))
_JOULES_PER_WH = 3600.0


def number(value: float, digits: int = 3) -> str:
    """Return a number with ``digits`` significant digits and thousands separators; whole numbers as they are."""
    if not math.isfinite(value):
        return MISSING
    if float(value).is_integer() and abs(value) < 1e15:
        return sign(f"{int(value):,}")
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    if decimals > 6:
        return sign(f"{value:.{digits - 1}e}")
    return sign(f"{value:,.{decimals}f}")


def sign(text: str) -> str:
    """Return ``text`` with a true minus sign."""
    return text.replace("-", "−", 1) if text.startswith("-") else text


def duration(seconds: float) -> str:
    """Return seconds as people say them: ``2.50 ms``, ``42 s``, ``1 h 5 min``, ``3 d 4 h``; at most two units."""
    if not math.isfinite(seconds):
        return MISSING
    if seconds < 0:
        return "−" + duration(-seconds)
    if seconds == 0:
        return "0 s"
    if seconds < 59.95:
        size, unit = next((s, u) for s, u in _SMALL if seconds >= s or s == 1e-9)
        return f"{number(seconds / size)} {unit}"
    for size, unit, small_size, small_unit, limit in _PAIRS:
        steps = round(seconds / small_size)
        if steps * small_size < limit:
            return _two_units(*divmod(steps, round(size / small_size)), unit, small_unit)
    raise AssertionError(seconds)  # the last pair has no limit


def energy(joules: float) -> str:
    """Return an energy in Wh, kWh, MWh or GWh; in joules below 1 Wh."""
    if not math.isfinite(joules):
        return MISSING
    return f"{number(joules)} J" if abs(joules) < _JOULES_PER_WH else scaled(joules / _JOULES_PER_WH, "Wh")


def figure_text(value: float, name: str) -> str:
    """Return a figure of ``summary.json`` with its unit, which its name tells; a dash where there is none."""
    if math.isnan(value):
        return "–"
    return next((form for suffix, form in _FORMS if name.endswith(suffix)), number)(value)


def scaled(value: float, unit: str) -> str:
    """Return a number with the prefix that leaves one to three digits before the point: ``3.20 kW``."""
    for factor, prefix in _PREFIXES:
        if abs(value) >= factor:
            return f"{number(value / factor)} {prefix}{unit}"
    return f"{number(value)} {unit}"


def _two_units(whole: int, rest: int, unit: str, small_unit: str) -> str:
    if rest == 0 or whole >= 100:
        return f"{whole:,} {unit}"
    return f"{whole} {unit} {rest} {small_unit}"


_FORMS: tuple[tuple[str, Callable[[float], str]], ...] = (
    ("_per_s", lambda value: f"{number(value)}/s"),
    ("_s", duration),
    ("_frac", lambda value: sign(f"{100 * value:.1f} %")),
    ("utilisation", lambda value: sign(f"{100 * value:.1f} %")),
    ("_j", energy),
)
"""End of a figure's name, how its value is written."""
