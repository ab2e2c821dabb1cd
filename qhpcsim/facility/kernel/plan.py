"""The free nodes of a machine over future time, as conservative backfilling plans them.

A step function in two arrays: ``free[k]`` nodes are free in ``[at_s[k], at_s[k+1])`` for ``extent[0] ≤ k <
extent[1]``; the last step lasts for ever, and the first one counts from any earlier time. Neighbouring steps
differ, so the plan is as short as it can be.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.compiled import kernel_part
from qhpcsim.core.records import FloatArray, IntArray

Extent = NDArray[np.int64]

STRIDE = 4
"""Steps that a search for free nodes looks at together."""
_STALE = 64
"""Past steps that are left in front of the plan before it is moved up."""


@kernel_part
def forget_before(at_s: FloatArray, free: IntArray, extent: Extent, now_s: float) -> None:
    """Drop the steps that ended by ``now_s``."""
    begin, end = extent[0], extent[1]
    while begin + 1 < end and at_s[begin + 1] <= now_s:
        begin += 1
    if begin > _STALE:
        for k in range(begin, end):
            at_s[k - begin] = at_s[k]
            free[k - begin] = free[k]
        begin, end = 0, end - begin
    extent[0], extent[1] = begin, end


@kernel_part
def find_place(
    at_s: FloatArray, free: IntArray, extent: Extent, need: int, length_s: float, from_s: float, limit_s: float
) -> int:
    """Return the first step in which ``need`` nodes come free for ``length_s`` on end, or -1.

    Their start, ``max(at_s[step], from_s)``, is before ``limit_s``. Nodes at or after ``limit_s`` are not asked
    about: the caller knows that they are there.
    """
    end = extent[1]
    k = _step_of(at_s, extent, from_s)
    while True:
        k = _next_with(free, k, end, need)
        if k == end:
            return -1
        start_s = max(at_s[k], from_s)
        if start_s >= limit_s:
            return -1
        first = k
        end_s = min(start_s + length_s, limit_s)
        k += 1
        while k < end and at_s[k] < end_s and free[k] >= need:
            k += 1
        if k == end or at_s[k] >= end_s:
            return first


@kernel_part
def take(at_s: FloatArray, free: IntArray, extent: Extent, first: int, end_s: float, need: int) -> None:
    """Book ``need`` nodes from the step ``first``, as a whole, until ``end_s``."""
    k = first + 1
    while k < extent[1] and at_s[k] < end_s:
        k += 1
    if end_s < np.inf and (k == extent[1] or at_s[k] > end_s):
        _split(at_s, free, extent, k, end_s)
    for step in range(first, k):
        free[step] -= need
    if k < extent[1] and free[k] == free[k - 1]:
        _join(at_s, free, extent, k)
    if first > extent[0] and free[first] == free[first - 1]:
        _join(at_s, free, extent, first)


@kernel_part
def book(at_s: FloatArray, free: IntArray, extent: Extent, need: int, length_s: float, from_s: float) -> float:
    """Book ``need`` nodes for ``length_s`` at the first time ≥ ``from_s`` from which they are free on end.

    Returns:
        That time; inf if there is none.
    """
    first = find_place(at_s, free, extent, need, length_s, from_s, np.inf)
    if first < 0:
        return np.inf
    start_s: float = max(at_s[first], from_s)
    if start_s < start_s + length_s:
        take(at_s, free, extent, first, start_s + length_s, need)
    return start_s


@kernel_part
def _step_of(at_s: FloatArray, extent: Extent, time_s: float) -> int:
    """Return the step that a time ≥ now lies in."""
    low: int = extent[0]
    if low + 1 == extent[1] or at_s[low + 1] > time_s:
        return low
    high: int = extent[1]
    while high - low > 1:
        middle = (low + high) >> 1
        if at_s[middle] <= time_s:
            low = middle
        else:
            high = middle
    return low


@kernel_part
def _next_with(free: IntArray, k: int, end: int, need: int) -> int:
    """Return the first step ≥ ``k`` with ``need`` free nodes, or ``end``; looks at several steps together."""
    while k + STRIDE <= end:
        most = free[k]
        for ahead in range(k + 1, k + STRIDE):
            most = max(most, free[ahead])
        if most >= need:
            break
        k += STRIDE
    while k < end and free[k] < need:
        k += 1
    return k


@kernel_part
def fits_now(at_s: FloatArray, free: IntArray, extent: Extent, need: int, length_s: float, now_s: float) -> bool:
    """Return whether ``need`` nodes are free from now on for ``length_s``."""
    k, end = extent[0], extent[1]
    if free[k] < need:
        return False
    end_s = now_s + length_s
    k += 1
    while k < end and at_s[k] < end_s:
        if free[k] < need:
            return False
        k += 1
    return True


@kernel_part
def _step_at(at_s: FloatArray, extent: Extent, time_s: float) -> int:
    """Return the first step that begins at or after ``time_s``; ``extent[1]`` if none does."""
    low: int = extent[0]
    high: int = extent[1]
    while low < high:
        middle = (low + high) >> 1
        if at_s[middle] < time_s:
            low = middle + 1
        else:
            high = middle
    return low


@kernel_part
def change(
    at_s: FloatArray, free: IntArray, extent: Extent, start_s: float, end_s: float, nodes: int, now_s: float
) -> int:
    """Add ``nodes`` to the free ones over ``[start_s, end_s)``; a negative number books them.

    Returns:
        The most nodes free at any time in the interval, afterwards; 0 if it is empty.
    """
    if not start_s < end_s:
        return 0
    if start_s <= now_s or start_s <= at_s[extent[0]]:
        first = extent[0]
    else:
        first = _step_at(at_s, extent, start_s)
        if first == extent[1] or at_s[first] != start_s:
            _split(at_s, free, extent, first, start_s)
    last = extent[1]
    if end_s < np.inf:
        last = _step_at(at_s, extent, end_s)
        if last == extent[1] or at_s[last] != end_s:
            _split(at_s, free, extent, last, end_s)
    most: int = 0
    for k in range(first, last):
        free[k] += nodes
        most = max(most, free[k])
    if last < extent[1] and free[last] == free[last - 1]:
        _join(at_s, free, extent, last)
    if first > extent[0] and free[first] == free[first - 1]:
        _join(at_s, free, extent, first)
    return most


@kernel_part
def _split(at_s: FloatArray, free: IntArray, extent: Extent, step: int, time_s: float) -> None:
    """Let a new step, equal to the one before it, begin at ``time_s``."""
    # Unsigned indices cannot count from the end of an array; knowing that, the compiler moves many entries at once.
    one, last, n = np.uint64(1), np.uint64(extent[1]), np.uint64(extent[1] - step)
    for k in range(n):
        at_s[last - k] = at_s[last - k - one]
    for k in range(n):
        free[last - k] = free[last - k - one]
    at_s[step] = time_s
    free[step] = free[step - 1]
    extent[1] += 1


@kernel_part
def _join(at_s: FloatArray, free: IntArray, extent: Extent, step: int) -> None:
    """Strike a step that equals the one before it."""
    extent[1] -= 1
    one, first, n = np.uint64(1), np.uint64(step), np.uint64(extent[1] - step)
    for k in range(n):
        at_s[first + k] = at_s[first + k + one]
    for k in range(n):
        free[first + k] = free[first + k + one]
