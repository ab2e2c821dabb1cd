"""Free resources of a heterogeneous machine over future time."""

from __future__ import annotations

from bisect import bisect_left
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qhpcsim.policies.batch.state import INF, QueueState

Units = NDArray[np.int64]


class Timeline:
    """Which bins can hold parts of a job, now and after every expected end and reservation.

    Model: a bin is one node where jobs share nodes, and a set of interchangeable nodes where they own whole ones.
        ``free[k]`` holds each bin's free cores, GPUs and memory (or its free nodes) in ``[times[k], times[k+1])``.
    Assumes: running jobs end at their expected ends; those past them end now.
    Not modelled: leaf switches, when a start in the future is foreseen.

    Args:
        state: The partition; its pool is read, not changed.
    """

    def __init__(self, state: QueueState) -> None:
        self.pool: Any = state.pool
        self.exclusive: bool = self.pool.exclusive
        self._bin = _bins(self.pool)
        self._caps = _capacities(self.pool)
        self._asks: dict[Any, tuple[Any, Any]] = {}
        self.times: list[float] = [state.now_s]
        self.free = [self._now()]
        for end_s, job in state.running:
            if end_s == INF:
                break
            self._give_back(job, end_s)

    def units(self, step: int, demand: Any) -> Units:
        """Return how many nodes of each bin could hold their part of the job during one step."""
        usable, ask = self._ask(demand)
        if self.exclusive:
            counts: Units = np.where(usable, self.free[step][:, 0], 0).astype(np.int64)
            return counts
        fits: Units = (usable & (self.free[step] >= ask).all(axis=1)).astype(np.int64)
        return fits

    def earliest(self, demand: Any, length_s: float, from_s: float) -> tuple[float, Units]:
        """Return the first time the job could start and stay for its length, and the nodes of each bin.

        Returns:
            (inf, none) if there is none.
        """
        count = len(self.times)
        each = [self.units(step, demand) for step in range(count)]
        for at in range(count):
            start_s = max(self.times[at], from_s)
            if (at + 1 < count and self.times[at + 1] <= start_s) or each[at].sum() < demand.nodes:
                continue
            units, ahead = each[at], at + 1
            while ahead < count and self.times[ahead] < start_s + length_s and units.sum() >= demand.nodes:
                units = np.minimum(units, each[ahead])
                ahead += 1
            if units.sum() >= demand.nodes:
                return start_s, units
        return INF, np.zeros(len(self._caps), dtype=np.int64)

    def first(self, units: Units, need: int) -> Units:
        """Return ``need`` nodes out of ``units``, from the first bins on."""
        before = np.concatenate(([0], np.cumsum(units)[:-1]))
        chosen: Units = np.clip(need - before, 0, units)
        return chosen

    def allowed(self, units: Units) -> int:
        """Return the nodes free now that a job may take without touching what is planned, as a bit mask."""
        mask, left = 0, units.copy()
        for node, home in enumerate(self._bin):
            if left[home] > 0 and (not self.exclusive or self.pool.free_cores[node] == self.pool.cores[node]):
                mask |= 1 << node
                left[home] -= 1
        return mask

    def bins_of(self, nodes: tuple[int, ...]) -> Units:
        """Return how many of these nodes lie in each bin."""
        counts: Units = np.bincount([self._bin[node] for node in nodes], minlength=len(self._caps)).astype(np.int64)
        return counts

    def add(self, start_s: float, end_s: float, demand: Any, chosen: Units) -> None:
        """Take the job's parts from the chosen bins over ``[start_s, end_s)``."""
        if not start_s < end_s or start_s == INF:
            return
        change = self._change(demand, chosen)
        first = self._cut(start_s)
        last = len(self.times) if end_s == INF else self._cut(end_s)
        for step in range(first, last):
            self.free[step] = self.free[step] - change

    def _give_back(self, job: int, end_s: float) -> None:
        change = self._change(self.pool.demand(job), self.bins_of(self.pool.holding[job]))
        if end_s <= self.times[-1]:
            self.free[-1] = self.free[-1] + change
        else:
            self.times.append(end_s)
            self.free.append(self.free[-1] + change)

    def _now(self) -> NDArray[np.float64]:
        pool = self.pool
        if self.exclusive:
            idle = [free == all_ for free, all_ in zip(pool.free_cores, pool.cores, strict=True)]
            counts = np.bincount(self._bin, weights=idle, minlength=len(self._caps)).astype(np.float64)
            return counts[:, None]
        return np.column_stack([pool.free_cores, pool.free_gpus, pool.free_memory]).astype(np.float64)

    def _ask(self, demand: Any) -> tuple[Any, Any]:
        """Return which bins are usable and what the job takes of each of their nodes."""
        if demand not in self._asks:
            usable = np.zeros(len(self._caps), dtype=np.bool_)
            for node, home in enumerate(self._bin):
                usable[home] |= bool(demand.mask >> node & 1)
            self._asks[demand] = usable, self._share(demand)
        return self._asks[demand]

    def _share(self, demand: Any) -> Any:
        if self.exclusive:
            return np.ones((len(self._caps), 1))
        if not demand.cores:
            return self._caps
        memory = demand.memory_bytes if any(self.pool.memory_bytes) else 0.0
        return np.broadcast_to(np.array([demand.cores, demand.gpus, memory], dtype=np.float64), self._caps.shape)

    def _change(self, demand: Any, chosen: Units) -> Any:
        return chosen[:, None] * self._ask(demand)[1]

    def _cut(self, time_s: float) -> int:
        """Return the index of the step that begins at ``time_s``, splitting one if need be."""
        at = bisect_left(self.times, time_s)
        if at == len(self.times) or self.times[at] != time_s:
            self.times.insert(at, time_s)
            self.free.insert(at, self.free[at - 1])
        return at


def _bins(pool: Any) -> list[int]:
    """Return each node's bin: itself, or the set of nodes that no job of the workload tells apart."""
    if not pool.exclusive:
        return list(range(pool.n_nodes))
    masks = sorted({demand.mask for demand in pool.demands})
    kinds: dict[tuple[int, ...], int] = {}
    return [kinds.setdefault(tuple(mask >> node & 1 for mask in masks), len(kinds)) for node in range(pool.n_nodes)]


def _capacities(pool: Any) -> NDArray[np.float64]:
    if pool.exclusive:
        return np.bincount(_bins(pool)).astype(np.float64)[:, None]
    return np.column_stack([pool.cores, pool.gpus, pool.memory_bytes]).astype(np.float64)
