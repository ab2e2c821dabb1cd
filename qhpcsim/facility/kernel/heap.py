"""The running jobs by their true end: a binary heap in two arrays, ties to the lower job index."""

from __future__ import annotations

from qhpcsim.core.compiled import kernel_part
from qhpcsim.core.records import FloatArray, IntArray


@kernel_part
def push(end_s: FloatArray, job: IntArray, size: int, new_end_s: float, new_job: int) -> None:
    """Add a job that ends at ``new_end_s`` to a heap of ``size`` jobs (the caller counts it)."""
    at = size
    while at > 0:
        parent = (at - 1) >> 1
        if end_s[parent] < new_end_s or (end_s[parent] == new_end_s and job[parent] < new_job):
            break
        end_s[at], job[at] = end_s[parent], job[parent]
        at = parent
    end_s[at], job[at] = new_end_s, new_job


@kernel_part
def pop(end_s: FloatArray, job: IntArray, size: int) -> int:
    """Take the job that ends first from a heap of ``size`` jobs and return it (the caller counts it)."""
    first: int = job[0]
    size -= 1
    last_s, last_job = end_s[size], job[size]
    at, child = 0, 1
    while child < size:
        right = child + 1
        if right < size and (end_s[right] < end_s[child] or (end_s[right] == end_s[child] and job[right] < job[child])):
            child = right
        if last_s < end_s[child] or (last_s == end_s[child] and last_job < job[child]):
            break
        end_s[at], job[at] = end_s[child], job[child]
        at = child
        child = 2 * at + 1
    end_s[at], job[at] = last_s, last_job
    return first
