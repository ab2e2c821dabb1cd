"""What a workload holds, in a dozen figures, for ``qhpcsim validate`` and reports."""

from __future__ import annotations

from typing import Any

import numpy as np

from qhpcsim.core.records import Categories, JobTable

_HOUR_S = 3600.0


def describe(table: JobTable) -> dict[str, Any]:
    """Return the figures of a workload; an entry is None where the file does not say.

    Returns:
        ``workload``, ``jobs``, ``span_s`` (first to last submission), ``first_submit_s`` (on the file's axis),
        ``users``, ``groups``, ``partitions``, ``machine_nodes``, ``max_nodes``, ``wider_than_machine`` (jobs),
        ``total_node_hours``, ``offered_load`` (node-seconds submitted per node-second of the machine between first
        and last submission), ``median_runtime_s``, ``gpu_jobs``, ``dependent_jobs`` and ``cleaned`` (rule -> jobs).
    """
    span_s = float(table.submit_s[-1] - table.submit_s[0]) if table.n else 0.0
    work_s = float(np.dot(table.nodes.astype(np.float64), table.runtime_s))
    machine = table.machine_nodes
    return {
        "workload": table.workload_name,
        "jobs": table.n,
        "span_s": span_s,
        "first_submit_s": float(table.submit_s[0] + table.zero_s) if table.n else None,
        "users": _n_names(table.user),
        "groups": _n_names(table.group),
        "partitions": _n_names(table.partition),
        "machine_nodes": machine,
        "max_nodes": int(table.nodes.max()) if table.n else 0,
        "wider_than_machine": None if machine is None else int(np.count_nonzero(table.nodes > machine)),
        "total_node_hours": work_s / _HOUR_S,
        "offered_load": None if machine is None or span_s <= 0 else work_s / (machine * span_s),
        "median_runtime_s": float(np.median(table.runtime_s)) if table.n else None,
        "gpu_jobs": None if table.gpus_per_node is None else int(np.count_nonzero(table.gpus_per_node)),
        "dependent_jobs": _n_dependent(table),
        "cleaned": dict(table.cleaned),
    }


def _n_dependent(table: JobTable) -> int:
    waits = np.zeros(table.n, np.bool_) if table.depends_on is None else table.depends_on >= 0
    if table.waits is not None:
        waits |= np.diff(table.waits.offset) > 0
    return int(np.count_nonzero(waits))


def _n_names(column: Categories | None) -> int | None:
    return None if column is None else len(column.names)
