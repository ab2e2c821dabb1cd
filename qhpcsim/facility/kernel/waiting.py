"""The waiting jobs in a fixed order, searchable for the next one that may start.

Every job of the table owns one position. A tree of minima over blocks of positions (fewest nodes, shortest estimate)
lets a search skip whole stretches of the queue, so that a pass over a deep queue in which nothing can start costs a
few comparisons. The two minima of a block may come from different jobs: they only ever rule a block out.
"""

from __future__ import annotations

import numpy as np

from qhpcsim.core.compiled import kernel_part
from qhpcsim.core.records import FloatArray, IntArray

BLOCK = 16
"""Positions under one leaf of the tree."""
NOBODY = 2**31 - 1
"""Nodes wanted at a position where nobody waits: more than any machine has."""


def empty_tree(n: int) -> tuple[IntArray, IntArray, FloatArray]:
    """Return ``(wants, least_nodes, least_est_s)`` for ``n`` positions with nobody waiting.

    Returns:
        Nodes wanted at each position, shape (n,); the two minima of each tree node, shape (2 * leaves,): node k has
        the children 2k and 2k+1, node 1 is the root, the second half are the leaves.
    """
    leaves = 1
    while leaves * BLOCK < n:
        leaves *= 2
    least_nodes = np.full(2 * leaves, NOBODY, np.int32)
    return np.full(n, NOBODY, np.int32), least_nodes, np.full(2 * leaves, np.inf)


@kernel_part
def join(
    wants: IntArray, least_nodes: IntArray, least_est_s: FloatArray, position: int, nodes: int, est_s: float
) -> None:
    """Let a job wait at its position."""
    wants[position] = nodes
    node = len(least_nodes) // 2 + position // BLOCK
    while node > 0:
        lower = False
        if nodes < least_nodes[node]:
            least_nodes[node] = nodes
            lower = True
        if est_s < least_est_s[node]:
            least_est_s[node] = est_s
            lower = True
        if not lower:
            break
        node >>= 1


@kernel_part
def leave(
    wants: IntArray,
    least_nodes: IntArray,
    least_est_s: FloatArray,
    by_position: IntArray,
    est_s: FloatArray,
    position: int,
) -> None:
    """Strike the job at a position from the queue."""
    gone = wants[position]
    wants[position] = NOBODY
    leaf = position // BLOCK
    node = len(least_nodes) // 2 + leaf
    if gone > least_nodes[node] and est_s[by_position[position]] > least_est_s[node]:
        return
    fewest, shortest_s = NOBODY, np.inf
    for at in range(leaf * BLOCK, min(leaf * BLOCK + BLOCK, len(wants))):
        if wants[at] != NOBODY:
            fewest = min(fewest, wants[at])
            shortest_s = min(shortest_s, est_s[by_position[at]])
    while fewest != least_nodes[node] or shortest_s != least_est_s[node]:
        least_nodes[node] = fewest
        least_est_s[node] = shortest_s
        if node == 1:
            break
        fewest = min(fewest, least_nodes[node ^ 1])
        shortest_s = min(shortest_s, least_est_s[node ^ 1])
        node >>= 1


@kernel_part
def find(
    wants: IntArray,
    least_nodes: IntArray,
    least_est_s: FloatArray,
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
    n, leaves = len(wants), len(least_nodes) // 2
    if first >= n:
        return -1
    node = leaves + first // BLOCK
    while True:
        fewest = least_nodes[node]
        if fewest <= free and (fewest <= spare or now_s + least_est_s[node] <= shadow_s):
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
def following(wants: IntArray, least_nodes: IntArray, first: int) -> int:
    """Return the first position ≥ ``first`` at which anybody waits, or ``len(wants)``."""
    n, leaves = len(wants), len(least_nodes) // 2
    if first >= n:
        return n
    node = leaves + first // BLOCK
    while True:
        if least_nodes[node] != NOBODY:
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
