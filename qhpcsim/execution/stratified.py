"""A stratified sample: the strata take turns, so that rare ones are seen and a sample cut short is still balanced."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Sequence

from qhpcsim.core.rng import Rng


def in_turns(strata: Sequence[Hashable], alike: Sequence[Hashable], rows: Sequence[int], seed: int) -> Iterator[int]:
    """Yield every row once, in the order in which a sample should take them.

    Args:
        strata: (n,) stratum of each row of the table; they take turns in sorted order.
        alike: (n,) what a row asks for: within a stratum, one of each comes before any is repeated.
        rows: Which rows there are to take.
        seed: Decides the order within each stratum; equal seeds give equal orders.
    """
    order = [rows[k] for k in Rng(seed).stream("sample").permutation(len(rows)).tolist()]
    seen: Counter[tuple[Hashable, Hashable]] = Counter()
    turns: dict[Hashable, list[tuple[int, int]]] = {}
    for row in order:
        work = strata[row], alike[row]
        turns.setdefault(strata[row], []).append((seen[work], row))
        seen[work] += 1
    queues = [iter(sorted(turns[key], key=lambda pair: pair[0])) for key in sorted(turns, key=repr)]
    while queues:
        left = []
        for queue in queues:
            pair = next(queue, None)
            if pair is not None:
                yield pair[1]
                left.append(queue)
        queues = left
