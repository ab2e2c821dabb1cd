"""Jobs that may not join the queue when they are submitted: they wait for other jobs, or for tasks of their array."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import numpy as np

from qhpcsim.core.records import JobTable
from qhpcsim.facility.outcome import Demand

NEVER = "DependencyNeverSatisfied"
"""Slurm's reason for a job that waits for the success of one that did not succeed."""
WAITS = "Dependency"
"""Slurm's reason for a job that waits for one that has not ended."""


class _Queue(Protocol):
    def arrive(self, job: int, time_s: float) -> None:
        """Let a job join the queue."""


class Followers:
    """Lets jobs join the queue when those before them have ended.

    Model: a job is eligible when all its predecessors have ended (``afterany``, SWF fields 17 and 18) or ended with
        success (``afterok``), and its think time is over. A job that waits for the success of one that failed, was
        killed or was rejected never runs; nor do those that wait for it. Of an array with a limit, so many of the
        first tasks that are eligible are in the queue or on nodes at a time; the next one joins when one ends.
    Assumes: a job that begins again after a node's failure has not ended; one whose ``afterany`` predecessor was
        rejected does not wait: nothing would ever free it.
    Not modelled: Slurm's ``after``, ``afternotok``, ``aftercorr``, ``singleton`` and alternatives (``?``).
    Source: https://slurm.schedmd.com/sbatch.html (--dependency, --array); SWF 2.2, fields 17 and 18.

    Args:
        table: The jobs.
        wants: Their partitions and hold times; ``never`` is written.
        systems: Batch system of each partition.
    """

    def __init__(self, table: JobTable, wants: Demand, systems: Sequence[_Queue]) -> None:
        self._table, self._wants, self._systems = table, wants, systems
        self._home: list[int] = wants.home.tolist()
        self.held = np.zeros(table.n, dtype=np.bool_)
        """(n,) jobs that are not in the queue from their submission on."""
        self._after: dict[int, list[tuple[int, bool]]] = {}
        self._left: dict[int, int] = {}
        """Job that waits -> predecessors that have not ended."""
        self._due_s: dict[int, float] = {}
        self._in_slot: list[int] = []
        self._next: list[deque[int]] = []
        self._hold_back()
        self._take_slots()
        busy = self._after or self._next
        self.ended: Callable[[int, float, bool], None] | None = self._on_end if busy else None
        """Hook of the batch systems; None if nobody waits."""

    def _hold_back(self) -> None:
        """Note who waits for whom, and who does so in vain."""
        in_vain = []
        for job, before, ok in _pairs(self._table):
            if self._home[job] < 0 or (self._home[before] < 0 and not ok):
                continue
            self.held[job] = True
            self._after.setdefault(before, []).append((job, ok))
            self._left[job] = self._left.get(job, 0) + 1
            if self._home[before] < 0:
                in_vain.append(job)
        for job in in_vain:
            self._give_up(job, NEVER)

    def _take_slots(self) -> None:
        """Let the first tasks of each limited array go; the others wait behind them."""
        array = self._table.array
        if array is None:
            return
        self._in_slot = [0] * len(array.limit)
        self._next = [deque() for _ in array.limit]
        for job in np.flatnonzero((array.code >= 0) & (self._wants.home >= 0) & ~self.held).tolist():
            self.held[job] = not self._enter(job, int(array.code[job]))

    def _enter(self, job: int, array: int) -> bool:
        """Return whether a task may join the queue; if not it is the next one when a task ends."""
        assert self._table.array is not None
        if self._in_slot[array] < self._table.array.limit[array]:
            self._in_slot[array] += 1
            return True
        self._next[array].append(job)
        return False

    def _on_end(self, ended: int, now_s: float, cut: bool) -> None:
        table = self._table
        success = not cut and self._wants.hold_s[ended] >= table.runtime_s[ended]
        success &= table.fails is None or not table.fails[ended]
        for job, ok in self._after.pop(ended, ()):
            if ok and not success:
                self._give_up(job, NEVER)
            elif job not in self._wants.never:
                self._satisfy(job, now_s)
        if table.array is not None and table.array.code[ended] >= 0:
            self._free_slot(int(table.array.code[ended]), now_s)

    def _free_slot(self, array: int, now_s: float) -> None:
        if self._next[array]:
            job = self._next[array].popleft()
            self._join(job, max(now_s, self._due_s.get(job, -math.inf)))
        else:
            self._in_slot[array] -= 1

    def _satisfy(self, job: int, now_s: float) -> None:
        """Count one predecessor off; with the last one the job is eligible."""
        table = self._table
        think_s = float(table.think_s[job]) if table.think_s is not None else 0.0
        self._due_s[job] = max(self._due_s.get(job, -math.inf), now_s + think_s)
        self._left[job] -= 1
        if self._left[job]:
            return
        array = -1 if table.array is None else int(table.array.code[job])
        if array < 0 or self._enter(job, array):
            self._join(job, self._due_s[job])

    def _join(self, job: int, due_s: float) -> None:
        self._systems[self._home[job]].arrive(job, max(float(self._table.submit_s[job]), due_s))

    def _give_up(self, job: int, reason: str) -> None:
        """Note that a job will never run, and those that wait for it will not either."""
        pending = [(job, reason)]
        while pending:
            each, why = pending.pop()
            if each not in self._wants.never or why == NEVER:
                self._wants.never[each] = why
                pending += [(after, WAITS) for after, _ in self._after.get(each, ()) if after not in self._wants.never]


def _pairs(table: JobTable) -> Iterator[tuple[int, int, bool]]:
    """Yield (job, predecessor, whether it must succeed) of every dependency."""
    if table.depends_on is not None:
        for job in np.flatnonzero(table.depends_on >= 0).tolist():
            yield job, int(table.depends_on[job]), False
    if table.waits is not None:
        offset, before, ok = table.waits
        job_of = np.repeat(np.arange(table.n), np.diff(offset))
        yield from zip(job_of.tolist(), before.tolist(), ok.tolist(), strict=True)
