"""Step functions of time: how many wait, how many nodes run, and their envelopes for long runs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qhpcsim.core.records import FloatArray

BIN_WIDTHS_S = (1.0, 10.0, 60.0, 600.0, 3600.0, 21600.0, 86400.0, 604800.0, 2592000.0)
"""Widths a bin may have: people know what an hour or a day is."""
_MAX_BINS = 400
_MAX_EXACT = 600
"""Up to so many changes, every one of them is an edge of its own."""


@dataclass(slots=True)
class Steps:
    """A step function: ``value[k]`` holds from ``time_s[k]`` until ``time_s[k + 1]``."""

    time_s: FloatArray
    value: FloatArray

    def integral(self, at_s: FloatArray) -> FloatArray:
        """Return the integral from the first time up to each of ``at_s``."""
        area = np.concatenate([[0.0], np.cumsum(self.value[:-1] * np.diff(self.time_s))])
        return np.asarray(np.interp(at_s, self.time_s, area))


@dataclass(slots=True)
class Envelope:
    """Least, mean and greatest value of a step function in each bin."""

    edges_s: FloatArray
    least: FloatArray
    mean: FloatArray
    greatest: FloatArray


def steps(up_s: FloatArray, down_s: FloatArray, weight: FloatArray | None, span_s: tuple[float, float]) -> Steps:
    """Return the sum of ``weight`` over the intervals ``[up, down)`` that are open, within ``span_s``.

    Args:
        up_s: (n,) start of each interval.
        down_s: (n,) end of each interval; NaN: never within the span.
        weight: (n,) what each interval adds; None: 1.
        span_s: First and last instant of the result.
    """
    gain = np.ones(len(up_s)) if weight is None else weight.astype(np.float64)
    ends = ~np.isnan(down_s)
    time = np.concatenate([up_s, down_s[ends], span_s])
    change = np.concatenate([gain, -gain[ends], [0.0, 0.0]])
    order = np.argsort(time, kind="stable")
    time, value = time[order], np.cumsum(change[order])
    final = np.append(time[1:] != time[:-1], True)
    return Steps(time[final], value[final])


def envelope(series: Steps, n_bins: int) -> Envelope:
    """Return ``series`` thinned to ``n_bins`` equal bins over its whole span."""
    edges = np.linspace(series.time_s[0], series.time_s[-1], n_bins + 1)
    at_edge = np.searchsorted(series.time_s, edges, side="right") - 1
    inside_end = np.searchsorted(series.time_s, edges[1:], side="left")
    pairs = np.column_stack([at_edge[:-1], np.maximum(inside_end, at_edge[:-1] + 1)]).ravel()
    padded = np.append(series.value, series.value[-1])
    return Envelope(
        edges,
        np.minimum.reduceat(padded, pairs)[::2],
        np.diff(series.integral(edges)) / np.diff(edges),
        np.maximum.reduceat(padded, pairs)[::2],
    )


def bin_width_s(span_s: float, most: int = _MAX_BINS) -> float:
    """Return the finest familiar width (second, …, hour, day, week) that needs at most so many bins."""
    for width in BIN_WIDTHS_S:
        if span_s / width <= most:
            return width
    return float(np.ceil(span_s / most / BIN_WIDTHS_S[-1])) * BIN_WIDTHS_S[-1]


def bin_edges(first_s: float, last_s: float, width_s: float) -> FloatArray:
    """Return edges at whole multiples of ``width_s`` inside the span, with the span's own ends added."""
    inner = np.arange(np.floor(first_s / width_s) + 1, np.ceil(last_s / width_s)) * width_s
    return np.concatenate([[first_s], inner, [last_s]])


def interval_edges(changes_s: FloatArray, span_s: tuple[float, float], most: int) -> tuple[FloatArray, float]:
    """Return the edges of intervals for means over time, and their familiar width; 0: at every change.

    Args:
        changes_s: Instants at which something changes, all inside the span.
        span_s: First and last instant.
        most: Intervals at most.
    """
    exact = np.unique(np.concatenate([changes_s, span_s]))
    if len(exact) <= _MAX_EXACT:
        return exact, 0.0
    width_s = bin_width_s(span_s[1] - span_s[0], most)
    return bin_edges(*span_s, width_s), width_s
