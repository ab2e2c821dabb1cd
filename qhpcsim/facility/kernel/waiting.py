"""The waiting jobs in a fixed order, searchable for the next one that may start.

Every job of the table owns one position. A tree over blocks of positions knows, for several lengths of time, the
fewest nodes that any job expected to take no longer wants. A search so skips whole stretches of the queue: a pass
over a deep queue in which nothing can start costs a few comparisons.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qhpcsim.core.compiled import kernel_part
from qhpcsim.core.records import FloatArray, IntArray

BLOCK = 8
"""Positions under one leaf of the tree."""
NOBODY = 2**31 - 1
"""Nodes wanted where nobody waits: more than any machine has."""
SHORTEST_S = 60.0
"""Jobs of length class 0 take no longer than this; every class reaches four times as far as the one before."""
N_CLASSES = 8
ANY = N_CLASSES - 1
"""The last length class: all jobs, however long."""


class Tree(NamedTuple):
    """The waiting jobs in some fixed order."""

    wants: IntArray
    """(n,) nodes wanted at each position."""
    least: NDArray[np.int32]
    """(2 * leaves, classes) fewest nodes wanted below each tree node by jobs of each length class or a shorter one.
    Node k has the children 2k and 2k+1, node 1 is the root, the second half are the leaves."""


def empty_tree(n: int) -> Tree:
    """Return the tree of ``n`` positions with nobody waiting."""
    leaves = 1
    while leaves * BLOCK < n:
        leaves *= 2
    return Tree(np.full(n, NOBODY, np.int32), np.full((2 * leaves, N_CLASSES), NOBODY, np.int32))


@kernel_part
def length_class(length_s: float) -> int:
    """Return the length class of a time."""
    limit_s, k = SHORTEST_S, 0
    while k < ANY and length_s > limit_s:
        limit_s *= 4.0
        k += 1
    return k


@kernel_part
def join(tree: Tree, position: int, nodes: int, est_s: float) -> None:
    """Let a job wait at its position."""
    least = tree.least
    tree.wants[position] = nodes
    node = len(least) // 2 + position // BLOCK
    shortest = length_class(est_s)
    while node > 0 and nodes < least[node, shortest]:
        for k in range(shortest, N_CLASSES):
            least[node, k] = min(least[node, k], nodes)
        node >>= 1


@kernel_part
def leave(tree: Tree, by_position: IntArray, est_s: FloatArray, position: int) -> None:
    """Strike the job at a position from the queue."""
    wants, least = tree.wants, tree.least
    gone = wants[position]
    wants[position] = NOBODY
    leaf = position // BLOCK
    node = len(least) // 2 + leaf
    if gone > least[node, length_class(est_s[by_position[position]])]:
        return
    for k in range(N_CLASSES):
        least[node, k] = NOBODY
    for at in range(leaf * BLOCK, min(leaf * BLOCK + BLOCK, len(wants))):
        if wants[at] != NOBODY:
            k = length_class(est_s[by_position[at]])
            least[node, k] = min(least[node, k], wants[at])
    for k in range(1, N_CLASSES):
        least[node, k] = min(least[node, k], least[node, k - 1])
    while node > 1:
        parent = node >> 1
        same = True
        for k in range(N_CLASSES):
            fewest = min(least[node, k], least[node ^ 1, k])
            same &= fewest == least[parent, k]
            least[parent, k] = fewest
        if same:
            break
        node = parent


@kernel_part
def find(
    tree: Tree,
    by_position: IntArray,
    est_s: FloatArray,
    first: int,
    free: int,
    spare: int,
    now_s: float,
    shadow_s: float,
) -> int:
    """Return the first position ≥ ``first`` whose job fits ``free`` and is harmless, or -1.

    Harmless: it takes at most ``spare`` nodes, or ends by ``shadow_s`` if started now.
    """
    wants, least = tree.wants, tree.least
    n, leaves = len(wants), len(least) // 2
    if first >= n:
        return -1
    # Whoever ends by the shadow time in rounded arithmetic is at most a rounding error longer than this.
    longest = length_class((shadow_s - now_s) + 1e-15 * (abs(shadow_s) + abs(now_s)))
    spare = min(spare, free)
    node = leaves + first // BLOCK
    while True:
        if least[node, longest] <= free or least[node, ANY] <= spare:
            if node < leaves:
                node *= 2
                continue
            begin = (node - leaves) * BLOCK
            for at in range(max(begin, first), min(begin + BLOCK, n)):
                need = wants[at]
                if need <= free and (need <= spare or now_s + est_s[by_position[at]] <= shadow_s):
                    return at
        while node & 1:
            node >>= 1
        if node == 0:
            return -1
        node += 1


@kernel_part
def following(tree: Tree, first: int) -> int:
    """Return the first position ≥ ``first`` at which anybody waits, or the number of positions."""
    wants, least = tree.wants, tree.least
    n, leaves = len(wants), len(least) // 2
    if first >= n:
        return n
    node = leaves + first // BLOCK
    while True:
        if least[node, ANY] != NOBODY:
            if node < leaves:
                node *= 2
                continue
            begin = (node - leaves) * BLOCK
            for at in range(max(begin, first), min(begin + BLOCK, n)):
                if wants[at] != NOBODY:
                    return at
        while node & 1:
            node >>= 1
        if node == 0:
            return n
        node += 1
