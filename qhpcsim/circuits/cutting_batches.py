"""How circuits of a cut are put into tasks: longest first, several to a task where they are short."""

from __future__ import annotations

from collections.abc import Sequence

LEAST_WORK = 2**23
"""Amplitude updates of a batch for one worker, about 50 ms: handing it over then costs little beside it."""
LAST_SHARE = 1 / 4
"""Least batch of several workers, as a share of that: what one of them may wait for the last of the others."""
MOST_WORK = 2**27
"""A batch of about a second: no more is lost with a worker, or when a run that keeps its counts is interrupted."""
ROUNDS = 6
"""Least number of batches of one worker that are not the smallest, so that progress shows."""


def batch_ends(work: Sequence[float], workers: int) -> list[int]:
    """Return where each batch ends among circuits in the order in which they run.

    Batches of several workers shrink, each half of one worker's share of what is left, so that all end together (guided
    self-scheduling: Polychronopoulos and Kuck 1987, https://doi.org/10.1109/TC.1987.5009495).

    Args:
        work: Expected cost of each circuit as ``cutting_atoms.work`` says, largest first.
        workers: How many batches run at once.
    """
    alone = workers == 1
    total = left = sum(work)
    least = LEAST_WORK if alone else LEAST_WORK * LAST_SHARE
    ends, in_batch = list[int](), 0.0
    for place, each in enumerate(work):
        share = total / ROUNDS if alone else left / (2 * workers)
        if in_batch and in_batch + each > max(least, min(MOST_WORK, share)):
            ends.append(place)
            left -= in_batch
            in_batch = 0.0
        in_batch += each
    return [*ends, len(work)] if work else []
