"""What a run takes on a machine that does nothing else, told from runs on one that may."""

from __future__ import annotations

from collections.abc import Sequence

LONG_S, CORE_FRAC = 0.05, 0.9
"""A run longer than this that had less of a core than that was disturbed; shorter ones wait for threads anyway."""


def undisturbed_s(wall_s: float, cpu_s: float, idle_s: float, threads: int) -> float:
    """Return the wall time of a run on an otherwise idle machine.

    This is the shortest run. Of a single thread the processor time is known too: where every run was interrupted, the
    least processor time and the usual waiting are closer to the truth.

    Args:
        wall_s: Wall time of the shortest run.
        cpu_s: Least processor time of a run.
        idle_s: What an uninterrupted run waits without computing.
        threads: Threads of the run.
    """
    return wall_s if threads > 1 else min(wall_s, cpu_s + idle_s)


def usual_idle_s(waits_s: Sequence[float]) -> float:
    """Return what an uninterrupted run waits: the lower quartile of wall less processor time over many circuits."""
    return max(0.0, sorted(waits_s)[len(waits_s) // 4]) if waits_s else 0.0


def is_disturbed(wall_s: float, cpu_s: float) -> bool:
    """Return whether even the shortest run had clearly less of a core than a computation takes."""
    return wall_s > LONG_S and cpu_s < CORE_FRAC * wall_s
