"""Which nodes were in use when, as bars; nodes that jobs share are counted once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qhpcsim.core.records import FloatArray
from qhpcsim.report.columns import IntArray, JobColumns


@dataclass(slots=True)
class Bars:
    """Rectangles of nodes ``lo..hi`` (inclusive) over ``[start, end)``; on exclusive nodes they never overlap."""

    start_s: FloatArray
    end_s: FloatArray
    lo: IntArray
    hi: IntArray
    lane: IntArray
    """Partition index of each bar."""

    def of(self, lane: int) -> Bars:
        """Return the bars of one partition."""
        mine = self.lane == lane
        return Bars(self.start_s[mine], self.end_s[mine], self.lo[mine], self.hi[mine], self.lane[mine])

    @property
    def nodes(self) -> FloatArray:
        """Nodes of each bar."""
        return (self.hi - self.lo + 1).astype(np.float64)


def job_bars(jobs: JobColumns, lane: IntArray) -> Bars:
    """Return one bar for every node range that a job was given."""
    job = jobs.range_job
    return Bars(jobs.start_s[job], jobs.finish_s[job], jobs.range_lo, jobs.range_hi, lane)


def in_use(bars: Bars, shared: list[bool]) -> Bars:
    """Return bars that never overlap: where jobs share nodes, a node is in use while at least one job is on it.

    Args:
        bars: One per allocated range.
        shared: For each partition, whether jobs share its nodes.
    """
    flags = np.array(shared, dtype=bool)[bars.lane]
    if not flags.any():
        return bars
    merged = _merged(bars, np.flatnonzero(flags))
    keep = ~flags
    return Bars(
        np.concatenate([bars.start_s[keep], merged.start_s]),
        np.concatenate([bars.end_s[keep], merged.end_s]),
        np.concatenate([bars.lo[keep], merged.lo]),
        np.concatenate([bars.hi[keep], merged.hi]),
        np.concatenate([bars.lane[keep], merged.lane]),
    )


def _merged(bars: Bars, chosen: IntArray) -> Bars:
    """Return the union of bars node by node, one bar for each unbroken time in use."""
    width = (bars.hi - bars.lo + 1)[chosen]
    of_bar = np.repeat(chosen, width)
    node = bars.lo[of_bar] + np.arange(len(of_bar)) - np.repeat(np.cumsum(width) - width, width)
    order = np.lexsort((bars.start_s[of_bar], node))
    node, of_bar = node[order], of_bar[order]
    start, end = bars.start_s[of_bar], bars.end_s[of_bar]
    base, span = start.min(), end.max() - start.min() + 1.0
    shift = (node - node[0]) * span  # keeps the running maximum of one node from reaching into the next
    latest = np.maximum.accumulate(end - base + shift)
    fresh = np.concatenate([[True], (start - base + shift)[1:] > latest[:-1]])
    first = np.flatnonzero(fresh)
    ends = np.maximum.reduceat(end, first)
    return Bars(start[first], ends, node[first], node[first], bars.lane[of_bar[first]])
