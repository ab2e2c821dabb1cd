"""Where the search for a feasible time may begin, learnt from equal jobs placed before.

While a plan only loses free nodes, a job cannot be placed earlier than an equal one (same nodes, same expected time)
was. Users submit equal jobs in long rows, so a small table of the latest ones saves most of the search.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.compiled import kernel_part
from qhpcsim.core.records import FloatArray, IntArray

_SLOTS = 512
"""Entries of the table, a power of two; a newer job takes the place of an older one."""


class Hints(NamedTuple):
    """The table; an entry counts if its round is the current one, ``round[slots]``."""

    nodes: IntArray
    est_s: FloatArray
    start_s: FloatArray
    round: NDArray[np.int64]


def empty_hints() -> Hints:
    """Return a table without entries."""
    slots = np.zeros(_SLOTS + 1, np.int64)
    slots[_SLOTS] = 1
    return Hints(np.zeros(_SLOTS, np.int32), np.zeros(_SLOTS), np.zeros(_SLOTS), slots)


@kernel_part
def forget_hints(hints: Hints) -> None:
    """Begin a new round: the plan has gained free nodes."""
    hints.round[_SLOTS] += 1


@kernel_part
def slot_of(nodes: int, est_s: float) -> int:
    """Return the place of such jobs in the table."""
    if est_s > 1e15:
        return nodes & (_SLOTS - 1)
    return (int(est_s) * 31 + nodes * 7919) & (_SLOTS - 1)


@kernel_part
def hint_s(hints: Hints, slot: int, nodes: int, est_s: float, now_s: float) -> float:
    """Return a time before which such a job cannot start, ``now_s`` at least."""
    if hints.round[slot] == hints.round[_SLOTS] and hints.nodes[slot] == nodes and hints.est_s[slot] == est_s:
        known_s: float = hints.start_s[slot]
        return max(now_s, known_s)
    return now_s


@kernel_part
def note(hints: Hints, slot: int, nodes: int, est_s: float, start_s: float) -> None:
    """Remember where such a job was placed."""
    hints.round[slot] = hints.round[_SLOTS]
    hints.nodes[slot] = nodes
    hints.est_s[slot] = est_s
    hints.start_s[slot] = start_s
