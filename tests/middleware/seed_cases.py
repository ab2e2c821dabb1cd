"""How tests judge the project against published runs."""

from __future__ import annotations

TOLERANCE = 0.10
"""Of the seed's data; figures typed by hand are not among the checked ones."""


def checked(checks) -> dict[str, float]:
    """Return the errors of the held-out figures by name."""
    return {each.what: each.error for each in checks if not each.fitted}
