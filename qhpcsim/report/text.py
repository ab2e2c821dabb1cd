"""Numbers with units and other people's names as a reader wants to see them; durations are in ``core.wording``."""

from __future__ import annotations

import math
import re
import unicodedata

from qhpcsim.core.wording import MISSING, number, scaled


def plain(value: object, limit: int = 60) -> str:
    """Return a user-supplied name as one printable line of at most ``limit`` characters.

    Control characters, lone surrogates and direction overrides become U+FFFD: they would break an SVG or
    reorder the page.
    """
    text = "".join("\ufffd" if unicodedata.category(c) in ("Cc", "Cs", "Cf", "Zl", "Zp") else c for c in str(value))
    return text if len(text) <= limit else text[: limit - 1] + "…"


def unbroken(text: str) -> str:
    """Return a sentence in which no line ends between a number and its unit."""
    return re.sub(r"(?<=\d) (?=(?:%|(?:d|h|min|s|ms|kWh|MWh|jobs?|nodes?|QPUs?)\b))", "\u00a0", text)


def percent(fraction: float) -> str:
    """Return a fraction as per cent with one decimal."""
    return f"{fraction * 100:.1f} %" if math.isfinite(fraction) else MISSING


def power(watts: float) -> str:
    """Return power in W, kW or MW."""
    return scaled(watts, "W") if math.isfinite(watts) else MISSING


def node_time(node_s: float) -> str:
    """Return node-seconds as node hours."""
    return f"{number(node_s / 3600.0)} node hours"


def gpu_time(gpu_s: float) -> str:
    """Return GPU-seconds as GPU hours."""
    return f"{number(gpu_s / 3600.0)} GPU hours"


def size(n_bytes: float) -> str:
    """Return bytes in GiB, or TiB when there are many."""
    gib = n_bytes / 2**30
    return f"{number(gib)} GiB" if gib < 4096 else f"{number(gib / 1024)} TiB"


def count(n: int, word: str) -> str:
    """Return ``"1 job"``, ``"1,500 jobs"``."""
    plural = word[:-1] + "ies" if word.endswith("y") else word + "s"
    return f"{n:,} {word if n == 1 else plural}"
