"""Hybrid jobs against the tables beside theirs: I21 nodes in ``jobs.csv``, I22 calls in ``qpu.csv``."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from qhpcsim.metrics.checks.hybrid_rows import CPU, QPU, report, report_phases, tolerance_s
from qhpcsim.metrics.checks.hybrid_tables import HybridTables
from qhpcsim.metrics.checks.tables import RELATIVE, Flags, Floats, Violation
from qhpcsim.metrics.qpu_data import QpuData


def check_held(tables: HybridTables) -> Iterator[Violation]:
    """I21: a job's parts lie between its submission and its end, and its held node time is theirs."""
    data, parts, slack = tables.data, tables.parts, tolerance_s(tables.data)
    over = np.isfinite(data.ended_s)
    outside = ~parts.are_shared & (
        (tables.part_start_s < data.submitted_s[parts.job] - slack)
        | (tables.part_end_s > data.ended_s[parts.job] + slack)
    )
    for row in np.flatnonzero(outside).tolist():
        job = int(parts.job[row])
        yield Violation("I21", f"{data.name[job]}.{parts.name[row]}", "is held before its job is submitted or after it")
    length_s = np.where(parts.are_nodes, tables.part_end_s - tables.part_start_s, 0.0)
    part_node_s = np.nan_to_num(length_s) * tables.part_nodes
    if parts.are_shared.any():
        yield from _check_shares(tables, float(part_node_s.sum()))
        return
    node_s = np.bincount(parts.job, part_node_s, data.n)
    differs = over & (np.abs(node_s - data.held_node_s) > RELATIVE * node_s + slack * np.maximum(data.nodes, 1))
    yield from report(data, "I21", differs, "held_node_s is not the node time of its parts in jobs.csv")


def _check_shares(tables: HybridTables, node_s: float) -> Iterator[Violation]:
    """The jobs' shares of pilots, and what else they held, are all of that; none is less than what it used."""
    held, used = tables.data.held_node_s, tables.data.used_node_s
    if np.isfinite(tables.data.ended_s).all() and abs(float(held.sum()) - node_s) > 10 * RELATIVE * max(node_s, 1.0):
        yield Violation("I21", "hybrid.csv", f"held_node_s adds up to {held.sum():g}, pilots and parts to {node_s:g}")
    short = held < used * (1 - RELATIVE) - tolerance_s(tables.data) * tables.data.nodes
    yield from report(tables.data, "I21", short, "held_node_s is less than its classical phases used")


def check_covered(tables: HybridTables) -> Iterator[Violation]:
    """I21: while a classical phase runs, its job holds as many nodes as it asks for, or all share the pilots'."""
    if tables.parts.are_shared.any():
        yield from _check_pilots(tables)
        return
    data, slack = tables.data, tolerance_s(tables.data)
    rows = np.flatnonzero(data.phase_kind == CPU)
    middle_s = 0.5 * (data.phase_start_s + data.phase_end_s)[rows]
    short = (
        np.minimum.reduce(
            [
                _held(tables, rows, at_s)
                for at_s in (data.phase_start_s[rows] + slack, middle_s, data.phase_end_s[rows] - slack)
            ]
        )
        < (data.nodes[data.phase_job[rows]])
    )
    bad = np.zeros(len(data.phase_job), dtype=bool)
    bad[rows] = short & ((data.phase_end_s - data.phase_start_s)[rows] > 4 * slack)
    yield from report_phases(data, "I21", bad, "computes without enough nodes")


def _check_pilots(tables: HybridTables) -> Iterator[Violation]:
    """The classical phases that run at the same time fit on the pilots that run then."""
    data, slack = tables.data, tolerance_s(tables.data)
    rows = np.flatnonzero((data.phase_kind == CPU) & (data.phase_end_s - data.phase_start_s > 4 * slack))
    at_s = data.phase_start_s[rows] + 2 * slack
    one, asked = np.zeros(len(rows), np.int64), np.zeros(len(rows), np.int64)
    nodes = data.nodes[data.phase_job[rows]].astype(np.float64)
    in_use = _at_or_before(one, data.phase_start_s[rows], nodes, asked, at_s)
    in_use -= _at_or_before(one, data.phase_end_s[rows] - slack, nodes, asked, at_s)
    ran = tables.parts.are_shared & np.isfinite(tables.part_start_s)
    pilot, weight = np.zeros(int(ran.sum()), np.int64), tables.part_nodes[ran]
    there = _at_or_before(pilot, tables.part_start_s[ran], weight, asked, at_s)
    there -= _at_or_before(pilot, tables.part_end_s[ran], weight, asked, at_s)
    bad = np.zeros(len(data.phase_job), dtype=bool)
    bad[rows] = in_use > there
    yield from report_phases(data, "I21", bad, "computes while the pilots have too few nodes")


