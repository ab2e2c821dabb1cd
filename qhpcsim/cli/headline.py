"""The table and the sentence that a run prints."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from qhpcsim.cli.headline_hybrid import hybrid_table
from qhpcsim.cli.headline_qpu import qpu_tables
from qhpcsim.cli.headline_workflows import workflow_table
from qhpcsim.cli.output import number, table
from qhpcsim.core.wording import duration, energy

if TYPE_CHECKING:
    from qhpcsim.scenario import Scenario

ROWS: tuple[tuple[str, str, Callable[[float], str]], ...] = (
    ("n_jobs", "jobs", lambda n: f"{n:,.0f}"),
    ("n_rejected", "rejected (can never fit)", lambda n: f"{n:,.0f}"),
    ("mean_wait_s", "mean wait", duration),
    ("p95_wait_s", "95 % wait at most", duration),
    ("mean_bounded_slowdown", "mean bounded slowdown", lambda x: f"{x:,.2f}"),
    ("utilisation_frac", "utilisation", lambda x: f"{100 * x:.1f} %"),
    ("makespan_s", "makespan", duration),
    ("energy_j", "energy", energy),
)
"""Key of the summary, what the table calls it, how its value is written."""
OPTIONAL = frozenset({"n_rejected"})
"""Rows that are left out where every column is zero."""
MISSING = "–"


def headline(scenario: Scenario, result: Any) -> str:
    """Return the tables of a result, its baseline beside it, and the sentence that answers the question."""
    qpu = result.summary.get("qpu")
    parts = [scenario.question] if scenario.question else []
    if result.workflows is not None:
        other = None if result.baseline is None else result.baseline.workflows.summary
        parts.append(workflow_table(result.workflows.summary, other, (scenario.policy.name, scenario.baseline)))
    if qpu is None or result.summary["n_jobs"]:
        parts.append(_batch_table(scenario, result))
    if qpu is not None:
        parts += qpu_tables(scenario.name, qpu, brief=result.workflows is not None)
    if result.hybrid is not None:
        other = None if result.baseline is None else result.baseline.hybrid.summary
        names = (scenario.policy.name, scenario.baseline)
        parts.append(hybrid_table(result.hybrid.summary, other, names))
    if notes := _notes(result):
        parts.append("\n".join(notes))
    if result.answer:
        parts.append(result.answer)
    return "\n\n".join(parts)


def _batch_table(scenario: Scenario, result: Any) -> str:
    columns = [(scenario.policy.name, result.summary)]
    if result.baseline is not None:
        columns.append((scenario.baseline, result.baseline.summary))
    rows = []
    for key, label, form in ROWS:
        values = [number(summary, key) for _, summary in columns]
        if all(value is None for value in values) or (key in OPTIONAL and not any(values)):
            continue
        counted = f"{label}, pilots too" if key == "n_jobs" and result.workflows is not None else label
        rows.append([counted, *(MISSING if value is None else form(value) for value in values)])
    return table(rows, [scenario.name, *(name for name, _ in columns)])


def _notes(result: Any) -> list[str]:
    """Return what the reader of the workload changed, why jobs were rejected, and how far the QPU figures hold."""
    notes = [f"cleaned: {rule}: {n:,} {_jobs(n)}" for rule, n in (result.summary.get("cleaned") or {}).items()]
    n_rejected = result.summary.get("n_rejected") or 0
    if n_rejected:
        notes.append(f"{n_rejected:,} {_jobs(n_rejected)} rejected: {_why_rejected(result)}")
    return notes + list((result.summary.get("qpu") or {}).get("notes", ()))


def _why_rejected(result: Any) -> str:
    """Return the width of the widest rejected job against the largest partition, or what the first one lacks."""
    import numpy as np

    from qhpcsim.core.records import JobState
    from qhpcsim.facility.routing import why_nowhere

    jobs = np.flatnonzero(result.schedule.state == JobState.REJECTED)
    widest = int(result.table.nodes[jobs].max())
    largest = max(partition.nodes for partition in result.partitions.values())
    if widest > largest:
        return f"{widest:,} > {largest:,} nodes"
    asked = why_nowhere(result.table, result.partitions, int(jobs[0]))
    return f"job {result.table.job_id[jobs[0]]} asks for {asked or 'things that no partition has together'}"


def _jobs(n: int) -> str:
    return "job" if n == 1 else "jobs"
