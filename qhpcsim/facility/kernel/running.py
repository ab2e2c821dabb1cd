"""The running jobs in order of expected end: a sorted list cut into blocks.

A block holds up to 64 jobs and knows how many nodes they own, so that inserting, deleting and asking when enough
nodes will be free stay cheap with tens of thousands of running jobs. Blocks live in a pool; ``line`` holds their
numbers in order of expected end. Where the pool is used up, all blocks are packed tightly again.

Arrays: ``run_s``, ``run_job`` (blocks * 64,) the entries; ``fill``, ``owned`` (blocks,) entries and nodes of each
block; ``line`` (blocks + 1,) the numbers of the blocks in use, their count last. Numbers of the rest follow in
``line`` after those in use. ``spare_s``, ``spare_job`` (most running jobs,) are where entries wait while all blocks
are packed: kernels allocate nothing.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.compiled import kernel_part, long_kernel_part
from qhpcsim.core.records import FloatArray, IntArray

SIZE = 64
"""Entries that a block can hold."""
PACKED = 56
"""Entries in a freshly packed block; the rest is room to grow."""


class Expected(NamedTuple):
    """The arrays, named."""

    run_s: FloatArray
    run_job: IntArray
    fill: IntArray
    owned: NDArray[np.int64]
    line: IntArray
    spare_s: FloatArray
    spare_job: IntArray


def empty_running(most: int) -> Expected:
    """Return the arrays with room for ``most`` running jobs."""
    blocks = 2 * (most // PACKED) + 4
    line = np.arange(blocks + 1, dtype=np.int32)
    line[blocks] = 0
    return Expected(
        np.zeros(blocks * SIZE),
        np.zeros(blocks * SIZE, np.int32),
        np.zeros(blocks, np.int32),
        np.zeros(blocks, np.int64),
        line,
        np.empty(most),
        np.empty(most, np.int32),
    )


@kernel_part
def _block_of(run_s: FloatArray, run_job: IntArray, line: IntArray, used: int, end_s: float, job: int) -> int:
    """Return the place in ``line`` of the last block that begins at or before ``(end_s, job)``; 0 if none does."""
    low, high = 0, used
    while high - low > 1:
        middle = (low + high) >> 1
        first = line[middle] * SIZE
        if run_s[first] < end_s or (run_s[first] == end_s and run_job[first] <= job):
            low = middle
        else:
            high = middle
    return low


@long_kernel_part
def insert_running(
    expected: Expected,
    nodes: IntArray,
    end_s: float,
    job: int,
) -> None:
    """File a job under its expected end; ties go to the lower job index."""
    run_s, run_job, fill, owned, line = expected.run_s, expected.run_job, expected.fill, expected.owned, expected.line
    used = line[len(line) - 1]
    if used == 0:
        used = line[len(line) - 1] = 1
        fill[line[0]] = 0
        owned[line[0]] = 0
    place = _block_of(run_s, run_job, line, used, end_s, job)
    if fill[line[place]] == SIZE:
        _make_room(expected, nodes, place)
        place = _block_of(run_s, run_job, line, line[len(line) - 1], end_s, job)
    block = line[place]
    first = block * SIZE
    at = first + fill[block]
    while at > first and (run_s[at - 1] > end_s or (run_s[at - 1] == end_s and run_job[at - 1] > job)):
        run_s[at] = run_s[at - 1]
        run_job[at] = run_job[at - 1]
        at -= 1
    run_s[at] = end_s
    run_job[at] = job
    fill[block] += 1
    owned[block] += nodes[job]


@kernel_part
def delete_running(
    expected: Expected,
    nodes: IntArray,
    end_s: float,
    job: int,
) -> None:
    """Strike a job that was filed under ``end_s``."""
    run_s, run_job, fill, owned, line = expected.run_s, expected.run_job, expected.fill, expected.owned, expected.line
    used = line[len(line) - 1]
    place = _block_of(run_s, run_job, line, used, end_s, job)
    block = line[place]
    last = block * SIZE + fill[block] - 1
    at = block * SIZE
    while run_job[at] != job:
        at += 1
    while at < last:
        run_s[at] = run_s[at + 1]
        run_job[at] = run_job[at + 1]
        at += 1
    fill[block] -= 1
    owned[block] -= nodes[job]
    if fill[block] == 0:
        for k in range(place, used - 1):
            line[k] = line[k + 1]
        line[used - 1] = block
        line[len(line) - 1] = used - 1


@long_kernel_part
def _make_room(
    expected: Expected,
    nodes: IntArray,
    place: int,
) -> None:
    """Split the full block at ``place``; if no block is left, pack all of them tightly first."""
    run_s, run_job, fill, owned, line = expected.run_s, expected.run_job, expected.fill, expected.owned, expected.line
    used = line[len(line) - 1]
    if used == len(line) - 1:
        _pack(expected, nodes)
        return
    old, new = line[place], line[used]
    for k in range(used, place + 1, -1):
        line[k] = line[k - 1]
    line[place + 1] = new
    line[len(line) - 1] = used + 1
    half = SIZE // 2
    fill[old], fill[new], owned[new] = half, half, 0
    for k in range(half):
        run_s[new * SIZE + k] = run_s[old * SIZE + half + k]
        run_job[new * SIZE + k] = run_job[old * SIZE + half + k]
        owned[new] += nodes[run_job[new * SIZE + k]]
    owned[old] -= owned[new]


@long_kernel_part
def _pack(expected: Expected, nodes: IntArray) -> None:
    """Rewrite all entries into blocks of ``PACKED``, in order of block number."""
    run_s, run_job, fill, owned, line = expected.run_s, expected.run_job, expected.fill, expected.owned, expected.line
    entry_s, entry_job = expected.spare_s, expected.spare_job
    count = 0
    for place in range(line[len(line) - 1]):
        first = line[place] * SIZE
        for at in range(first, first + fill[line[place]]):
            entry_s[count], entry_job[count] = run_s[at], run_job[at]
            count += 1
    for block in range(len(fill)):
        line[block] = block
        fill[block] = 0
        owned[block] = 0
    for k in range(count):
        block = k // PACKED
        at = block * SIZE + k % PACKED
        run_s[at], run_job[at] = entry_s[k], entry_job[k]
        fill[block] += 1
        owned[block] += nodes[entry_job[k]]
    line[len(line) - 1] = (count + PACKED - 1) // PACKED


@kernel_part
def shadow_of(
    expected: Expected,
    nodes: IntArray,
    need: int,
    free: int,
) -> tuple[float, int]:
    """Return when ``need`` nodes will be free by the expected ends, and how many are spare then.

    Every job that is expected to end at that very time counts.

    Args:
        expected: The running jobs.
        nodes: (n,) nodes of each job.
        need: Nodes wanted, more than ``free``.
        free: Nodes free now.
    """
    run_s, run_job, fill, owned, line = expected.run_s, expected.run_job, expected.fill, expected.owned, expected.line
    used, place = line[len(line) - 1], 0
    while place < used - 1 and free + owned[line[place]] < need:
        free += owned[line[place]]
        place += 1
    at = line[place] * SIZE
    while free + nodes[run_job[at]] < need:
        free += nodes[run_job[at]]
        at += 1
    shadow_s = run_s[at]
    while True:
        if at == line[place] * SIZE + fill[line[place]]:
            place += 1
            if place == used:
                break
            at = line[place] * SIZE
        if run_s[at] != shadow_s:
            break
        free += nodes[run_job[at]]
        at += 1
    return shadow_s, free - need
