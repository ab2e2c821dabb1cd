"""I06 and I16 of QPUs: counts add up, and every figure of key ``qpu`` of ``summary.json`` follows from the tables.

Everything is computed again from the rows, in other words and with exact sums; fractions of time by sweeping over the
instants at which something begins or ends.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from qhpcsim.core.qpu_records import QpuJobState, QpuMode
from qhpcsim.metrics.checks.figures import exact_mean, exact_percentile
from qhpcsim.metrics.checks.qpu_rows import tolerance_s
from qhpcsim.metrics.checks.tables import RELATIVE, Flags, Floats, Integers, Violation
from qhpcsim.metrics.qpu_data import QpuData

Figures = Mapping[str, Any]
_STATES = {
    "n_completed": (QpuJobState.COMPLETED,),
    "n_failed": (QpuJobState.FAILED,),
    "n_rejected": (QpuJobState.REJECTED,),
    "n_unfinished": (QpuJobState.RUNNING, QpuJobState.QUEUED),
}


def check_conserved(data: QpuData, summary: Figures) -> Iterator[Violation]:
    """I06: no job is lost: rows are the workload's and the background's, and each ended in exactly one way."""
    if summary["n_jobs"] + summary["n_background"] != data.n:
        jobs = f"{summary['n_jobs']} jobs and {summary['n_background']} of other users"
        yield Violation("I06", "", f"qpu.csv has {data.n} rows, the summary {jobs}")
    for where, figures in (("qpu", summary), ("qpu.background", summary["background"])):
        if sum(figures[key] for key in _STATES) != figures["n_jobs"]:
            yield Violation("I06", "", f"{where}: completed, failed, rejected and unfinished do not add up to n_jobs")


def check_figures(data: QpuData, summary: Figures) -> Iterator[Violation]:
    """I16: counts, means, percentiles, sums and fractions follow from the tables."""
    own = ~data.background
    yield from _jobs(data, own, summary, "qpu")
    yield from _jobs(data, data.background, summary["background"], "qpu.background")
    yield from _same(data, summary, "qpu.horizon_s", "horizon_s", data.horizon_s)
    for mode in QpuMode:
        word = mode.name.lower()
        members = own & (data.mode == mode)
        figures = summary["by_mode"][word]
        yield from _same(data, figures, f"qpu.by_mode.{word}.n", "n", int(members.sum()))
        yield from _waits(data, members, figures, f"qpu.by_mode.{word}")
    for qpu, name in enumerate(data.qpu_names):
        yield from _qpu(data, qpu, summary["by_qpu"][name], f"qpu.by_qpu.{name}")


def _same(data: QpuData, figures: Figures, path: str, key: str, expected: float | None) -> Iterator[Violation]:
    found = figures.get(key)
    if found is None or expected is None:
        close = found is expected and key in figures
    else:
        close = math.isclose(found, expected, rel_tol=RELATIVE, abs_tol=tolerance_s(data))
    if not close:
        yield Violation("I16", "", f"{path} is {found}, the tables say {expected}")


def _jobs(data: QpuData, members: Flags, figures: Figures, where: str) -> Iterator[Violation]:
    started, finished = members & data.started, members & data.finished
    response = (data.ended_s - data.submitted_s)[finished]
    expected: dict[str, float | None] = {
        "n_jobs": int(members.sum()),
        **{key: int((members & np.isin(data.state, states)).sum()) for key, states in _STATES.items()},
        "max_wait_s": max((data.started_s - data.queued_s)[started].tolist(), default=None),
        "mean_turnaround_s": exact_mean(response),
        "p95_turnaround_s": exact_percentile(response, 95),
        "mean_service_s": exact_mean(data.used_s[finished]),
        "mean_fidelity": exact_mean(_numbers(data.fidelity, started)),
        "qpu_s": math.fsum(data.used_s[started].tolist()),
        "billed_s": math.fsum(data.billed_s[started].tolist()),
        "shots": _sum(_numbers(data.shots, started)),
        "energy_j": _sum(_numbers(data.energy_j, started)),
    }
    for key, value in expected.items():
        yield from _same(data, figures, f"{where}.{key}", key, value)
    yield from _waits(data, members, figures, where)
    for word in sorted({word for word in data.currency if word} | set(figures["cost"])):
        paid = started & np.isin(data.qpu, [qpu for qpu, other in enumerate(data.currency) if other == word])
        known = _numbers(data.cost, paid)
        if paid.any() and not len(known) and word not in figures["cost"]:
            continue  # nobody knows what these jobs cost
        amount = math.fsum(known.tolist())
        yield from _same(data, figures["cost"], f"{where}.cost.{word}", word, amount)


def _waits(data: QpuData, members: Flags, figures: Figures, where: str) -> Iterator[Violation]:
    wait_s = (data.started_s - data.queued_s)[members & data.started]
    expected = {"mean": exact_mean(wait_s), "median": exact_percentile(wait_s, 50), "p95": exact_percentile(wait_s, 95)}
    for word, value in expected.items():
        yield from _same(data, figures, f"{where}.{word}_wait_s", f"{word}_wait_s", value)


def _qpu(data: QpuData, qpu: int, figures: Figures, where: str) -> Iterator[Violation]:
    here = data.qpu == qpu
    ran = here & data.started
    waited = here & (data.started | (data.state == QpuJobState.QUEUED)) & np.isfinite(data.queued_s)
    left_s = np.where(data.started, data.started_s, data.horizon_s)
    queue = [np.column_stack([data.queued_s[waited], left_s[waited]])]
    inside = ran & (data.session >= 0)
    jobs = [np.column_stack([data.started_s[inside], data.until_s[inside]])]
    closed = [data.intervals.spans(qpu, kind) for kind in ("calibration", "outage", "closed", "warm_up", "reservation")]
    seconds = {
        "utilisation_frac": math.fsum(data.used_s[ran].tolist()),
        "calibration_frac": _swept(data, closed[0:1], _any),
        "outage_frac": _swept(data, closed[1:2], _any),
        "closed_frac": _swept(data, closed[2:3], _any),
        "warm_up_frac": _swept(data, closed[3:4], _any),
        "reserved_frac": _swept(data, closed[4:5], _any),
        "held_idle_frac": _swept(data, [data.intervals.spans(qpu, "session"), *jobs, *closed[:4]], _only_first),
        "mean_queue_length": _swept(data, queue, lambda levels: levels[0]),
    }
    for key, time_s in seconds.items():
        share = time_s / data.horizon_s if data.horizon_s > 0 else None
        yield from _same(data, figures, f"{where}.{key}", key, share)
    yield from _same(data, figures, f"{where}.n_jobs", "n_jobs", int(here.sum()))
    wait_s = exact_mean((data.started_s - data.queued_s)[ran])
    yield from _same(data, figures, f"{where}.mean_wait_s", "mean_wait_s", wait_s)
    paid = _sum(_numbers(data.cost, ran)) if data.currency and data.currency[qpu] else None
    yield from _same(data, figures, f"{where}.cost", "cost", paid)


def _swept(data: QpuData, layers: Sequence[Floats], weight: Callable[[Integers], Integers]) -> float:
    """Return the integral over the run of a weight of how many spans of each layer are on.

    Args:
        data: Says how long the run was.
        layers: (k, 2) spans each.
        weight: From (layers, instants) counts to (instants,) weights.
    """
    until_s = data.horizon_s
    times = np.concatenate([np.clip(spans, 0.0, until_s).ravel() for spans in layers])
    steps = np.zeros((len(layers), len(times)), dtype=np.int64)
    at = 0
    for layer, spans in enumerate(layers):
        steps[layer, at : at + 2 * len(spans)] = np.tile([1, -1], len(spans))
        at += 2 * len(spans)
    order = np.argsort(times, kind="stable")
    levels = np.cumsum(steps[:, order], axis=1)[:, :-1]
    return math.fsum((weight(levels) * np.diff(times[order])).tolist())


def _any(levels: Integers) -> Integers:
    return np.asarray(levels[0] > 0, dtype=np.int64)


def _only_first(levels: Integers) -> Integers:
    return np.asarray((levels[0] > 0) & (levels[1:].sum(axis=0) == 0), dtype=np.int64)


def _numbers(values: Floats | None, members: Flags) -> Floats:
    if values is None:
        return np.empty(0)
    chosen = values[members]
    return chosen[np.isfinite(chosen)]


def _sum(values: Floats) -> float | None:
    return math.fsum(values.tolist()) if values.size else None
