"""How circuits of a cut are put into tasks: longest first, several to a task where they are short."""

from __future__ import annotations

from collections.abc import Sequence

LEAST_WORK = 2**23
"""Amplitude updates of a batch, about 50 ms: handing it to a worker then costs little beside it."""
ROUNDS = 6
"""Batches that each worker gets, so that none waits long for the last one."""


def batch_ends(work: Sequence[float], workers: int) -> list[int]:
    """Return where each batch ends among circuits in the order in which they run.

    Args:
        work: Expected cost of each circuit as ``cutting_atoms.work`` says, largest first.
        workers: How many batches run at once.
    """
    most = max(LEAST_WORK, sum(work) / (ROUNDS * workers))
    ends, in_batch = list[int](), 0.0
    for place, each in enumerate(work):
        if in_batch and in_batch + each > most:
            ends.append(place)
            in_batch = 0.0
        in_batch += each
    return [*ends, len(work)] if work else []
