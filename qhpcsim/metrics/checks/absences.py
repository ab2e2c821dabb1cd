"""Rules about nodes that joined or were drained on the way: part of I05, no job is on a node that is away."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from qhpcsim.metrics.checks.tables import Tables, Violation

if TYPE_CHECKING:
    import pandas as pd


def check_absences(tables: Tables, outages: pd.DataFrame) -> Iterator[Violation]:
    """I05: no job holds a node while it is away.

    Args:
        tables: The jobs.
        outages: The rows of ``node_outages.csv``, on the axis of the workload's file.
    """
    offset, low, high = tables.ranges
    job = np.repeat(np.arange(len(tables.width)), np.diff(offset))
    slack, ids = tables.tolerance_s, tables.jobs["job_id"].to_numpy()
    starts, ends = tables.start_s[job], tables.end_s[job]
    for node, from_s, to_s in outages[["node", "start", "end"]].itertuples(index=False):
        there = (low <= node) & (node <= high)
        during = (starts < to_s - tables.zero_s - slack) & (ends > from_s - tables.zero_s + slack) & (ends > starts)
        for k in job[there & during].tolist():
            yield Violation("I05", str(ids[k]), f"holds node {node}, which is away from {from_s:g} s to {to_s:g} s")
