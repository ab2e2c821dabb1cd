"""Rules about the figures: I12 Little, I13 energy, I14 utilisation, I15 bounds, I16 metrics recomputed.

Everything is computed again from the rows of ``jobs.csv``, in other words and with exact sums.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from qhpcsim.metrics.checks.tables import RELATIVE, Floats, Tables, Violation


def _close(tables: Tables, found: float | None, expected: float | None) -> bool:
    if found is None or expected is None:
        return found is expected
    return math.isclose(found, expected, rel_tol=tables.relative, abs_tol=tables.relative)


def compare(tables: Tables, rule: str, key: str, expected: float | None) -> Iterator[Violation]:
    """Yield a violation of ``rule`` unless the summary's figure is the expected one."""
    found = tables.summary.get(key)
    if not _close(tables, found, expected):
        yield Violation(rule, "", f"{key} is {found}, the table says {expected}")


def _window(tables: Tables) -> tuple[float, float]:
    times = np.concatenate([tables.start_s, tables.end_s])
    times = times[np.isfinite(times)]
    return 0.0, float(times.max()) if times.size else float(tables.submit_s.max(initial=0.0))


def _held(tables: Tables) -> Floats:
    """Return the (n,) node-seconds held within the window, by the last run of each job."""
    running = tables.started & ~tables.finished
    length = np.where(running, _window(tables)[1] - tables.start_s, tables.run_s)
    return np.where(tables.started, tables.share * length, 0.0)


def check_little(tables: Tables) -> Iterator[Violation]:
    """I12: the time integral of the queue length, step by step, is the sum of waits, and the summary's mean says so."""
    span = _window(tables)[1]
    if span <= 0:
        return
    waits = tables.state != "REJECTED"
    leave = np.where(np.isnan(tables.start_s), span, tables.start_s)[waits]
    join = tables.submit_s[waits]
    times = np.concatenate([join, leave])
    order = np.argsort(times, kind="stable")
    level = np.cumsum(np.repeat([1, -1], join.size)[order])
    integral = math.fsum((level[:-1] * np.diff(times[order])).tolist())
    yield from compare(tables, "I12", "mean_queue_length", integral / span)


def check_energy(tables: Tables) -> Iterator[Violation]:
    """I13: energies are the integral of power, lie between all idle and all busy, and add up."""
    span, written = _window(tables)[1], tables.floats("consumed_energy")
    held = _held(tables) + tables.lost_node_s
    total: list[float] = []
    for k, (name, partition) in enumerate(tables.partitions.items()):
        members = tables.home == k
        if partition.busy_w is None:
            powered = members & tables.finished & (written != -1)
            yield from tables.report("I13", powered, "has an energy although its partition states no power")
            continue
        idle_w, busy_w = partition.idle_w or 0.0, partition.busy_w
        wrong = members & tables.finished & ~np.isclose(written, held * busy_w, rtol=RELATIVE, atol=RELATIVE)
        yield from tables.report("I13", wrong, "energy is not nodes x busy watts x time")
        busy = math.fsum(held[members].tolist())
        energy = idle_w * (partition.nodes * span - busy) + busy_w * busy
        total.append(energy)
        found = tables.summary.get("by_partition", {}).get(name, {}).get("energy_j")
        least, most = sorted((idle_w * partition.nodes * span, busy_w * partition.nodes * span))
        if found is None or not _close(tables, found, energy):
            yield Violation("I13", "", f"energy of {name} is {found}, the table says {energy}")
        elif not least * (1 - RELATIVE) <= found <= most * (1 + RELATIVE):
            yield Violation("I13", "", f"energy of {name} is {found}, outside {least} … {most}")
    yield from compare(tables, "I13", "energy_j", math.fsum(total) if total else None)


def check_utilisation(tables: Tables) -> Iterator[Violation]:
    """I14: utilisations follow from the table and lie between 0 and 1."""
    span, held, nodes = _window(tables)[1], _held(tables), int(tables.first_node[-1])
    area = nodes * span
    useful = held[tables.state == "COMPLETED_SUCCESSFULLY"]
    expected = {
        "utilisation_frac": math.fsum((held + tables.lost_node_s).tolist()) / area if area > 0 else None,
        "useful_utilisation_frac": math.fsum(useful.tolist()) / area if area > 0 else None,
    }
    if not tables.lost_node_s.any():  # the rows do not tell when lost runs were
        expected["steady_utilisation_frac"] = _steady(tables, nodes)
    for key, value in expected.items():
        yield from compare(tables, "I14", key, value)
        found = tables.summary.get(key)
        if found is not None and not 0 <= found <= 1 + RELATIVE:
            yield Violation("I14", "", f"{key} is {found}, not between 0 and 1")


def _steady(tables: Tables, nodes: int) -> float | None:
    """Return the utilisation within the middle 80 % of the submission span."""
    span = float(tables.submit_s.max(initial=0.0))
    low, high = 0.1 * span, span - 0.1 * span
    if high <= low or nodes == 0:
        return None
    end = np.where(tables.started & ~tables.finished, _window(tables)[1], tables.end_s)
    inside = np.minimum(end, high) - np.maximum(tables.start_s, low)
    parts = np.where(inside > 0, inside * tables.share, 0.0)
    return math.fsum(parts.tolist()) / (nodes * (high - low))


def check_bounds(tables: Tables) -> Iterator[Violation]:
    """I15: the makespan is at least the area over the nodes, and at least each job's submission plus run time."""
    makespan = tables.summary.get("makespan_s")
    done = tables.finished
    yield from compare(tables, "I15", "makespan_s", float(tables.end_s[done].max()) if done.any() else None)
    if makespan is None or not done.any():
        return
    slack = tables.tolerance_s
    area = math.fsum((tables.share * tables.run_s)[done].tolist()) / max(1, int(tables.first_node[-1]))
    path = float((tables.submit_s + tables.run_s)[done].max())
    if makespan < area - slack:
        yield Violation("I15", "", f"makespan {makespan} s is shorter than the work on all nodes, {area} s")
    if makespan < path - slack:
        yield Violation("I15", "", f"makespan {makespan} s is shorter than one job's path, {path} s")
