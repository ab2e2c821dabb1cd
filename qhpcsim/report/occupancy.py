"""Nodes × time bins: the busy share of each cell, by differences, in time linear in the number of bars."""

from __future__ import annotations

from itertools import product

import numpy as np

from qhpcsim.core.records import FloatArray
from qhpcsim.report.columns import IntArray
from qhpcsim.report.held import Bars


def occupancy(bars: Bars, node_edges: FloatArray, time_edges_s: FloatArray) -> FloatArray:
    """Return the mean number of bars over each cell: the busy share, where nodes are not shared.

    Args:
        bars: All inside the outermost edges.
        node_edges: (r + 1,) increasing node ids.
        time_edges_s: (c + 1,) increasing times.

    Returns:
        (r, c) array.
    """
    rows, columns = len(node_edges) - 1, len(time_edges_s) - 1
    shape = (rows + 2, columns + 2)
    grid = np.zeros(shape[0] * shape[1])
    lower, upper = _step(bars.lo, node_edges), _step(bars.hi + 1, node_edges)
    start, end = _step(bars.start_s, time_edges_s), _step(bars.end_s, time_edges_s)
    for (node, node_sign), (time, time_sign) in product(((lower, 1), (upper, -1)), ((start, 1), (end, -1))):
        for row_shift, column_shift in product((0, 1), (0, 1)):
            cell = (node[0] + row_shift) * shape[1] + time[0] + column_shift
            weight = np.abs(1 - row_shift - node[1]) * np.abs(1 - column_shift - time[1])
            grid += np.bincount(cell, weight * (node_sign * time_sign), minlength=len(grid))
    both = grid.reshape(shape).cumsum(axis=0).cumsum(axis=1)
    return np.asarray(np.clip(both[:rows, :columns], 0.0, None))


def _step(at: FloatArray | IntArray, edges: FloatArray) -> tuple[IntArray, FloatArray]:
    """Return the cell of each position and how far into the cell it lies, in [0, 1]."""
    cell = np.clip(np.searchsorted(edges, at, side="right") - 1, 0, len(edges) - 1)
    width = np.diff(edges, append=edges[-1] + 1.0)
    inside = np.clip((at - edges[cell]) / width[cell], 0.0, 1.0)
    return cell.astype(np.int64), inside


def row_edges(nodes: int, most: int) -> FloatArray:
    """Return the edges of at most ``most`` rows of equal whole numbers of nodes (the last may be thinner)."""
    height = -(-nodes // most)
    edges = np.arange(0, nodes, height, dtype=np.float64)
    return np.append(edges, float(nodes))
