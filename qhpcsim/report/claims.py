"""What each of many jobs was doing at every instant, where several things go on at once: the first claim has it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from qhpcsim.core.records import FloatArray
from qhpcsim.metrics.hybrid_data import IntArray
from qhpcsim.metrics.qpu_spans import united


class Spans(NamedTuple):
    """Stretches of time of some jobs, as arrays of one length; they may overlap."""

    owner: IntArray
    start_s: FloatArray
    end_s: FloatArray


class Claims(NamedTuple):
    """Stretches of time that never overlap, by job, then by start."""

    owner: IntArray
    claim: IntArray
    """Index of the claim that has it."""
    start_s: FloatArray
    end_s: FloatArray


def claimed(claims: Sequence[Spans]) -> Claims:
    """Return the time of each job divided among claims: an instant belongs to the first that has it.

    Args:
        claims: Spans, most important first.
    """
    times = np.unique(np.concatenate([np.empty(0), *(part for spans in claims for part in spans[1:])]))
    place = max(len(times), 1)
    unions = [_union(spans, times, place) for spans in claims]
    edges = np.unique(np.concatenate([np.empty(0), *(union.ravel() for union in unions)]))[:-1]
    holder = np.full(len(edges), len(claims))
    for k, union in reversed(list(enumerate(unions))):
        if len(union):
            at = np.searchsorted(union[:, 0], edges, side="right") - 1
            holder[(at >= 0) & (union[np.maximum(at, 0), 1] > edges)] = k
    after = np.append(edges[1:], max((union[-1, 1] for union in unions if len(union)), default=0.0))
    kept = holder < len(claims)
    edges, after, holder = edges[kept], after[kept], holder[kept]
    fresh = np.ones(len(edges), dtype=bool)
    fresh[1:] = (holder[1:] != holder[:-1]) | (edges[1:] != after[:-1]) | (edges[1:] // place != edges[:-1] // place)
    first = np.flatnonzero(fresh)
    last = np.append(first[1:], len(edges))[: len(first)] - 1
    low, high = edges[first].astype(np.int64), after[last].astype(np.int64)
    return Claims(low // place, holder[first], times[low % place], times[high % place])


def _union(spans: Spans, times: FloatArray, place: int) -> FloatArray:
    """Return (k, 2) unions of the spans of each job, as job · place + rank of the time: whole numbers, so exact."""
    some = spans.end_s > spans.start_s
    shift = spans.owner[some] * float(place)
    low = shift + np.searchsorted(times, spans.start_s[some])
    high = shift + np.searchsorted(times, spans.end_s[some])
    return united(np.column_stack([low, high])) if some.any() else np.empty((0, 2))
