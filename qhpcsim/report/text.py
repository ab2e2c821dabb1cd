"""Numbers, durations and other people's names as a reader wants to see them."""

from __future__ import annotations

import math
import re
import unicodedata

_UNITS = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s"))
_SMALL = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
_PREFIXES = ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""))
_JOULES_PER_KWH = 3.6e6

MISSING = "none"
"""What a cell says when a figure does not exist."""


def plain(value: object, limit: int = 60) -> str:
    """Return a user-supplied name as one printable line of at most ``limit`` characters.

    Control characters, lone surrogates and direction overrides become U+FFFD: they would break an SVG or
    reorder the page.
    """
    text = "".join("\ufffd" if unicodedata.category(c) in ("Cc", "Cs", "Cf", "Zl", "Zp") else c for c in str(value))
    return text if len(text) <= limit else text[: limit - 1] + "…"


def unbroken(text: str) -> str:
    """Return a sentence in which no line ends between a number and its unit."""
    return re.sub(r"(?<=\d) (?=(?:%|(?:d|h|min|s|ms|kWh|MWh|jobs?|nodes?)\b))", "\u00a0", text)


def number(value: float, digits: int = 3) -> str:
    """Return a number with ``digits`` significant digits and thousands separators."""
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
    """Return seconds as people say them: ``"42 s"``, ``"1 h 5 min"``, ``"3 d 4 h"``."""
    if not math.isfinite(seconds):
        return MISSING
    if seconds < 0:
        return "−" + duration(-seconds)
    if seconds == 0:
        return "0 s"
    if seconds < 59.95:
        size, unit = next((s, u) for s, u in _SMALL if seconds >= s or s == 1e-9)
        return f"{number(seconds / size)} {unit}"
    for index, (size, unit) in enumerate(_UNITS[:-1]):
        small_size, small_unit = _UNITS[index + 1]
        steps = round(seconds / small_size)
        if steps * small_size >= size:
            whole, rest = divmod(steps, round(size / small_size))
            return _two_units(whole, unit, rest, small_unit)
    return f"{number(seconds)} s"


def _two_units(whole: int, unit: str, rest: int, small_unit: str) -> str:
    if rest == 0 or whole >= 100:
        return f"{whole:,} {unit}"
    return f"{whole} {unit} {rest} {small_unit}"


def percent(fraction: float) -> str:
    """Return a fraction as per cent with one decimal."""
    return f"{fraction * 100:.1f} %" if math.isfinite(fraction) else MISSING


def energy(joules: float) -> str:
    """Return energy in Wh, kWh, MWh or GWh."""
    return _scaled(joules / _JOULES_PER_KWH * 1e3, "Wh") if math.isfinite(joules) else MISSING


def power(watts: float) -> str:
    """Return power in W, kW or MW."""
    return _scaled(watts, "W") if math.isfinite(watts) else MISSING


def size(n_bytes: float) -> str:
    """Return bytes in GiB, or TiB when there are many."""
    gib = n_bytes / 2**30
    return f"{number(gib)} GiB" if gib < 4096 else f"{number(gib / 1024)} TiB"


def count(n: int, word: str) -> str:
    """Return ``"1 job"``, ``"1,500 jobs"``."""
    plural = word[:-1] + "ies" if word.endswith("y") else word + "s"
    return f"{n:,} {word if n == 1 else plural}"


def _scaled(value: float, unit: str) -> str:
    for factor, prefix in _PREFIXES:
        if abs(value) >= factor:
            return f"{number(value / factor)} {prefix}{unit}"
    return f"{number(value)} {unit}"
