"""Spans of time as (k, 2) arrays of half-open intervals [start, end): united, clipped, subtracted, measured."""

from __future__ import annotations

import numpy as np

from qhpcsim.core.records import FloatArray


def united(spans: FloatArray) -> FloatArray:
    """Return the same time as disjoint intervals in order; empty ones vanish.

    Args:
        spans: (k, 2) intervals in any order, overlapping or not.
    """
    spans = spans[spans[:, 1] > spans[:, 0]]
    if not len(spans):
        return np.empty((0, 2))
    spans = spans[np.lexsort((spans[:, 1], spans[:, 0]))]
    reach = np.maximum.accumulate(spans[:, 1])
    first = np.flatnonzero(np.append(True, spans[1:, 0] > reach[:-1]))
    last = np.append(first[1:], len(spans)) - 1
    return np.column_stack([spans[first, 0], reach[last]])


def clipped(spans: FloatArray, until_s: float) -> FloatArray:
    """Return what of the intervals lies within [0, ``until_s``)."""
    return np.clip(spans, 0.0, until_s)


def length_s(spans: FloatArray) -> float:
    """Return the seconds that are in at least one interval."""
    whole = united(spans)
    return float(np.sum(whole[:, 1] - whole[:, 0]))


def without(spans: FloatArray, others: FloatArray) -> FloatArray:
    """Return the time that is in ``spans`` and not in ``others``, as disjoint intervals in order."""
    keep, holes = united(spans), united(others)
    if not len(keep) or not len(holes):
        return keep
    gaps = np.column_stack([np.append(-np.inf, holes[:, 1]), np.append(holes[:, 0], np.inf)])
    parts = []
    for start_s, end_s in keep.tolist():
        low = int(np.searchsorted(gaps[:, 1], start_s, side="right"))
        high = int(np.searchsorted(gaps[:, 0], end_s, side="left"))
        parts.append(np.clip(gaps[low:high], start_s, end_s))
    return united(np.concatenate(parts))
