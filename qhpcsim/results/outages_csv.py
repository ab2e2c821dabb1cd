"""``node_outages.csv`` and ``lost_runs.csv``: when nodes were away, and which runs of jobs that cut short.

``node_outages.csv`` has one row an absence: ``node`` (the id that ``jobs.csv`` uses), ``partition``, ``start``, ``end``
(cut at the end of the run). ``lost_runs.csv`` has one row a run after which its job began again, in order of its end:
``job_id``, ``start``, ``end``, ``allocated_resources``; the job's last run is in ``jobs.csv``. Times are on the input
file's own axis.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from qhpcsim.core.records import DownTimes, JobTable, LostRuns
from qhpcsim.results.csv_text import cell
from qhpcsim.results.qpu_csv import real
from qhpcsim.scenario import Partition


def write_node_outages(path: Path, table: JobTable, down: DownTimes, partitions: Mapping[str, Partition]) -> None:
    """Write ``node_outages.csv``."""
    last = np.cumsum([partition.nodes for partition in partitions.values()])
    names = [cell(name) for name in partitions]
    home = np.searchsorted(last, down.node, side="right").tolist()
    starts, ends = (table.zero_s + down.start_s).tolist(), (table.zero_s + down.end_s).tolist()
    rows = [
        f"{node},{names[k]},{real(start)},{real(end)}"
        for node, k, start, end in zip(down.node.tolist(), home, starts, ends, strict=True)
    ]
    _write(path, "node,partition,start,end", rows)


def write_lost_runs(path: Path, table: JobTable, lost: LostRuns) -> None:
    """Write ``lost_runs.csv``."""
    from qhpcsim.facility.allocation import to_interval_strings

    held = to_interval_strings(lost.offset, lost.lo, lost.hi)
    ids = [cell(str(each)) for each in table.job_id[lost.job].tolist()]
    starts, ends = (table.zero_s + lost.start_s).tolist(), (table.zero_s + lost.end_s).tolist()
    rows = [
        f"{job_id},{real(start)},{real(end)},{nodes}"
        for job_id, start, end, nodes in zip(ids, starts, ends, held, strict=True)
    ]
    _write(path, "job_id,start,end,allocated_resources", rows)


def _write(path: Path, header: str, rows: list[str]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write("\n".join([header, *rows]) + "\n")
