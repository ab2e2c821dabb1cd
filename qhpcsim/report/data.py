"""What a report is made of, whether the run is still in memory or lies in its folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from qhpcsim.report.columns import JobColumns
from qhpcsim.report.held import Bars, in_use, job_bars
from qhpcsim.report.hybrid_view import HybridView
from qhpcsim.report.qpu_view import QpuView
from qhpcsim.report.sizes import SizeGroups, size_groups
from qhpcsim.report.time_axis import TimeAxis, time_axis
from qhpcsim.report.workflow_view import WorkflowView


@dataclass(frozen=True, slots=True)
class PartitionView:
    """One partition as the report shows it; its nodes are ``first .. first + nodes - 1``."""

    name: str
    first: int
    nodes: int
    cores_per_node: int = 1
    gpus_per_node: int = 0
    gpu_type: str = ""
    memory_per_node_bytes: float = 0.0
    idle_w: float | None = None
    busy_w: float | None = None
    shared: bool = False
    """Whether jobs share nodes by cores."""


@dataclass
class RunData:
    """One run, ready to be drawn."""

    name: str
    question: str
    answer: str
    policy: str
    jobs: JobColumns
    partitions: list[PartitionView]
    summary: Mapping[str, Any]
    baseline_name: str = ""
    baseline_summary: Mapping[str, Any] = field(default_factory=dict)
    baseline_jobs: JobColumns | None = None
    card: Mapping[str, Any] = field(default_factory=dict)
    cleaned: Mapping[str, int] = field(default_factory=dict)
    """What the reader changed or dropped: rule in words -> number of jobs."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """The resolved scenario as plain values, nested."""
    qpu: QpuView | None = None
    """The QPU side; None: the scenario has no QPUs, or their service no job of a hybrid run."""
    hybrid: HybridView | None = None
    """Hybrid jobs; None: the workload has none."""
    workflows: WorkflowView | None = None
    """Applications; None: the workload has none."""

    @property
    def has_batch(self) -> bool:
        """Whether the page speaks of batch jobs: not where there are QPUs and no batch job."""
        return self.qpu is None or self.jobs.n > 0

    @property
    def has_parts(self) -> bool:
        """Whether some batch jobs are parts of hybrid jobs or pilots of applications."""
        return self.hybrid is not None or self.workflows is not None

    @property
    def n_nodes(self) -> int:
        """Nodes of the facility."""
        return sum(p.nodes for p in self.partitions)

    @property
    def has_baseline(self) -> bool:
        """Whether there is another policy to compare with."""
        return bool(self.baseline_summary) or self.baseline_jobs is not None

    @cached_property
    def job_bars(self) -> Bars:
        """One bar for every node range that a job was given."""
        firsts = np.array([p.first for p in self.partitions], dtype=np.int64)
        lane = np.searchsorted(firsts, self.jobs.range_lo, side="right") - 1
        return job_bars(self.jobs, lane)

    @cached_property
    def in_use(self) -> Bars:
        """Bars that never overlap: nodes with at least one job."""
        return in_use(self.job_bars, [p.shared for p in self.partitions])

    @cached_property
    def groups(self) -> SizeGroups:
        """Size groups of the jobs."""
        return size_groups(self.jobs.nodes)

    @cached_property
    def axis(self) -> TimeAxis:
        """Return the time axis that every figure over time shares."""
        return time_axis(*self.jobs.span_s())


def partition_views(
    facility: Mapping[str, Any], jobs: JobColumns, n_nodes: int | None = None, name: str = "all nodes"
) -> list[PartitionView]:
    """Return the partitions of a resolved facility, nodes counted through them in their order.

    Args:
        facility: ``nodes`` or ``partitions`` as in a scenario.
        jobs: Tell the machine's size where nobody does.
        n_nodes: The machine's size, if known.
        name: What the only partition is called where the facility names none.
    """
    views: list[PartitionView] = []
    first = 0
    for key, part in dict(facility.get("partitions") or {}).items():
        nodes = int(part.get("nodes", 1))
        views.append(
            PartitionView(
                name=str(key),
                first=first,
                nodes=nodes,
                cores_per_node=int(part.get("cores_per_node", 1)),
                gpus_per_node=int(part.get("gpus_per_node", 0)),
                gpu_type=str(part.get("gpu_type", "")),
                memory_per_node_bytes=float(part.get("memory_per_node_bytes", 0.0)),
                idle_w=part.get("idle_w"),
                busy_w=part.get("busy_w"),
                shared=part.get("sharing") == "cores",
            )
        )
        first += nodes
    if views:
        return views
    nodes = facility.get("nodes") or n_nodes or _nodes_seen(jobs)
    return [PartitionView(name, 0, int(nodes), idle_w=facility.get("idle_w"), busy_w=facility.get("busy_w"))]


def _nodes_seen(jobs: JobColumns) -> int:
    """Return the smallest machine that could have run this schedule."""
    highest = int(jobs.range_hi.max()) + 1 if len(jobs.range_hi) else 1
    return max(highest, 1)
