"""The hybrid jobs of a run as the report shows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from qhpcsim.core.records import FloatArray
from qhpcsim.metrics.hybrid_data import KINDS, HybridData, IntArray, parts_of
from qhpcsim.report.activity import Activity, Bar, Held, Phase, held_by
from qhpcsim.report.columns import JobColumns
from qhpcsim.report.palette import MIDDLEWARE, ON_GPU, ON_QPU, WAITS_FOR_NODES, WAITS_FOR_QPU
from qhpcsim.report.qpu_view import QpuView

LOOKS = (
    Phase("classical phase", ON_GPU),
    Phase("on a QPU", ON_QPU),
    Phase("launch, resize", MIDDLEWARE),
    Phase("waits for a QPU", WAITS_FOR_QPU),
    Phase("waits for nodes", WAITS_FOR_NODES),
)
_PLACE = {"cpu": 0, "qpu": 1, "launch": 2, "resize": 2, "qpu_wait": 3, "queue": 4}
_ROUNDING = 1e-9
"""What is left of a mean time after its phases counts as nothing below this share of it."""
_LOOK_OF_KIND = np.array([_PLACE[kind] for kind in KINDS])


@dataclass
class HybridView:
    """Hybrid jobs and their figures."""

    data: HybridData
    activity: Activity
    summary: Mapping[str, Any]
    """Key ``hybrid`` of ``summary.json``."""
    baseline: Mapping[str, Any]
    """The same under the baseline policy; empty: there is none."""


def hybrid_view(
    data: HybridData,
    summary: Mapping[str, Any],
    jobs: JobColumns,
    first_nodes: IntArray,
    qpus: QpuView | None,
    baseline: Mapping[str, Any],
) -> HybridView:
    """Return the view of a run's hybrid jobs.

    Args:
        data: The jobs.
        summary: Figures of the run, as in ``summary.json``.
        jobs: All batch jobs.
        first_nodes: First node of each partition.
        qpus: The QPU service; None: it had no job.
        baseline: Figures of the run under the baseline policy; empty: there is none.
    """
    parts = parts_of(jobs.job_id, data.name)
    rigid = np.ones(jobs.n, dtype=bool)
    rigid[parts.row] = False
    no_nodes = np.isin(jobs.range_job, parts.row[~parts.are_nodes])
    homes = np.searchsorted(first_nodes, jobs.range_lo[no_nodes], side="right") - 1
    other = dict(baseline.get("hybrid") or {})
    cpu = data.phase_kind == KINDS.index("cpu")
    activity = Activity(
        noun="hybrid job",
        looks=LOOKS,
        call=_PLACE["qpu"],
        use="classical phase",
        name=data.name,
        submitted_s=data.submitted_s,
        ended_s=data.ended_s,
        done=data.completed,
        owner=data.phase_job,
        phase=_LOOK_OF_KIND[data.phase_kind],
        start_s=data.phase_start_s,
        end_s=data.phase_end_s,
        used_node_s=data.used_node_s,
        held_node_s=data.held_node_s,
        used=Held(data.phase_start_s[cpu], data.phase_end_s[cpu], data.nodes[data.phase_job[cpu]].astype(np.float64)),
        nodes=held_by(jobs, parts.row[parts.are_nodes]),
        rigid=held_by(jobs, np.flatnonzero(rigid)),
        own_qpus=held_by(jobs, parts.row[parts.are_qpus]),
        tokens=frozenset(homes.tolist()),
        n_qpus=len(dict(dict(summary.get("qpu") or {}).get("by_qpu") or {})),
        qpus=qpus,
        baseline_mean_s=other.get("mean_time_to_solution_s"),
        baseline_bar=_baseline_bar(other),
    )
    return HybridView(data, activity, summary["hybrid"], other)


def mean_times(figures: Mapping[str, Any]) -> dict[str, float]:
    """Return the mean seconds in each kind of phase, and what is in none, where it is known: all jobs are done."""
    found = {kind: float(mean_s) for kind, mean_s in figures["mean_phase_s"].items()}
    if figures["n_completed"] and figures["n_completed"] == figures["n_jobs"]:
        rest_s = figures["mean_time_to_solution_s"] - sum(found.values())
        if rest_s > _ROUNDING * figures["mean_time_to_solution_s"]:
            found["rest"] = rest_s
    return found


def _baseline_bar(other: Mapping[str, Any]) -> Bar | None:
    """Return the baseline's bar, where all of its jobs were completed: its summary has means of all jobs only."""
    if not other or not other["n_completed"] or other["n_completed"] != other["n_jobs"]:
        return None
    means = mean_times(other)
    spent_s: FloatArray = np.zeros(len(LOOKS) + 1)
    for kind, mean_s in means.items():
        spent_s[_PLACE.get(kind, -1)] += mean_s
    per_job_h = other["n_jobs"] * 3600.0
    return Bar("baseline", spent_s, other["used_node_s"] / per_job_h, other["held_node_s"] / per_job_h)
