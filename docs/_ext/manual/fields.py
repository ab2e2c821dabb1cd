"""Keeps the words under fields as they are: napoleon would take what stands before a colon for a type."""

from __future__ import annotations

from typing import Any

BEFORE, AFTER = 400, 600
"""Priorities on either side of napoleon's."""


def setup(app: Any) -> dict[str, bool]:
    """Take the words away before napoleon sees them, and put them back."""
    kept: dict[str, list[str]] = {}

    def take(app: Any, what: str, name: str, target: Any, options: Any, lines: list[str]) -> None:
        if what == "attribute":
            kept[name] = lines[:]
            lines.clear()

    def put_back(app: Any, what: str, name: str, target: Any, options: Any, lines: list[str]) -> None:
        if what == "attribute":
            lines[:] = kept.pop(name)

    app.connect("autodoc-process-docstring", take, priority=BEFORE)
    app.connect("autodoc-process-docstring", put_back, priority=AFTER)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
