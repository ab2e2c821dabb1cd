"""Node ids where nodes join and leave while jobs run: worked out from the log, as for a machine that stays as it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from qhpcsim.core.records import FloatArray, IntArray
from qhpcsim.facility.allocation import Offsets, give_back_lists

Absence = tuple[int, float, float]
"""Node id within the partition, from, to."""
_END_OF_RUN = float("inf")


class Step(NamedTuple):
    """Nodes that join, or are taken away, at one moment."""

    time_s: float
    nodes: int
    """Positive: they join; negative: they are taken away, as soon as no job is on them."""
    ends: int = -1
    """Index of the step whose nodes these are, when drained nodes come back; -1: new ones."""


class Steps(NamedTuple):
    """Every step of one partition, and where in its log each stands."""

    n_first: int
    """Nodes at the beginning; the new ones follow them."""
    begin_s: float
    taken: tuple[Step, ...]
    at: tuple[int, ...]
    """Entries of the log before each step."""


class NodeWalk:
    """Walks through a partition's log: starts take the lowest free ids, drained are the highest free ones.

    Args:
        steps: When nodes join and leave.
        nodes: (n,) nodes of each job.
        base: Id of the partition's first node.
    """

    def __init__(self, steps: Steps, nodes: Sequence[int], base: int) -> None:
        self._steps, self._nodes, self._base = steps, nodes, base
        self._lo, self._hi = [base], [base + steps.n_first - 1]
        self._next_new = base + steps.n_first
        self._owed = [0] * len(steps.taken)
        self._gone: list[list[tuple[int, float]]] = [[] for _ in steps.taken]
        """Of each step: (node, since when it is away)."""
        self.absences: list[Absence] = []
        self._ranges: dict[int, list[tuple[int, int]]] = {}

    def walk(self, order: IntArray, end_s: FloatArray) -> None:
        """Go through the log.

        Args:
            order: j for a start of job j, ~j for its end.
            end_s: (n,) end of each job.
        """
        due = dict.fromkeys(self._steps.at, 0)
        for step, at in enumerate(self._steps.at):
            due[at] = step + 1
        done = 0
        for place, entry in enumerate([*order.tolist(), None]):
            while done < due.get(place, 0):
                self._step(done)
                done += 1
            if entry is None:
                break
            if entry >= 0:
                self._ranges[entry] = self._take_lowest(self._nodes[entry])
            else:
                for low, high in self._ranges[~entry]:
                    give_back_lists(self._lo, self._hi, low, high)
                self._pay(float(end_s[~entry]))
        for nodes in self._gone:
            self.absences += [(node - self._base, since_s, _END_OF_RUN) for node, since_s in nodes]

    def ranges(self, n: int) -> tuple[Offsets, IntArray, IntArray]:
        """Return the node ids of n jobs, as ``assign_nodes`` does."""
        held = [self._ranges.get(job, []) for job in range(n)]
        offset = np.concatenate([[0], np.cumsum([len(each) for each in held], dtype=np.int64)]).astype(np.int64)
        flat = np.array([pair for each in held for pair in each], dtype=np.int32).reshape(-1, 2)
        return offset, flat[:, 0].copy(), flat[:, 1].copy()

    def _step(self, k: int) -> None:
        step = self._steps.taken[k]
        if step.nodes < 0:
            self._owed[k] = -step.nodes
            self._pay(step.time_s)
        elif step.ends >= 0:
            self._owed[step.ends] = 0
            for node, since_s in self._gone[step.ends]:
                give_back_lists(self._lo, self._hi, node, node)
                self.absences.append((node - self._base, since_s, step.time_s))
            self._gone[step.ends] = []
        else:
            first, last = self._next_new, self._next_new + step.nodes - 1
            self._next_new = last + 1
            give_back_lists(self._lo, self._hi, first, last)
            begin_s = self._steps.begin_s
            if begin_s < step.time_s:
                self.absences += [(node - self._base, begin_s, step.time_s) for node in range(first, last + 1)]

    def _pay(self, time_s: float) -> None:
        """Take free nodes, highest ids first, for the steps that have not got all of theirs."""
        for k, owed in enumerate(self._owed):
            while self._owed[k] and self._lo:
                count = min(owed, self._hi[-1] - self._lo[-1] + 1)
                high = self._hi[-1]
                self._gone[k] += [(node, time_s) for node in range(high, high - count, -1)]
                self._owed[k] -= count
                owed = self._owed[k]
                if self._lo[-1] + count > high:
                    del self._lo[-1], self._hi[-1]
                else:
                    self._hi[-1] = high - count

    def _take_lowest(self, need: int) -> list[tuple[int, int]]:
        lo, hi, taken = self._lo, self._hi, []
        while need > 0:
            low, high = lo[0], min(hi[0], lo[0] + need - 1)
            if high == hi[0]:
                del lo[0], hi[0]
            else:
                lo[0] = high + 1
            taken.append((low, high))
            need -= high - low + 1
        return taken


def absences_until(found: Sequence[Absence]) -> Callable[[float], list[Absence]]:
    """Return a function of the end of the run that gives the absences cut there, those of no length left out."""

    def until(end_s: float) -> list[Absence]:
        cut = [(node, from_s, min(to_s, end_s)) for node, from_s, to_s in found]
        return sorted((each for each in cut if each[1] < each[2]), key=lambda each: (each[1], each[0]))

    return until
