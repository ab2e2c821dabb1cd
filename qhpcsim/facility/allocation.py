"""Node ids of jobs that own whole nodes: every start takes the lowest free ids, every end gives them back.

Scheduling among identical nodes only counts them; which ones a job had is worked out afterwards from the log.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.compiled import compile_kernel, kernel_part
from qhpcsim.core.records import IntArray

Offsets = NDArray[np.int64]

_CHUNK = 50_000
"""Jobs whose ranges are text at the same time: a million jobs can have five million ranges."""


def assign_nodes(
    order: IntArray, nodes: IntArray, n_nodes: int, base: int = 0, *, compiled: bool = False
) -> tuple[Offsets, IntArray, IntArray]:
    """Return the node ids of every job in a log, as inclusive ranges in ascending order.

    Args:
        order: What happened on the nodes: j for a start of job j, ~j for its end.
        nodes: (n,) nodes of each job of the table.
        n_nodes: Size of the machine.
        base: Id of its first node.
        compiled: Walk compiled over arrays instead of in Python over lists; the result is the same.

    Returns:
        ``(offset, lo, hi)``: job j has the ranges ``lo[k]..hi[k]`` for ``offset[j] ≤ k < offset[j + 1]``.
    """
    n = len(nodes)
    if not compiled:
        return _by_job(*_walk_lists(order.tolist(), nodes.tolist(), n_nodes, base))
    walk = compile_kernel(walk_log)
    free_lo, free_hi = np.empty(n_nodes + 1, np.int32), np.empty(n_nodes + 1, np.int32)
    state = np.array([0, 0, 0, 1], np.int64)
    free_lo[0], free_hi[0] = base, base + n_nodes - 1
    first, count = np.zeros(n, np.int64), np.zeros(n, np.int32)
    room = max(64, n + n // 2)
    lo, hi = np.empty(room, np.int32), np.empty(room, np.int32)
    order, nodes = np.ascontiguousarray(order, np.int32), np.ascontiguousarray(nodes, np.int32)
    while not walk(order, nodes, free_lo, free_hi, state, first, count, lo, hi):
        # The log is walked on from where the ranges ran out of room.
        lo, hi = (np.concatenate((ranges, np.empty(len(ranges), np.int32))) for ranges in (lo, hi))
    return _by_job(first, count, lo, hi)


def _by_job(first: Offsets, count: IntArray, lo: IntArray, hi: IntArray) -> tuple[Offsets, IntArray, IntArray]:
    """Return ranges that stand in order of start in order of job."""
    offset = np.zeros(len(count) + 1, np.int64)
    np.cumsum(count, out=offset[1:])
    at = np.repeat(first - offset[:-1], count)
    at += np.arange(len(at))
    return offset, lo[at], hi[at]


def _walk_lists(
    order: list[int], nodes: list[int], n_nodes: int, base: int
) -> tuple[Offsets, IntArray, IntArray, IntArray]:
    """Do what ``walk_log`` does, on lists: Python inserts into those faster than it shifts arrays."""
    free_lo, free_hi = [base], [base + n_nodes - 1]
    lo: list[int] = []
    hi: list[int] = []
    first, count = [0] * len(nodes), [0] * len(nodes)
    for entry in order:
        if entry < 0:
            begin = first[~entry]
            for k in range(begin, begin + count[~entry]):
                give_back_lists(free_lo, free_hi, lo[k], hi[k])
            continue
        need, first[entry] = nodes[entry], len(lo)
        while need > 0:
            low, high = free_lo[0], free_hi[0]
            if high - low < need:
                del free_lo[0], free_hi[0]
            else:
                high = low + need - 1
                free_lo[0] = high + 1
            lo.append(low)
            hi.append(high)
            need -= high - low + 1
        count[entry] = len(lo) - first[entry]
    return np.array(first, np.int64), np.array(count, np.int32), np.array(lo, np.int32), np.array(hi, np.int32)


def give_back_lists(free_lo: list[int], free_hi: list[int], lo: int, hi: int) -> None:
    """Add one range to the free intervals, joining those that touch."""
    at = bisect_left(free_lo, lo)
    before = at > 0 and free_hi[at - 1] + 1 == lo
    after = at < len(free_lo) and hi + 1 == free_lo[at]
    if before and after:
        free_hi[at - 1] = free_hi[at]
        del free_lo[at], free_hi[at]
    elif before:
        free_hi[at - 1] = hi
    elif after:
        free_lo[at] = lo
    else:
        free_lo.insert(at, lo)
        free_hi.insert(at, hi)


def walk_log(
    order: IntArray,
    nodes: IntArray,
    free_lo: IntArray,
    free_hi: IntArray,
    state: Offsets,
    first: Offsets,
    count: IntArray,
    lo: IntArray,
    hi: IntArray,
) -> bool:
    """Walk a log and write the ranges of each job in order of start; return False if they ran out of room.

    Args:
        order: The log.
        nodes: (n,) nodes of each job.
        free_lo: Room for the free intervals, ascending and never touching each other.
        free_hi: Their last ids.
        state: Log entries walked, ranges written, and where the free intervals begin and end.
        first: (n,) first range of each job.
        count: (n,) ranges of each job.
        lo: First ids of the ranges.
        hi: Last ids of the ranges.
    """
    while state[0] < len(order):
        entry = order[state[0]]
        if entry < 0:
            for k in range(first[~entry], first[~entry] + count[~entry]):
                _give_back(free_lo, free_hi, state, lo[k], hi[k])
        else:
            need, wrote, begin = nodes[entry], state[1], state[2]
            if wrote + min(need, state[3] - begin) > len(lo):
                return False
            first[entry] = wrote
            while need > 0:
                held = free_hi[begin] - free_lo[begin] + 1
                lo[wrote] = free_lo[begin]
                if held <= need:
                    hi[wrote] = free_hi[begin]
                    begin += 1
                    need -= held
                else:
                    hi[wrote] = free_lo[begin] + need - 1
                    free_lo[begin] += need
                    need = 0
                wrote += 1
            count[entry] = wrote - first[entry]
            state[1], state[2] = wrote, begin
        state[0] += 1
    return True


@kernel_part
def _give_back(free_lo: IntArray, free_hi: IntArray, state: Offsets, lo: int, hi: int) -> None:
    """Add one range to the free intervals, joining those that touch."""
    begin, end = state[2], state[3]
    low, high = begin, end
    while low < high:
        middle = (low + high) >> 1
        if free_lo[middle] < lo:
            low = middle + 1
        else:
            high = middle
    before = low > begin and free_hi[low - 1] + 1 == lo
    after = low < end and hi + 1 == free_lo[low]
    if before and after:
        free_hi[low - 1] = free_hi[low]
        for k in range(low, end - 1):
            free_lo[k], free_hi[k] = free_lo[k + 1], free_hi[k + 1]
        state[3] = end - 1
    elif before:
        free_hi[low - 1] = hi
    elif after:
        free_lo[low] = lo
    elif begin > 0:
        # Starts take from the front, so there is mostly room there.
        for k in range(begin, low):
            free_lo[k - 1], free_hi[k - 1] = free_lo[k], free_hi[k]
        free_lo[low - 1], free_hi[low - 1] = lo, hi
        state[2] = begin - 1
    else:
        for k in range(end, low, -1):
            free_lo[k], free_hi[k] = free_lo[k - 1], free_hi[k - 1]
        free_lo[low], free_hi[low] = lo, hi
        state[3] = end + 1


def to_interval_strings(offset: Offsets, lo: IntArray, hi: IntArray) -> list[str]:
    """Return each job's node ids the way Batsim writes them, such as ``"0-3 7"``; "" for a job without nodes.

    A slice ``offset[a : b + 1]`` gives jobs a..b-1 only.
    """
    # Few different ids occur in many ranges: each is turned into text once.
    ids = [str(node) for node in range(int(hi.max(initial=-1)) + 1)]
    upto = ["-" + node for node in ids]
    texts: list[str] = []
    for begin in range(0, len(offset) - 1, _CHUNK):
        bounds = offset[begin : begin + _CHUNK + 1]
        some = slice(int(bounds[0]), int(bounds[-1]))
        pairs = zip(lo[some].tolist(), hi[some].tolist(), strict=True)
        words = [ids[a] if a == b else ids[a] + upto[b] for a, b in pairs]
        places = (bounds - bounds[0]).tolist()
        texts += [words[a] if b - a == 1 else " ".join(words[a:b]) for a, b in pairwise(places)]
    return texts
