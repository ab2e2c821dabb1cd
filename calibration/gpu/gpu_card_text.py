"""The text of the cards that the GPU fits write."""

from __future__ import annotations

from collections.abc import Sequence

DATE = "2026-11-22"
ASSUMED = "method: assumption, licence: none needed"


def entry(name: str, value: float, unit: str, sd: float | None, more: str = "") -> str:
    """Return one entry in YAML; ``more`` is appended as it is."""
    shown = "null" if sd is None else f"{sd:.2g}"
    quoted = '"1"' if unit == "1" else unit
    return f"  {name}: {{value: {value:.4g}, unit: {quoted}, uncertainty: {shown}{', ' + more if more else ''}}}"


def text(about: str, method: str, source: str, licence: str, script: str, lines: Sequence[str], head: str = "") -> str:
    """Return a whole card."""
    return "\n".join(
        [
            f"# Written by {script}; do not edit by hand.",
            f"card: {about}",
            *([head] if head else []),
            f"method: {method}",
            f'source: "{source}"',
            f"licence: {licence}",
            f"script: {script}",
            f"date: {DATE}",
            "entries:",
            *lines,
            "",
        ]
    )
