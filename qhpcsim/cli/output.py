"""Text for people: safe to show on a terminal, numbers with units."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from typing import Any


def clean(text: str) -> str:
    """Return ``text`` with control characters (which can steer a terminal) spelled out, line ends kept."""
    return "".join(c if c == "\n" or c.isprintable() else ascii(c)[1:-1] for c in text)


def say(text: str = "") -> None:
    """Print to standard output at once."""
    print(clean(text), flush=True)


def complain(text: str) -> None:
    """Print an error block to standard error."""
    print(clean(f"error: {text}"), file=sys.stderr, flush=True)


def table(rows: Sequence[Sequence[str]], head: Sequence[str] = (), right: bool = True) -> str:
    """Return rows as aligned columns.

    Args:
        rows: Cells; all rows are equally long.
        head: Column titles, underlined.
        right: Whether columns after the first are aligned right.
    """
    lines = [list(head), *map(list, rows)] if head else [list(row) for row in rows]
    if not lines:
        return ""
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    if head:
        lines.insert(1, ["─" * width for width in widths])
    text = []
    for line in lines:
        cells = [
            cell.rjust(width) if right and i else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        text.append("  ".join(cells).rstrip())
    return "\n".join(text)


def number(figures: Mapping[str, Any], key: str) -> float | None:
    """Return a figure of a summary, or None where there is none to print."""
    value = figures.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)
