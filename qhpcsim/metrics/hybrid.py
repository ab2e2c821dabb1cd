"""Figures of hybrid jobs: how fast they go round, where their time goes, what they hold without using it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from qhpcsim.core.hybrid_records import STOPPED, HybridJob, HybridRun
from qhpcsim.core.records import FloatArray

QPU_PARTS = ("qpu", "token")
"""Parts of an allocation that are QPUs or tokens, not nodes."""


Held = tuple[int, float, float]
"""Nodes, start and end of something that was allocated."""


def summarise_hybrid(
    jobs: Sequence[HybridJob], runs: Sequence[HybridRun], n_qpus: int, pilots: Sequence[Held] = ()
) -> dict[str, Any]:
    """Return the figures of hybrid jobs; None where there is nothing to say.

    The rates ``loop_throughput_per_s``, ``qpu_response_s``, ``qpu_utilisation`` and ``held_idle_frac`` are taken over
    the time from the first to the last instant at which as many hybrid jobs ran as ever did, so that filling and
    draining do not count; over the whole run where that is less than half of it.

    Args:
        jobs: The jobs.
        runs: What became of them, in the same order.
        n_qpus: Number of QPUs that served them.
        pilots: Those that the jobs shared.

    Returns:
        Counts by state, mean seconds of each kind of phase and the figures above; times in seconds, node time in node
        seconds.
    """
    states = [run.state for run in runs]
    done = [run for run in runs if run.state == "COMPLETED"]
    low_s, high_s = _window(runs)
    kinds, start_s, end_s, nodes, closed = _phases(jobs, runs)
    all_held = [*_held(runs), *pilots]
    held = _clipped_node_s(all_held, low_s, high_s)
    in_use = float((_overlap(start_s, end_s, low_s, high_s) * nodes)[kinds == "cpu"].sum())
    calls = kinds == "qpu"
    in_time = closed & (end_s > low_s) & (end_s <= high_s)
    answered = calls & in_time
    length_s = high_s - low_s
    n_answered = int(answered.sum())
    busy_s = float(_overlap(start_s, end_s, low_s, high_s)[calls].sum())
    waited_s = float((end_s - start_s)[(kinds == "qpu_wait") & in_time].sum())
    spent_s = float((end_s - start_s)[answered].sum())
    return {
        "n_jobs": len(runs),
        "n_completed": states.count("COMPLETED"),
        "n_walltime": states.count("WALLTIME"),
        "n_failed": states.count("FAILED"),
        "n_unfinished": states.count("QUEUED") + states.count("RUNNING"),
        "n_calls": int((calls & closed).sum()),
        "loop_throughput_per_s": n_answered / length_s if length_s > 0 else None,
        "qpu_response_s": (waited_s + spent_s) / n_answered if n_answered else None,
        "qpu_utilisation": busy_s / (length_s * n_qpus) if length_s > 0 and n_qpus else None,
        "held_idle_frac": 1.0 - in_use / held if held > 0 else None,
        "held_node_s": _clipped_node_s(all_held, -np.inf, np.inf),
        "used_node_s": float(((end_s - start_s) * nodes)[kinds == "cpu"].sum()),
        "mean_time_to_solution_s": _mean(
            [run.ended_s - job.submit_s for job, run in zip(jobs, runs, strict=True) if run.state == "COMPLETED"]
        ),
        "mean_residence_s": _mean([run.ended_s - run.started_s for run in done]),
        "mean_phase_s": {
            kind: float((end_s - start_s)[kinds == kind].sum()) / len(runs) for kind in dict.fromkeys(kinds.tolist())
        },
    }


def _window(runs: Sequence[HybridRun]) -> tuple[float, float]:
    """Return the time between the first and the last instant with as many running jobs as ever."""
    begun = np.array([run.started_s for run in runs])
    over = np.array([run.ended_s for run in runs])
    ran = np.isfinite(begun) & np.isfinite(over)
    if not ran.any():
        return 0.0, 0.0
    begun, over = begun[ran], over[ran]
    times = np.concatenate([begun, over])
    steps = np.concatenate([np.ones(len(begun)), -np.ones(len(over))])
    order = np.lexsort((steps, times))  # a job that ends makes room for one that starts: at no time did both run
    level = np.cumsum(steps[order])
    most = np.flatnonzero(level == level.max())
    low_s, high_s = float(times[order][most[0]]), float(times[order][min(most[-1] + 1, len(times) - 1)])
    first_s, last_s = float(begun.min()), float(over.max())
    return (low_s, high_s) if high_s - low_s >= 0.5 * (last_s - first_s) else (first_s, last_s)


def _phases(
    jobs: Sequence[HybridJob], runs: Sequence[HybridRun]
) -> tuple[np.ndarray, FloatArray, FloatArray, FloatArray, np.ndarray]:
    """Return kind, start, end and nodes of every phase, and whether it is no part of a call without an answer."""
    rows = [(phase, job.nodes) for job, run in zip(jobs, runs, strict=True) for phase in run.phases]
    kinds = np.array([phase[0] for phase, _ in rows], dtype=object)
    start_s = np.array([phase[1] for phase, _ in rows], dtype=np.float64)
    end_s = np.array([phase[2] for phase, _ in rows], dtype=np.float64)
    nodes = np.array([nodes for _, nodes in rows], dtype=np.float64)
    closed = [k < len(run.phases) - n_unanswered(run) for run in runs for k in range(len(run.phases))]
    return kinds, start_s, end_s, nodes, np.array(closed, dtype=np.bool_)


def n_unanswered(run: HybridRun) -> int:
    """Return how many of the last phases belong to a call that the job was stopped before the answer of."""
    kinds = [kind for kind, _, _ in run.phases[-2:]] if run.state in STOPPED else []
    if kinds[-1:] == ["qpu_wait"]:
        return 1
    if kinds[-1:] == ["qpu"]:
        return 1 + (kinds[0] == "qpu_wait")
    return 0


def n_answered(run: HybridRun) -> int:
    """Return how many of its QPU calls a job got an answer to."""
    return sum(kind == "qpu" for kind, _, _ in run.phases[: len(run.phases) - n_unanswered(run)])


def held_nodes(run: HybridRun) -> list[Held]:
    """Return (nodes, start, end) of everything that a job had allocated but QPUs and tokens."""
    return [(nodes, start_s, end_s) for part, nodes, start_s, end_s in run.held if part not in QPU_PARTS]


def held_node_s(run: HybridRun) -> float:
    """Return the node time of everything that a job had allocated but QPUs and tokens, and its share of pilots."""
    return run.shared_node_s + sum(nodes * (end_s - start_s) for nodes, start_s, end_s in held_nodes(run))


def _held(runs: Sequence[HybridRun]) -> list[Held]:
    return [each for run in runs for each in held_nodes(run)]


def _clipped_node_s(held: Sequence[Held], low_s: float, high_s: float) -> float:
    return float(sum(nodes * max(0.0, min(b, high_s) - max(a, low_s)) for nodes, a, b in held))


def _overlap(start_s: FloatArray, end_s: FloatArray, low_s: float, high_s: float) -> FloatArray:
    """Return the length of each interval inside a window."""
    found: FloatArray = np.clip(np.minimum(end_s, high_s) - np.maximum(start_s, low_s), 0.0, None)
    return found


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if len(values) else None
