"""Where the search for a feasible time may begin, learnt from jobs placed before.

While a plan only loses free nodes, a job cannot be placed earlier than one that wanted as many nodes for no longer
was. Users submit alike jobs in long rows, so a small table of the latest ones saves most of the search.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.compiled import kernel_part
from qhpcsim.core.records import FloatArray, IntArray

_SLOTS = 512
"""Entries for (nodes, expected time), and as many for nodes alone; a power of two. Newer jobs replace older ones."""


class Hints(NamedTuple):
    """The table; an entry counts if its round is the current one, which stands behind the last entry."""

    nodes: IntArray
    est_s: FloatArray
    start_s: FloatArray
    """Where the job was placed."""
    freed_s: FloatArray
    """Nodes that came free since did so from this time on."""
    round: NDArray[np.int64]


def empty_hints() -> Hints:
    """Return a table without entries."""
    n = 2 * _SLOTS
    rounds = np.zeros(n + 1, np.int64)
    rounds[n] = 1
    return Hints(np.zeros(n, np.int32), np.zeros(n), np.zeros(n), np.zeros(n), rounds)


@kernel_part
def forget_hints(hints: Hints) -> None:
    """Begin a new round: nodes came free at once."""
    hints.round[2 * _SLOTS] += 1


@kernel_part
def _slot_of(nodes: int, est_s: float) -> int:
    """Return the place of such jobs in the table."""
    if est_s > 1e15:
        return nodes & (_SLOTS - 1)
    return (int(est_s) * 31 + nodes * 7919) & (_SLOTS - 1)


@kernel_part
def hint_s(hints: Hints, nodes: int, est_s: float, now_s: float) -> float:
    """Return a time before which such a job cannot start, ``now_s`` at least.

    To start before an earlier job did, it must reach nodes that came free since; the last term is for rounding.
    """
    hint_s = now_s
    for slot in (_slot_of(nodes, est_s), _SLOTS + (nodes & (_SLOTS - 1))):
        known = hints.round[slot] == hints.round[2 * _SLOTS] and hints.nodes[slot] == nodes
        if known and hints.est_s[slot] <= est_s:
            freed_s = hints.freed_s[slot]
            bound_s = hints.start_s[slot]
            if freed_s < np.inf:
                bound_s = min(bound_s, freed_s - est_s - 1e-15 * abs(freed_s))
            hint_s = max(hint_s, bound_s)
    return hint_s


@kernel_part
def note(hints: Hints, nodes: int, est_s: float, start_s: float, freed_s: float) -> None:
    """Remember where a job was placed.

    Args:
        hints: The table.
        nodes: Nodes of the job.
        est_s: Its expected time.
        start_s: Its place, or a time before which it has none.
        freed_s: Nodes that come free from now on in this round do so from this time on; inf if none will.
    """
    for slot in (_slot_of(nodes, est_s), _SLOTS + (nodes & (_SLOTS - 1))):
        hints.round[slot] = hints.round[2 * _SLOTS]
        hints.nodes[slot] = nodes
        hints.est_s[slot] = est_s
        hints.start_s[slot] = start_s
        hints.freed_s[slot] = freed_s
