"""How circuits are put into tasks: that no worker waits long, and that no task is too short or too long."""

import numpy as np
import pytest

from qhpcsim.circuits.cutting_batches import LAST_SHARE, LEAST_WORK, MOST_WORK, batch_ends
from qhpcsim.models.cutting_schedule import makespan_s


def batches(work, workers):
    ends = batch_ends(work, workers)
    return [work[first:end] for first, end in zip([0, *ends], ends, strict=False)]


def lists():
    """Lists of 1 to 300 circuits, from all alike to a few that are most of it; 1 ms to 6 s each."""
    rng = np.random.default_rng(6)
    for _ in range(150):
        size = int(rng.integers(1, 300))
        yield sorted((2.0 ** rng.uniform(18, rng.uniform(18, 30), size)).tolist(), reverse=True)


@pytest.mark.parametrize("workers", [2, 3, 8, 64])
def test_workers_end_together(workers):
    """None ends later than an even share of all work and the longest circuit or least batch."""
    for work in lists():
        sums = [sum(batch) for batch in batches(work, workers)]
        assert sum(sums) == pytest.approx(sum(work))
        assert makespan_s(sums, workers) <= (sum(work) / workers + max(LEAST_WORK * LAST_SHARE, work[0])) * (1 + 1e-9)


@pytest.mark.parametrize("workers", [1, 2, 8])
def test_batches_are_neither_short_nor_long(workers):
    """A batch can be below the least work only where the next circuit would not go into it, or at the end."""
    least = LEAST_WORK * (LAST_SHARE if workers > 1 else 1)
    for work in lists():
        found = batches(work, workers)
        for batch, following in zip(found, [*found[1:], []], strict=True):
            assert sum(batch) <= MOST_WORK or len(batch) == 1
            assert not following or sum(batch) + following[0] > least


def test_nothing():
    assert batch_ends([], 1) == batch_ends([], 4) == []
