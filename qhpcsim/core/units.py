"""Durations as people write them, in seconds."""

from __future__ import annotations

import math
import re

from qhpcsim.core.errors import ConfigError, shorten

_SECONDS = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "min": 60.0,
    "m": 60.0,
    "h": 3600.0,
    "d": 86400.0,
    "w": 604800.0,
}
_PART = re.compile(r"(\d+(?:\.\d*)?(?:e[+-]?\d+)?)\s*(ns|us|µs|ms|min|s|m|h|d|w)", re.ASCII | re.IGNORECASE)
_NUMBER = re.compile(r"\d+(?:\.\d*)?(?:e[+-]?\d+)?|\.\d+", re.ASCII | re.IGNORECASE)


def seconds(value: float | str, where: str = "") -> float:
    """Return a duration in seconds from a number or from text such as ``"2h"``, ``"1h30m"``, ``"30us"``.

    Raises:
        ConfigError: if the text is no duration, or the value is negative, infinite or NaN.
    """
    if isinstance(value, bool):
        raise ConfigError(f"{value!r} is not a duration", where=where, allowed='a number or "2h", "30us"')
    result = _parse(value.strip(), where) if isinstance(value, str) else float(value)
    if not math.isfinite(result) or result < 0:
        raise ConfigError(f"{shorten(value)!r} is not a finite duration ≥ 0", where=where)
    return result


def _parse(text: str, where: str) -> float:
    if _NUMBER.fullmatch(text):
        return float(text)
    total, position = 0.0, 0
    while position < len(text):
        found = _PART.match(text, position)
        if found is None:
            raise ConfigError(
                f"{shorten(text)!r} is not a duration",
                where=where,
                allowed="a number of seconds, or 2h, 1h30m, 30us",
            )
        total += float(found[1]) * _SECONDS[found[2].lower()]
        position = found.end()
        while position < len(text) and text[position] == " ":
            position += 1
    if not text:
        raise ConfigError("an empty text is not a duration", where=where)
    return total


_BYTES = {
    "b": 1,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "tb": 10**12,
    "kib": 2**10,
    "mib": 2**20,
    "gib": 2**30,
    "tib": 2**40,
}
_SIZE = re.compile(r"(\d+(?:\.\d*)?(?:e[+-]?\d+)?|\.\d+)\s*([a-z]*)", re.ASCII | re.IGNORECASE)


def bytes_of(text: str, where: str = "") -> int:
    """Return a number of bytes from text such as ``8GB`` (8·10⁹), ``8GiB`` (8·2³⁰) or ``1e9``.

    Raises:
        ConfigError: if the text is no size, or it is not finite.
    """
    found = _SIZE.fullmatch(text.strip())
    factor = _BYTES.get((found[2] or "b").lower()) if found is not None else None
    if found is None or factor is None or not math.isfinite(float(found[1])):
        raise ConfigError(f"{shorten(text)!r} is no size", where=where, allowed="bytes, or 8GB, 512MB, 8GiB")
    return int(float(found[1]) * factor)
