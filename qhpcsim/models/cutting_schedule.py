"""How long a list of tasks takes on several workers, each of which takes the next task when it is free."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

import numpy as np

from qhpcsim.circuits.cutting_batches import batch_ends
from qhpcsim.core.records import FloatArray


def makespan_s(tasks_s: Sequence[float], workers: int, hand_over_s: float = 0.0) -> float:
    """Return when the last task of a list ends.

    Args:
        tasks_s: Time of each task, in the order in which they start.
        workers: How many run at once.
        hand_over_s: What a worker waits before each task.
    """
    free_s = [0.0] * max(1, workers)
    for task_s in tasks_s:
        heapq.heapreplace(free_s, free_s[0] + hand_over_s + task_s)
    return max(free_s)


def batched_s(runs_s: FloatArray, work: FloatArray, workers: int) -> list[float]:
    """Return the time of each task as the pipeline makes them up, in the order in which they start.

    Args:
        runs_s: Time of each circuit.
        work: What the pipeline takes for its length; it decides order and batches.
        workers: How many run at once.
    """
    order = np.argsort(-work, kind="stable")
    ends = batch_ends(work[order].tolist(), workers)
    return [float(runs_s[order[first:end]].sum()) for first, end in zip([0, *ends], ends, strict=False)]
