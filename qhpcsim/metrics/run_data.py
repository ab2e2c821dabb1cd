"""One run as the arrays that metrics share: waits, run times, held node-seconds, the observed window.

Jobs that never started have NaN waits, jobs that never finished NaN run times; every metric selects with
``started`` or ``finished`` and so never sees them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.records import FloatArray, JobState, JobTable, Schedule
from qhpcsim.metrics.node_share import node_shares
from qhpcsim.scenario import Partition

BoolArray = NDArray[np.bool_]


@dataclass
class RunData:
    """What metrics read: the jobs, what became of them, and the machine they ran on."""

    table: JobTable
    schedule: Schedule
    partitions: Mapping[str, Partition]
    """Sizes resolved; node ids count up through them in their order."""

    @cached_property
    def started(self) -> BoolArray:
        """(n,) whether the job got its nodes."""
        return np.isfinite(self.schedule.start_s)

    @cached_property
    def finished(self) -> BoolArray:
        """(n,) whether the job started and left its nodes, by itself or killed."""
        return np.asarray(self.started & np.isfinite(self.schedule.end_s))

    @cached_property
    def useful(self) -> BoolArray:
        """(n,) whether the job completed successfully."""
        return np.asarray(self.finished & (self.schedule.state == JobState.COMPLETED_SUCCESSFULLY))

    @cached_property
    def wait_s(self) -> FloatArray:
        """(n,) w = b - s; NaN if the job never started."""
        return self.schedule.start_s - self.table.submit_s

    @cached_property
    def run_s(self) -> FloatArray:
        """(n,) p = c - b, freed of the rounding of that subtraction; NaN unless finished.

        The end of a job was made as start + time, so c - b differs from that time by a few ulp of c. Where it lies that
        close to the run time (or, for a job killed at its limit, to the requested time), that time itself is given.
        """
        start, end = self.schedule.start_s, self.schedule.end_s
        run = end - start
        killed = self.schedule.state == JobState.COMPLETED_WALLTIME_REACHED
        exact = np.where(killed, self.table.walltime_s, self.table.runtime_s)
        close = np.abs(run - exact) <= 4 * np.spacing(np.where(np.isfinite(end), np.abs(end), 0.0))
        return np.where(close, exact, run)

    @cached_property
    def turnaround_s(self) -> FloatArray:
        """(n,) r = w + p; NaN unless finished."""
        return self.wait_s + self.run_s

    @cached_property
    def share_nodes(self) -> FloatArray:
        """(n,) nodes' worth held: q on exclusive nodes, the share of their cores on shared ones."""
        return node_shares(self.table, self.schedule, self.partitions)

    @cached_property
    def hold_s(self) -> FloatArray:
        """(n,) time on the nodes within the window; 0 if never started, up to the window's end if still running."""
        running = self.started & ~self.finished
        held = np.where(self.finished, self.run_s, 0.0)
        if running.any():
            held = np.where(running, self.window[1] - self.schedule.start_s, held)
        return held

    @cached_property
    def lost_node_s(self) -> FloatArray:
        """(n,) node-seconds of runs that a node's failure or an outage cut short before the job began again."""
        total = np.zeros(self.table.n)
        lost = self.schedule.lost
        if lost is not None:
            np.add.at(total, lost.job, (lost.end_s - lost.start_s) * self.table.nodes[lost.job])
        return total

    @cached_property
    def window(self) -> tuple[float, float]:
        """First submission, and the last start or end (or submission, if nothing started), in seconds."""
        if self.table.n == 0:
            return 0.0, 0.0
        first = float(self.table.submit_s.min())
        moments = [self.schedule.start_s[self.started], self.schedule.end_s[self.finished]]
        last = max((float(m.max()) for m in moments if m.size), default=float(self.table.submit_s.max()))
        return first, max(first, last)

    @property
    def window_s(self) -> float:
        """Length of the window in seconds."""
        return self.window[1] - self.window[0]

    @property
    def n_nodes(self) -> int:
        """Nodes of the facility, m."""
        return sum(p.nodes for p in self.partitions.values())

    def count(self, *states: JobState) -> int:
        """Return how many jobs are in one of these states."""
        return int(np.isin(self.schedule.state, [int(s) for s in states]).sum())
