"""What a run takes on a machine that does nothing else, told from runs on one that may."""

from __future__ import annotations

from collections.abc import Sequence

LONG_S, CORE_FRAC = 0.05, 0.9
"""A run longer than this that had less of a core than that was disturbed; shorter ones wait for threads anyway."""
WHOLE, FAULT = 0.95, 1 / 3
"""A run that computed for this share of its time was not interrupted; processor times below that share of their median
are faults of the clock: other work slows runs less than threefold."""


def undisturbed_s(wall_s: Sequence[float], cpu_s: Sequence[float], idle_s: float, threads: int) -> float:
    """Return the wall time of a run on an otherwise idle machine.

    This is the shortest run. Of a single thread the processor time is known too: where even that run was interrupted,
    the least processor time and the usual waiting are closer to the truth.

    The processor time alone is not to be trusted: the clock of a virtual machine was seen to count 0.09 ms for one run
    of 33 that took 2.8 ms each. Times so far below the others are left out.

    Args:
        wall_s: Wall times of runs of the same work.
        cpu_s: Processor times of the same runs.
        idle_s: What an uninterrupted run waits without computing.
        threads: Threads of the runs.
    """
    shortest_s, with_cpu_s = min(zip(wall_s, cpu_s, strict=True))
    if threads > 1 or with_cpu_s + idle_s >= WHOLE * shortest_s:
        return shortest_s
    least_s = FAULT * sorted(cpu_s)[len(cpu_s) // 2]
    return min(shortest_s, min(each for each in cpu_s if each >= least_s) + idle_s)


def usual_idle_s(waits_s: Sequence[float]) -> float:
    """Return what an uninterrupted run waits: the lower quartile of wall less processor time over many circuits."""
    return max(0.0, sorted(waits_s)[len(waits_s) // 4]) if waits_s else 0.0


def is_disturbed(wall_s: float, cpu_s: float) -> bool:
    """Return whether even the shortest run had clearly less of a core than a computation takes."""
    return wall_s > LONG_S and cpu_s < CORE_FRAC * wall_s
