"""Replays the rigid jobs of one partition instant by instant, compiled or as plain Python."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from qhpcsim.core.compiled import compile_kernel, is_compiled
from qhpcsim.core.records import FloatArray, IntArray
from qhpcsim.facility.kernel.easy import Candidates, EasyRule, advance_easy
from qhpcsim.facility.kernel.hints import empty_hints
from qhpcsim.facility.kernel.kept import Reserved, advance_kept
from qhpcsim.facility.kernel.machine import ARRIVED, FREE, LOGGED, N_COUNTS, PASSES, PLACED, Jobs, Machine
from qhpcsim.facility.kernel.replanned import Plan, advance_replanned
from qhpcsim.facility.kernel.running import empty_running
from qhpcsim.facility.kernel.waiting import Tree, empty_tree

_FIRST_ROOM = 1024
"""Steps that a plan has room for before it first has to grow."""
SHORTEST_EST_S = 1e-6
"""Shortest expected time that kept reservations can plan with: start + time must differ from start."""

Advance = Callable[..., float]


class KernelReplay:
    """One partition of identical, exclusive nodes replaying rigid jobs; every job must fit the empty machine.

    Args:
        submit_s: (n,) submission times, non-decreasing; equal ones join the queue in index order.
        hold_s: (n,) time on the nodes.
        est_s: (n,) time on the nodes as the scheduler sees it.
        nodes: (n,) nodes, 1..``n_nodes``.
        rank: (n,) position of each job in queue order over the whole table; None: order of submission.
        n_nodes: Size of the partition.
        backfill: ``none``, ``easy`` or ``conservative``.
        candidates: Order in which EASY tries to backfill: ``queue`` or ``sjf``.
        depth: Waiting jobs behind the first blocked one that a pass looks at; 0: all. Kept reservations ignore it.
        reservations: ``replanned`` or ``kept`` (conservative).
        compiled: False runs the same source as plain Python, hundreds of times slower.

    Raises:
        ValueError: if these jobs are beyond the kernel (too large; conservative jobs that outrun their estimates).
    """

    def __init__(
        self,
        submit_s: FloatArray,
        hold_s: FloatArray,
        est_s: FloatArray,
        nodes: IntArray,
        rank: IntArray | None,
        n_nodes: int,
        backfill: str = "easy",
        candidates: str = "queue",
        depth: int = 0,
        reservations: str = "replanned",
        *,
        compiled: bool = True,
    ) -> None:
        self._jobs = jobs = _jobs(submit_s, hold_s, est_s, nodes, rank)
        kind = reservations if backfill == "conservative" else backfill
        _check(jobs, n_nodes, kind)
        n, most = len(submit_s), min(len(submit_s), n_nodes)
        count = np.zeros(N_COUNTS, np.int64)
        count[FREE], count[PLACED] = n_nodes, -1
        self._machine = Machine(
            np.full(n, np.nan), np.empty(2 * n, np.int32), np.empty(most + 1), np.empty(most + 1, np.int32), count
        )
        self._plan = Plan(np.empty(0), np.empty(0, np.int32), np.zeros(2, np.int64))
        self._reserved = Reserved(np.empty(0), np.empty(0, np.int32), np.empty(0, np.int32))
        self._hints = empty_hints()
        self._kind, self._next_s = kind, -math.inf
        queue = empty_tree(n if kind != "kept" else 0)
        expected = empty_running(most if kind in ("easy", "replanned") else 0)
        if kind == "kept":
            self._advance: Advance = _compiled(advance_kept, compiled)
            self._fixed: tuple[Any, ...] = (jobs, self._machine)
        elif kind == "replanned":
            self._advance = _compiled(advance_replanned, compiled)
            self._fixed = (depth, jobs, self._machine, queue, expected)
        else:
            shortest_first = candidates == "sjf" and kind == "easy"
            rule = EasyRule(kind == "easy", depth, shortest_first, rank is None)
            order = _candidates(jobs, queue, shortest_first and depth == 0, depth)
            self._advance = _compiled(advance_easy, compiled)
            self._fixed = (rule, jobs, self._machine, queue, order, expected)

    def advance(self, until_s: float = math.inf) -> float:
        """Replay every instant before ``until_s``.

        Returns:
            Time of the next instant at which anything happens; inf if nothing is left.
        """
        if until_s <= self._next_s:
            return self._next_s
        if self._kind not in ("kept", "replanned"):
            self._next_s = float(self._advance(until_s, *self._fixed))
            return self._next_s
        if not len(self._plan.at_s):
            self._grow()
        while math.isnan(next_s := self._advance_planned(until_s)):
            self._grow()
        self._next_s = float(next_s)
        return self._next_s

    def _advance_planned(self, until_s: float) -> float:
        if self._kind == "kept":
            return self._advance(until_s, *self._fixed, self._reserved, self._hints, self._plan)
        return self._advance(until_s, *self._fixed, self._hints, self._plan)

    def _grow(self) -> None:
        """Double the room for steps and reservations."""
        room = max(_FIRST_ROOM, 2 * len(self._plan.at_s))
        if not len(self._plan.at_s):
            self._plan = Plan(np.full(room, -np.inf), np.full(room, self.n_free, np.int32), self._plan.extent)
            self._plan.extent[1] = 1
        else:
            self._plan = Plan(_longer(self._plan.at_s, room), _longer(self._plan.free, room), self._plan.extent)
        if self._kind == "kept":
            self._reserved = Reserved(*(_longer(array, room) for array in self._reserved))

    @property
    def start_s(self) -> FloatArray:
        """(n,) start times; NaN for jobs that have not started."""
        return self._machine.start_s

    @property
    def order(self) -> IntArray:
        """(≤ 2n,) what happened so far: j for a start of job j, ~j for its end."""
        return self._machine.order[: self._machine.counts[LOGGED]]

    @property
    def n_passes(self) -> int:
        """Scheduling passes made so far, counting those that were known to change nothing."""
        return int(self._machine.counts[PASSES])

    @property
    def n_arrived(self) -> int:
        """Jobs submitted so far."""
        return int(self._machine.counts[ARRIVED])

    @property
    def n_free(self) -> int:
        """Nodes free now."""
        return int(self._machine.counts[FREE])

    @property
    def n_bytes(self) -> int:
        """Bytes in all arrays that the kernel works on, the caller's own included; each array counts once."""
        arrays: dict[int, int] = {}
        todo: list[Any] = [self._fixed, self._plan, self._reserved]
        while todo:
            item = todo.pop()
            if isinstance(item, np.ndarray):
                arrays[item.ctypes.data] = item.nbytes
            elif isinstance(item, tuple):
                todo += item
        return sum(arrays.values())


