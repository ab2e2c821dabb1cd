"""What must hold on every run, checked over the output tables only: ``jobs.csv``, ``summary.json``, the machine.

I01 finite; I02 submit <= start <= end; I03 lengths; I04 no overcommit; I05 nodes exclusive and as many as asked;
I06 every job once; I07 monotone clock; I08, I09 FCFS; I10 EASY head by its shadow time; I11 conservative slots with
exact estimates; I12 Little's law; I13 energy; I14 utilisation; I15 makespan bounds; I16 figures recomputed; I18 no
idling while the head fits. I17 and the rest of what is about QPUs is in ``checks.qpu``.

Rules about policies are checked where they are theorems: queues in order of submission, whole and equal nodes that
never fail, no dependencies, a pass at every change; I10 and I11 up to some thousands of jobs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from qhpcsim.core.records import FloatArray, JobTable
from qhpcsim.metrics.checks import figures, heads, nodes, rows, slots, totals
from qhpcsim.metrics.checks.tables import Tables, Violation
from qhpcsim.scenario import Partition, Policy, Scheduler

if TYPE_CHECKING:
    import pandas as pd


def check_run(
    jobs: pd.DataFrame,
    summary: Mapping[str, Any],
    partitions: Mapping[str, Partition],
    policy: Policy | None = None,
    *,
    scheduler: Scheduler | None = None,
    overrun: str = "kill",
    workload: JobTable | None = None,
    event_s: FloatArray | None = None,
) -> list[Violation]:
    """Return every broken rule of a run; an empty list is what a healthy run gives.

    Args:
        jobs: The rows of ``jobs.csv`` (``Result.jobs`` or ``RunFolder.jobs``).
        summary: The figures of ``summary.json``; empty: rules about figures are left out.
        partitions: The machine, sizes resolved, in node-id order.
        policy: The rules of the queue; None: rules about policies are left out.
        scheduler: Cycles of the scheduler, if any.
        overrun: ``kill`` or ``extend``.
        workload: What was submitted, for exact lengths and completeness; None: judged by the table alone.
        event_s: Times of the event log, in its order.
    """
    tables = Tables(jobs, summary, partitions)
    found = [*rows.check_finite(tables), *rows.check_complete(tables, workload)]
    if found:
        return found
    found += rows.check_ordered(tables)
    found += rows.check_lengths(tables, overrun, workload)
    found += rows.check_clock(tables, event_s)
    found += nodes.check_allocations(tables)
    if any(v.id == "I05" for v in found):
        return found
    found += nodes.check_overcommit(tables)
    if policy is not None and _plain(tables, policy, scheduler, workload):
        found += _policy_rules(tables, policy)
    if summary:
        found += _figure_rules(tables)
    return found


def _figure_rules(tables: Tables) -> Iterator[Violation]:
    yield from totals.check_little(tables)
    yield from totals.check_energy(tables)
    yield from totals.check_utilisation(tables)
    yield from totals.check_bounds(tables)
    yield from figures.check_figures(tables)


def _policy_rules(tables: Tables, policy: Policy) -> Iterator[Violation]:
    strict = policy.semantics == "batch"
    for k, queue in enumerate(heads.queues(tables, policy.estimates)):
        if policy.backfill == "none":
            yield from heads.check_fcfs_starts(tables, queue)
            yield from heads.check_order(tables, queue)
        if policy.backfill == "easy" and strict:
            yield from heads.check_shadow(tables, queue)
        if policy.backfill == "conservative" and strict and policy.depth == 0:
            yield from slots.check_slots(tables, queue)
        if policy.backfill != "conservative" or policy.reservations == "replanned":
            yield from heads.check_idle(tables, queue, k)


def _plain(tables: Tables, policy: Policy, scheduler: Scheduler | None, workload: JobTable | None) -> bool:
    """Return whether the rules about policies are theorems for this run."""
    alike = all(p.sharing == "exclusive" and not p.groups and not p.can_break for p in tables.partitions.values())
    chained = workload is not None and workload.depends_on is not None and bool(np.any(workload.depends_on >= 0))
    chained |= workload is not None and (workload.waits is not None or workload.array is not None)
    known = policy.name in ("fcfs", "easy", "conservative") and policy.backfill in ("none", "easy", "conservative")
    at_once = scheduler is None or scheduler == Scheduler()
    all_ended = not tables.jobs["final_state"].isin(("RUNNING", "QUEUED")).any()
    return (
        known
        and alike
        and at_once
        and all_ended
        and not chained
        and policy.order == "fcfs"
        and policy.semantics in ("batch", "each")
    )
