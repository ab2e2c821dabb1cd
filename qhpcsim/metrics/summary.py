"""The summary of a run: every registered metric, who was counted in it, distributions and totals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from qhpcsim.core.records import JobState, JobTable, Schedule
from qhpcsim.metrics.by_partition import by_partition
from qhpcsim.metrics.fairness import has_user
from qhpcsim.metrics.machine import busy_node_s, steady_window
from qhpcsim.metrics.metric import metrics
from qhpcsim.metrics.node_failures import node_failures
from qhpcsim.metrics.run_data import RunData
from qhpcsim.metrics.size_class import by_size_class, distributions
from qhpcsim.metrics.slowdown import has_slowdown
from qhpcsim.scenario import Partition, Scenario


def summarise(
    table: JobTable, schedule: Schedule, partitions: Mapping[str, Partition], scenario: Scenario
) -> dict[str, Any]:
    """Return the figures of a run under stable keys, ready for JSON: no NaN, None where nothing counts.

    Args:
        table: The jobs.
        schedule: What became of them.
        partitions: The machine, sizes resolved, in node-id order.
        scenario: Names the policy, the seed and the question.
    """
    run = RunData(table, schedule, partitions)
    return {
        "scenario": scenario.name,
        "policy": scenario.policy.name,
        "seed": scenario.seed,
        "message": nothing_finished(run),
        **counts(run),
        **{key: function(run) for key, function in metrics()},
        **node_failures(run),
        **distributions(run),
        "counted": counted(run),
        "by_size_class": by_size_class(run),
        "by_partition": by_partition(run),
        "cleaned": {rule: int(n) for rule, n in table.cleaned.items()},
    }


def counts(run: RunData) -> dict[str, Any]:
    """Return how many jobs ended in which way (they add up to ``n_jobs``) and the windows of time."""
    steady = steady_window(run)
    zero = run.table.zero_s
    return {
        "n_jobs": run.table.n,
        "n_completed": run.count(JobState.COMPLETED_SUCCESSFULLY),
        "n_failed": run.count(JobState.COMPLETED_FAILED),
        "n_killed": run.count(JobState.COMPLETED_WALLTIME_REACHED, JobState.COMPLETED_KILLED),
        "n_rejected": run.count(JobState.REJECTED),
        "n_running": run.count(JobState.RUNNING),
        "n_queued": run.count(JobState.QUEUED),
        "n_nodes": run.n_nodes,
        "window_start_s": zero + run.window[0],
        "window_end_s": zero + run.window[1],
        "steady_start_s": zero + steady[0] if steady else None,
        "steady_end_s": zero + steady[1] if steady else None,
        "busy_node_s": float(np.sum(busy_node_s(run))),
    }


def counted(run: RunData) -> dict[str, dict[str, int | str]]:
    """Return, for each family of metrics, the jobs it counts, those it leaves out, and why."""
    families = {
        "wait": (run.started, "never started"),
        "turnaround": (run.finished, "did not finish"),
        "slowdown": (has_slowdown(run), "did not finish, or ran for no time"),
        "bounded_slowdown": (run.finished, "did not finish"),
        "useful_utilisation": (run.useful, "did not complete successfully"),
        "jain_fairness": (has_user(run), "did not finish, or names no user"),
    }
    return {
        name: {"n_counted": int(chosen.sum()), "n_excluded": int((~chosen).sum()), "excluded": why}
        for name, (chosen, why) in families.items()
    }


def nothing_finished(run: RunData) -> str:
    """Return a sentence that says so if no job finished; empty otherwise."""
    if run.finished.any():
        return ""
    if run.table.n == 0:
        return "No job finished: the workload has no jobs."
    left = {
        "rejected": run.count(JobState.REJECTED),
        "still running": run.count(JobState.RUNNING),
        "never started": run.count(JobState.QUEUED),
    }
    return "No job finished: " + ", ".join(f"{n:,} {word}" for word, n in left.items() if n) + "."
