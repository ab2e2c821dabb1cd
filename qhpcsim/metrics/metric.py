"""How a metric enters: a function of a run, filed with its unit and formula for ``qhpcsim list metrics``."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from qhpcsim.core.registry import entries, register
from qhpcsim.metrics.run_data import RunData

Metric = Callable[[RunData], "float | int | None"]
"""A number about a run; None where the run has no job that counts (the summary says how many it left out)."""


def metric(key: str, unit: str, formula: str, source: str = "") -> Callable[[Metric], Metric]:
    """Return a decorator that files a metric under ``key``, the word it has in ``summary.json``.

    Args:
        key: Snake case, ending in the unit's suffix (``_s``, ``_j``, ``_frac``) unless it is a pure number.
        unit: ``s``, ``J``, ``1`` …
        formula: One line; s submit, b start, c end, p = c - b, w = b - s, q nodes, m nodes of the facility.
        source: Paper, DOI or URL.
    """
    return register("metric", key, summary=f"[{unit}] {formula}", source=source)


def metrics() -> Iterator[tuple[str, Metric]]:
    """Yield every registered metric with its key, in alphabetical order."""
    for key, entry in entries("metric").items():
        yield key, entry.target