def is_ready(backfill: str, reservations: str = "replanned") -> bool:
    """Return whether the kernel of a rule was compiled before, so that a caller can say that it will take a while."""
    kind = reservations if backfill == "conservative" else backfill
    kernels: dict[str, Advance] = {"kept": advance_kept, "replanned": advance_replanned}
    return is_compiled(kernels.get(kind, advance_easy))


def _compiled(advance: Advance, compiled: bool) -> Advance:
    if not compiled:
        return advance
    kernel: Advance = compile_kernel(advance)
    return kernel


def _jobs(submit_s: FloatArray, hold_s: FloatArray, est_s: FloatArray, nodes: IntArray, rank: IntArray | None) -> Jobs:
    """Return the jobs as contiguous arrays of the kernel's types, without copying where they are that already."""
    n = len(submit_s)
    if rank is None:
        position = by_rank = np.arange(n, dtype=np.int32)
    else:
        position = np.ascontiguousarray(rank, np.int32)
        by_rank = np.empty(n, np.int32)
        by_rank[position] = np.arange(n, dtype=np.int32)
    submit_s, hold_s, est_s = (np.ascontiguousarray(column, np.float64) for column in (submit_s, hold_s, est_s))
    return Jobs(submit_s, hold_s, est_s, np.ascontiguousarray(nodes, np.int32), position, by_rank)


def _check(jobs: Jobs, n_nodes: int, kind: str) -> None:
    """Refuse what the kernel would replay wrongly."""
    if not len(jobs.nodes):
        return
    if jobs.nodes.min() < 1 or jobs.nodes.max() > n_nodes:
        raise ValueError(f"every job must want 1 to {n_nodes} nodes")
    if kind in ("kept", "replanned") and (jobs.hold_s > jobs.est_s).any():
        raise ValueError("jobs that outrun their expected end cannot be planned by the kernel")
    if kind == "kept" and jobs.est_s.min() < SHORTEST_EST_S:
        raise ValueError(f"kept reservations need expected times of at least {SHORTEST_EST_S} s")


def _candidates(jobs: Jobs, queue: Tree, shortest_first: bool, depth: int) -> Candidates:
    """Return the order in which EASY tries the waiting jobs."""
    shadow_s, few = np.full(1, -np.inf), np.empty(min(depth, len(jobs.rank)), np.int32)
    if not shortest_first:
        return Candidates(queue, jobs.rank, jobs.by_rank, shadow_s, few)
    job = np.lexsort((jobs.rank, jobs.est_s)).astype(np.int32)
    position = np.empty(len(job), np.int32)
    position[job] = np.arange(len(job), dtype=np.int32)
    return Candidates(empty_tree(len(job)), position, job, shadow_s, few)


def _longer(array: Any, room: int) -> Any:
    """Return a copy of the array with room for ``room`` entries."""
    longer = np.empty(room, array.dtype)
    longer[: len(array)] = array
    return longer