def _held(tables: HybridTables, rows: np.ndarray, at_s: Floats) -> Floats:
    """Return the nodes that the job of each phase holds at an instant."""
    parts = tables.parts
    ran = parts.are_nodes & np.isfinite(tables.part_start_s)
    job, weight = parts.job[ran], tables.part_nodes[ran]
    owner = tables.data.phase_job[rows]
    start = _at_or_before(job, tables.part_start_s[ran], weight, owner, at_s)
    return start - _at_or_before(job, tables.part_end_s[ran], weight, owner, at_s)


def _at_or_before(job: np.ndarray, time_s: Floats, weight: Floats, owner: np.ndarray, at_s: Floats) -> Floats:
    """Return the summed weight of each owner's events up to an instant; an event at NaN never comes."""
    comes = np.isfinite(time_s)
    job, time_s, weight = job[comes], time_s[comes], weight[comes]
    keys = np.concatenate([job, owner])
    times = np.concatenate([time_s, at_s])
    asks = np.concatenate([np.zeros(len(job), bool), np.ones(len(owner), bool)])
    order = np.lexsort((asks, times, keys))
    total = np.cumsum(np.concatenate([weight, np.zeros(len(owner))])[order])
    found = np.empty(len(keys))
    found[order] = total
    before = np.concatenate([[0.0], np.cumsum(np.bincount(job, weight, int(keys.max(initial=0)) + 1))])
    return np.asarray(found[len(job) :] - before[owner])


def check_calls(tables: HybridTables, qpu: QpuData) -> Iterator[Violation]:
    """I22: each phase on a QPU is a job of the QPU service, at the same time, unless its job holds a QPU itself."""
    data = tables.data
    known = np.column_stack([qpu.started_s, qpu.ended_s])[qpu.finished & ~qpu.background]
    rows = np.flatnonzero((data.phase_kind == QPU) & ~data.unanswered & ~_owns(tables)[data.phase_job])
    calls = np.column_stack([data.phase_start_s, data.phase_end_s])[rows]
    bad = np.zeros(len(data.phase_job), dtype=bool)
    bad[rows] = _surplus(calls, known)
    yield from report_phases(data, "I22", bad, "is on a QPU, but no job of qpu.csv is")


def _surplus(calls: Floats, known: Floats) -> Flags:
    """Return (n,) whether a row of ``calls`` is there more often than in ``known``."""
    both = np.concatenate([known, calls])
    _, place = np.unique(both, axis=0, return_inverse=True)
    place = place.reshape(-1)
    there = np.bincount(place[: len(known)], minlength=int(place.max(initial=0)) + 1)
    mine = place[len(known) :]
    order = np.argsort(mine, kind="stable")
    ranked = mine[order]
    first = np.searchsorted(ranked, ranked, side="left")
    surplus = np.empty(len(mine), dtype=bool)
    surplus[order] = np.arange(len(mine)) - first >= there[ranked]
    return surplus


def _owns(tables: HybridTables) -> Flags:
    """Return (n,) whether a job holds a QPU of its own."""
    owns = np.zeros(tables.data.n, dtype=bool)
    owns[tables.parts.job[tables.parts.are_qpus]] = True
    return owns


def starts_together(tables: HybridTables) -> bool:
    """Return whether some job asks for several parts at once, which start at one instant or not at all."""
    asked = np.column_stack([tables.parts.job, tables.part_submit_s])[~tables.parts.are_shared]
    return len(np.unique(asked, axis=0)) < len(asked)


def undecided(tables: HybridTables) -> list[str]:
    """Return sentences on what the tables do not tell."""
    n_open = int((~np.isfinite(tables.data.ended_s)).sum())
    found = [f"the held node time of {n_open:,} hybrid jobs that had not ended"] if n_open else []
    if starts_together(tables):
        found.append("the order of the batch queue: parts of a hybrid job start together, which no policy promises")
    return found
