"""What must hold of every run's applications, checked over the output tables only.

I01 the cells that a state calls for; I02 submitted, started, ended in order, tasks within their application's life; I03
columns that say a thing twice; I06 every task counted, none lost; I16 figures recomputed; I21 pilots: tasks on their
nodes while they live, never more cores or GPUs than a node has; I22 each QPU call is a job of the QPU service. What the
tables cannot decide is said.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from qhpcsim.metrics.checks import workflow_figures, workflow_held, workflow_rows
from qhpcsim.metrics.checks.tables import Findings, Floats
from qhpcsim.metrics.checks.workflow_held import QpuJobs
from qhpcsim.metrics.checks.workflow_tables import WorkflowTables
from qhpcsim.metrics.qpu_data import QpuData


@dataclass(frozen=True, slots=True)
class Middle:
    """What a scenario says of the layer between applications and nodes."""

    slots: Floats
    """(k,) slots for cores on each node of each pilot; NaN: not known."""
    retries: int = 0
    waits: bool = False
    """Applications begin when their first pilot runs."""
    has_reserve: bool = False
    """Some pilots are submitted only if a scaling policy asks for them."""
    resized: bool = False
    """Pilots may grow and shrink: then each consists of several batch jobs."""
    has_pools: bool = False
    """Some applications share pilots."""
    whole_cores: bool = True
    """Tasks ask for whole cores."""
    can_break: bool = False
    """Nodes fail or are taken away."""


def check_workflows(
    tables: WorkflowTables,
    middle: Middle,
    summary: Mapping[str, Any],
    partitions: list[str],
    qpu: QpuData | None = None,
    more: QpuJobs | None = None,
) -> Findings:
    """Return every broken rule and everything that could not be checked.

    Args:
        tables: From ``checks.workflow_tables.read_tables``.
        middle: What the scenario says.
        summary: Key ``workflows`` of ``summary.json``; empty: rules about figures are left out.
        partitions: Names of the partitions.
        qpu: Jobs of the QPU service; None: there is none.
        more: The rest of ``qpu.csv``.
    """
    broken = [*workflow_rows.check_applications(tables), *workflow_rows.check_tasks(tables, middle.retries + 1)]
    broken += workflow_rows.check_columns(tables)
    broken += workflow_rows.check_ordered(tables, middle.waits)
    broken += workflow_figures.check_conserved(tables)
    broken += workflow_held.check_pilots(
        tables, not (middle.has_reserve or middle.resized), not middle.has_pools, not middle.resized
    )
    if broken:
        return Findings(broken, [])
    if not middle.can_break:
        broken += workflow_held.check_lives(tables)
    broken += workflow_held.check_room(tables, middle.slots, middle.whole_cores)
    if qpu is not None and more is not None:
        broken += workflow_held.check_calls(tables, qpu, more)
    if summary:
        broken += workflow_figures.check_figures(tables, summary, partitions, qpu)
    return Findings(broken, _undecided(tables, middle))


def _undecided(tables: WorkflowTables, middle: Middle) -> list[str]:
    """Return sentences on what the tables do not tell."""
    found = []
    n_unknown = int((np.isnan(middle.slots) & (tables.pilots.partition >= 0)).sum())
    if n_unknown:
        found.append(f"the cores of {n_unknown:,} pilots, whose slots the scenario does not tell")
    if not middle.whole_cores:
        found.append("cores to less than one for each task: some ask for fractions, which tasks.csv rounds up")
    if middle.resized and bool((tables.spot[:, 1] > 1).any()):
        found.append("whether all nodes of a gang are its pilot's: pilots changed their size")
    if middle.can_break:
        found.append("whether tasks run while their pilot does: nodes may fail, and jobs.csv has last starts only")
    n_again = int((tables.real["attempts"] > 1).sum())
    if n_again:
        found.append(f"earlier attempts of {n_again:,} tasks, of which tasks.csv has the last")
    return found
